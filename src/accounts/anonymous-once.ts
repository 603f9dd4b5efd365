import type { Caller, Change, EventStore } from '../event-log/event-store.js';
import type { Repeat } from '../platform/allowed.js';
import type { Database, Tx } from '../platform/database.js';
import { Problem } from '../platform/problems.js';
import type { Vault } from '../platform/vault.js';

/** A creating request of somebody without a credential; `route` keeps the keys of two routes apart. */
export type AnonymousRequest = Readonly<{ route: 'signup' | 'invitation'; repeat?: Repeat | undefined }>;

type Stored = { request_hash: Buffer; sealed_body: Buffer };

const OWNER = 'anonymous';
const PURPOSE = 'anonymous answers';

/**
 * `CreateOnce` for those who have no credential yet: the answer is kept, sealed for the installation, in the transaction of the change itself and
 * repeated for 24 hours to who sends the same key with the same request. The request holds the password, so a guessed key gives nothing away.
 */
export class AnonymousOnce {
  readonly #db: Database;
  readonly #store: EventStore;
  readonly #vault: Vault;

  constructor(db: Database, store: EventStore, vault: Vault) {
    this.#db = db;
    this.#store = store;
    this.#vault = vault;
  }

  /** `prepare` does what must not hold a transaction open and names whose change it is; it is skipped for a repeat that is already answered. */
  async run<P extends Readonly<{ caller: Caller }>, T>(request: AnonymousRequest, steps: Readonly<{ prepare: () => Promise<P>; create: (change: Change, prepared: P) => Promise<T> }>): Promise<T> {
    const known = await this.#known<T>(request);
    if (known) return known;
    try {
      const prepared = await steps.prepare();
      return await this.#store.changeAsWorker(prepared.caller, async (change) => {
        await this.#claim(change.tx, request);
        const answer = await steps.create(change, prepared);
        await this.#keep(change.tx, request, answer);
        return answer;
      });
    } catch (error) {
      // What refused this request may be what the same one, sent twice at once, has just done: then its answer is ours too.
      const meanwhile = await this.#known<T>(request);
      if (meanwhile) return meanwhile;
      throw error;
    }
  }

  async #known<T>(request: AnonymousRequest): Promise<T | undefined> {
    return request.repeat && this.#db.asWorker((tx) => this.#answered<T>(tx, request));
  }

  /** Lets requests with the same key follow one another; throws, so that nothing of this one stays, when another has been answered. */
  async #claim(tx: Tx, request: AnonymousRequest): Promise<void> {
    if (!request.repeat) return;
    await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`${PURPOSE}|${request.route}|${request.repeat.key}`]);
    if ((await this.#answered(tx, request)) !== undefined) throw new Problem('conflict', 'The same request is being answered.');
  }

  async #answered<T>(tx: Tx, { route, repeat }: AnonymousRequest): Promise<T | undefined> {
    if (!repeat) return undefined;
    const { rows } = await tx.query<Stored>(
      `select request_hash, sealed_body from idempotent_answers where organization_id = $1 and caller = $2 and key = $3 and created_at > now() - interval '24 hours'`,
      [OWNER, route, repeat.key],
    );
    const stored = rows[0];
    if (!stored) return undefined;
    if (!stored.request_hash.equals(repeat.requestHash)) throw new Problem('idempotency_mismatch', 'Use a new Idempotency-Key for a new request.');
    return JSON.parse(this.#vault.openForInstallation(PURPOSE, `${route}|${repeat.key}`, stored.sealed_body)) as T;
  }

  async #keep(tx: Tx, { route, repeat }: AnonymousRequest, answer: unknown): Promise<void> {
    if (!repeat) return;
    await tx.query(
      `insert into idempotent_answers(organization_id, caller, key, request_hash, sealed_body) values ($1, $2, $3, $4, $5)
       on conflict (organization_id, caller, key) do update set request_hash = excluded.request_hash, sealed_body = excluded.sealed_body, created_at = now()`,
      [OWNER, route, repeat.key, repeat.requestHash, this.#vault.sealForInstallation(PURPOSE, `${route}|${repeat.key}`, JSON.stringify(answer))],
    );
  }
}
