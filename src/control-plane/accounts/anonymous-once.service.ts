import { Injectable } from '@nestjs/common';
import { EventStore, type Caller, type Change } from '../../record/event-store/event-store.js';
import type { Repeat } from '../../platform/rest/allowed.js';
import { Database, type Tx } from '../../platform/postgres/database.js';
import { Problem } from '../../platform/runtime/problems.js';
import { Vault } from '../../platform/crypto/vault.js';
import { LoginLimits, networkOf } from './login-limits.js';

/**
 * A creating request of somebody without a credential; `route` keeps the keys of two routes apart, `address` is the
 * caller's: networks take turns.
 */
export type AnonymousRequest = Readonly<{
  route: 'signup' | 'invitation' | 'organization';
  address: string;
  repeat?: Repeat | undefined;
}>;

/** What is ready before the change begins; `caller` names whose change it is. */
export type PreparedStranger = Readonly<{ caller: Caller }>;

type Stored = { request_hash: Buffer; sealed_body: Buffer };

const OWNER = 'anonymous';
const PURPOSE = 'anonymous answers';
const KEEP_FOR = '24 hours';

/**
 * `CreateOnce` for callers without a credential: the response is stored, sealed for the installation, in the
 * transaction
 * of the change itself, and repeated for 24 hours to whoever sends the same key with the same request. The request
 * holds the password, so a guessed key alone reveals nothing; a request that does not match counts as a failed sign-in,
 * so that nobody guesses passwords here either.
 */
@Injectable()
export class AnonymousOnce {
  readonly #db: Database;
  readonly #store: EventStore;
  readonly #vault: Vault;
  readonly #limits: LoginLimits;

  constructor(db: Database, store: EventStore, vault: Vault, limits: LoginLimits) {
    this.#db = db;
    this.#store = store;
    this.#vault = vault;
    this.#limits = limits;
  }

  /**
   * `prepare` does what must not hold a transaction open and names whose change it is; a repeat whose response is
   * stored skips it.
   */
  async run<P extends PreparedStranger, T>(
    request: AnonymousRequest,
    steps: Readonly<{ prepare: () => Promise<P>; create: (change: Change, prepared: P) => Promise<T> }>,
  ): Promise<T> {
    const known = await this.#known<T>(request);
    if (known) return known;
    try {
      const prepared = await steps.prepare();
      const create = async (change: Change): Promise<T> => {
        const answer = await steps.create(change, prepared);
        await this.#keep(change.tx, request, answer);
        return answer;
      };
      return await this.#store.changeAsStranger(prepared.caller, create, networkOf(request.address));
    } catch (error) {
      // The same request may have been sent twice at once: then the other one caused this refusal, and its response is
      // the response to both.
      const meanwhile = await this.#known<T>(request);
      if (meanwhile) return meanwhile;
      throw error;
    }
  }

  async #known<T>(request: AnonymousRequest): Promise<T | undefined> {
    return request.repeat && this.#db.asStranger(networkOf(request.address), (tx) => this.#answered<T>(tx, request));
  }

  async #answered<T>(tx: Tx, { route, address, repeat }: AnonymousRequest): Promise<T | undefined> {
    if (!repeat) return undefined;
    const { rows } = await tx.query<Stored>(
      `select request_hash, sealed_body from idempotent_answers where organization_id = $1 and caller = $2
        and key = $3 and created_at > now() - interval '${KEEP_FOR}'`,
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
    const answer = JSON.parse(
      this.#vault.openForInstallation(PURPOSE, `${route}|${repeat.key}`, stored.sealed_body),
    ) as T;
    repeat.onReplay();
    return answer;
  }

  /**
   * Throws when another request with the same key was answered meanwhile, so that nothing of this request stays. The
   * insert waits for that request's transaction.
   */
  async #keep(tx: Tx, { route, repeat }: AnonymousRequest, answer: unknown): Promise<void> {
    if (!repeat) return;
    const { rowCount } = await tx.query(
      `insert into idempotent_answers as kept (organization_id, caller, key, request_hash, sealed_body)
        values ($1, $2, $3, $4, $5)
       on conflict (organization_id, caller, key) do update
         set request_hash = excluded.request_hash, sealed_body = excluded.sealed_body, created_at = now()
       where kept.created_at <= now() - interval '${KEEP_FOR}'`,
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
