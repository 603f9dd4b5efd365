import type { Caller, Change, EventStore } from '../../record/event-store/event-store.js';
import type { Repeat } from '../../platform/rest/allowed.js';
import type { Database, Tx } from '../../platform/postgres/database.js';
import { Problem } from '../../platform/runtime/problems.js';
import type { Vault } from '../../platform/crypto/vault.js';
import type { LoginLimits } from './login-limits.js';

/**
 * A creating request of somebody without a credential; `route` keeps the keys of two routes apart, `address` is the
 * caller's.
 */
export type AnonymousRequest = Readonly<{
  route: 'signup' | 'invitation';
  address: string;
  repeat?: Repeat | undefined;
}>;

type Stored = { request_hash: Buffer; sealed_body: Buffer };

const OWNER = 'anonymous';
const PURPOSE = 'anonymous answers';
const KEPT = '24 hours';

/**
 * `CreateOnce` for those who have no credential yet: the answer is kept, sealed for the installation, in the
 * transaction of the change itself and repeated for 24 hours to who sends the same key with the same request. The
 * request holds the password, so a guessed key alone gives nothing away; what does not match counts as a failed
 * sign-in, so that the password is not guessed here either.
 */
export class AnonymousOnce {
  readonly #db: Database;
  readonly #store: EventStore;
  readonly #vault: Vault;
  readonly #limits: LoginLimits;

  constructor(db: Database, store: EventStore, guards: Readonly<{ vault: Vault; limits: LoginLimits }>) {
    this.#db = db;
    this.#store = store;
    this.#vault = guards.vault;
    this.#limits = guards.limits;
  }

  /**
   * `prepare` does what must not hold a transaction open and names whose change it is; it is skipped for a repeat that
   * is already answered.
   */
  async run<P extends Readonly<{ caller: Caller }>, T>(
    request: AnonymousRequest,
    steps: Readonly<{ prepare: () => Promise<P>; create: (change: Change, prepared: P) => Promise<T> }>,
  ): Promise<T> {
    const known = await this.#known<T>(request);
    if (known) return known;
    try {
      const prepared = await steps.prepare();
      return await this.#store.changeAsStranger(prepared.caller, async (change) => {
        const answer = await steps.create(change, prepared);
        await this.#keep(change.tx, request, answer);
        return answer;
      });
    } catch (error) {
      // What refused this request may be what the same one, sent twice at once, has just done: then its answer is ours
      // too.
      const meanwhile = await this.#known<T>(request);
      if (meanwhile) return meanwhile;
      throw error;
    }
  }

  async #known<T>(request: AnonymousRequest): Promise<T | undefined> {
    return request.repeat && this.#db.asStranger(request.address, (tx) => this.#answered<T>(tx, request));
  }

  async #answered<T>(tx: Tx, { route, address, repeat }: AnonymousRequest): Promise<T | undefined> {
    if (!repeat) return undefined;
    const { rows } = await tx.query<Stored>(
      `select request_hash, sealed_body from idempotent_answers where organization_id = $1 and caller = $2
        and key = $3 and created_at > now() - interval '${KEPT}'`,
      [OWNER, route, repeat.key],
    );
    const stored = rows[0];
    if (!stored) return undefined;
    const attempt = { target: `${route} ${repeat.key}`, address };
    await this.#limits.admit(attempt);
    if (!stored.request_hash.equals(repeat.requestHash)) {
      await this.#limits.failed(attempt);
      throw new Problem('idempotency_mismatch', 'Use a new Idempotency-Key for a new request.');
    }
    return JSON.parse(this.#vault.openForInstallation(PURPOSE, `${route}|${repeat.key}`, stored.sealed_body)) as T;
  }

  /**
   * Throws, so that nothing of this request stays, when another with the same key has been answered meanwhile: the
   * insert waits for it.
   */
  async #keep(tx: Tx, { route, repeat }: AnonymousRequest, answer: unknown): Promise<void> {
    if (!repeat) return;
    const { rowCount } = await tx.query(
      `insert into idempotent_answers as kept (organization_id, caller, key, request_hash, sealed_body)
        values ($1, $2, $3, $4, $5)
       on conflict (organization_id, caller, key) do update
         set request_hash = excluded.request_hash, sealed_body = excluded.sealed_body, created_at = now()
       where kept.created_at <= now() - interval '${KEPT}'`,
      [
        OWNER,
        route,
        repeat.key,
        repeat.requestHash,
        this.#vault.sealForInstallation(PURPOSE, `${route}|${repeat.key}`, JSON.stringify(answer)),
      ],
    );
    if (rowCount !== 1)
      throw new Problem('conflict', 'A request with this Idempotency-Key has just been answered. Send it again.');
  }
}
