import type { Tx } from '../../platform/postgres/database.js';
import { organizationKey } from '../../platform/postgres/organization-key.js';
import { Problem } from '../../platform/runtime/problems.js';
import type { SecretPlace, Vault } from '../../platform/crypto/vault.js';
import type { Caller, Change, EventStore } from './event-store.js';

type Repeatable = Caller & Readonly<{ repeat?: Readonly<{ key: string; requestHash: Buffer; onReplay: () => void }> }>;
type StoredResponse = { request_hash: Buffer; sealed_body: Buffer };

const NOT_EXPIRED = "created_at > now() - interval '24 hours'";

const placeOf = (caller: Repeatable, key: string): SecretPlace => ({
  organizationId: caller.organizationId,
  table: 'idempotent_answers',
  column: 'sealed_body',
  row: `${caller.actor.id}|${key}`,
});

/**
 * Runs creating requests at most once per `Idempotency-Key`. The response is stored, encrypted, in the transaction of
 * the change itself. A repeat within 24 hours gets the same response, secrets included, also when the process died
 * between commit and response. Another request under the same key is refused.
 */
export class CreateOnce {
  readonly #store: EventStore;
  readonly #vault: Vault;

  constructor(store: EventStore, vault: Vault) {
    this.#store = store;
    this.#vault = vault;
  }

  /**
   * `prepare` does the work that must not hold a transaction open (network, password hashing). It is skipped for a
   * repeat whose response is stored.
   */
  async run<P, T>(
    caller: Repeatable,
    steps: Readonly<{ prepare: () => Promise<P>; create: (change: Change, prepared: P) => Promise<T> }>,
  ): Promise<T> {
    const known =
      caller.repeat && (await this.#store.read(caller.organizationId, (tx) => this.#answered<T>(tx, caller)));
    // The stored response holds secrets too: the change checks that the caller may still read it.
    if (known) {
      await this.#store.change(caller, () => Promise.resolve());
      caller.repeat?.onReplay();
      return known;
    }
    const prepared = await steps.prepare();
    return this.#store.change(caller, async (change) => {
      const meanwhile = await this.#answered<T>(change.tx, caller);
      if (meanwhile) {
        caller.repeat?.onReplay();
        return meanwhile;
      }
      const answer = await steps.create(change, prepared);
      if (caller.repeat) await this.#keep(change.tx, caller, answer);
      return answer;
    });
  }

  async #answered<T>(tx: Tx, caller: Repeatable): Promise<T | undefined> {
    const { repeat } = caller;
    if (!repeat) return undefined;
    const { rows } = await tx.query<StoredResponse>(
      `select request_hash, sealed_body from idempotent_answers where organization_id = $1 and caller = $2
        and key = $3 and ${NOT_EXPIRED}`,
      [caller.organizationId, caller.actor.id, repeat.key],
    );
    const stored = rows[0];
    if (!stored) return undefined;
    if (!stored.request_hash.equals(repeat.requestHash))
      throw new Problem('idempotency_mismatch', 'Use a new Idempotency-Key for a new request.');
    return JSON.parse(
      this.#vault.open(
        await organizationKey(tx, caller.organizationId),
        placeOf(caller, repeat.key),
        stored.sealed_body,
      ),
    ) as T;
  }

  async #keep(tx: Tx, caller: Repeatable, answer: unknown): Promise<void> {
    const { repeat } = caller;
    if (!repeat) return;
    const sealed = this.#vault.seal(
      await organizationKey(tx, caller.organizationId),
      placeOf(caller, repeat.key),
      JSON.stringify(answer),
    );
    await tx.query(
      `insert into idempotent_answers(organization_id, caller, key, request_hash, sealed_body)
        values ($1, $2, $3, $4, $5)
       on conflict (organization_id, caller, key) do update
         set request_hash = excluded.request_hash, sealed_body = excluded.sealed_body, created_at = now()`,
      [caller.organizationId, caller.actor.id, repeat.key, repeat.requestHash, sealed],
    );
  }
}
