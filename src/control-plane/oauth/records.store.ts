import { createHash } from 'node:crypto';
import type { Database } from '../../platform/postgres/database.js';
import type { Vault } from '../../platform/crypto/vault.js';

/** A record of the authorization server: its payload, and when it was used up. */
export type KeptRecord = Readonly<{ payload: Readonly<Record<string, unknown>>; consumedAt: Date | null }>;

export type NewRecord = Readonly<{
  kind: string;
  id: string;
  payload: Readonly<Record<string, unknown>>;
  uid?: string | undefined;
  grantId?: string | undefined;
  network?: string | undefined;
  /** Seconds; undefined: it does not expire. */
  ttl: number | undefined;
}>;

type Row = { sealed: Buffer; consumed_at: Date | null };

const hashOf = (text: string): Buffer => createHash('sha256').update(text).digest();
const PURPOSE = 'oauth-record';

/**
 * Registered clients, codes, refresh tokens and running authorizations. What their holders send is kept as a hash, and
 * the rest is sealed with that hash, so that no row can stand in for another.
 */
export class RecordsStore {
  readonly #db: Database;
  readonly #vault: Vault;

  constructor(db: Database, vault: Vault) {
    this.#db = db;
    this.#vault = vault;
  }

  /** Keeps a record, in place of one with the same id. */
  async put({ kind, id, payload, uid, grantId, network, ttl }: NewRecord): Promise<void> {
    const hash = hashOf(id);
    const sealed = this.#vault.sealForInstallation(PURPOSE, rowOf(kind, hash), JSON.stringify(payload));
    await this.#db.signIn.query(
      `insert into oauth_records(kind, id_hash, uid_hash, grant_id, network, sealed, expires_at)
        values ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7))
        on conflict (kind, id_hash) do update set uid_hash = excluded.uid_hash, sealed = excluded.sealed,
          expires_at = excluded.expires_at`,
      [kind, hash, uid === undefined ? null : hashOf(uid), grantId ?? null, network ?? null, sealed, ttl ?? null],
    );
  }

  /** A record that has not expired. */
  find(kind: string, id: string): Promise<KeptRecord | undefined> {
    return this.#find(kind, hashOf(id), 'id_hash');
  }

  /** The same by the uid that it was kept with. */
  findByUid(kind: string, uid: string): Promise<KeptRecord | undefined> {
    return this.#find(kind, hashOf(uid), 'uid_hash');
  }

  /** Marks a record as used up; false when it was so already, or is not there. */
  async consume(kind: string, id: string): Promise<boolean> {
    const { rowCount } = await this.#db.signIn.query(
      'update oauth_records set consumed_at = now() where kind = $1 and id_hash = $2 and consumed_at is null',
      [kind, hashOf(id)],
    );
    return rowCount === 1;
  }

  async delete(kind: string, id: string): Promise<void> {
    await this.#db.signIn.query('delete from oauth_records where kind = $1 and id_hash = $2', [kind, hashOf(id)]);
  }

  async deleteOfGrant(kind: string, grantId: string): Promise<void> {
    await this.#db.signIn.query('delete from oauth_records where kind = $1 and grant_id = $2', [kind, grantId]);
  }

  /** Keeps a record for good. */
  async keep(kind: string, id: string): Promise<void> {
    await this.#db.signIn.query('update oauth_records set expires_at = null where kind = $1 and id_hash = $2', [
      kind,
      hashOf(id),
    ]);
  }

  /** How many records of a kind a network made within an hour. */
  async countOfHour(kind: string, network: string): Promise<number> {
    const { rows } = await this.#db.signIn.query<{ count: number }>(
      `select count(*)::int as count from oauth_records
        where network = $2 and kind = $1 and created_at > now() - interval '1 hour'`,
      [kind, network],
    );
    return rows[0]?.count ?? 0;
  }

  async #find(kind: string, hash: Buffer, column: 'id_hash' | 'uid_hash'): Promise<KeptRecord | undefined> {
    const { rows } = await this.#db.signIn.query<Row & { id_hash: Buffer }>(
      `select id_hash, sealed, consumed_at from oauth_records where kind = $1 and ${column} = $2
        and (expires_at is null or expires_at > now())`,
      [kind, hash],
    );
    const row = rows[0];
    if (!row) return undefined;
    const text = this.#vault.openForInstallation(PURPOSE, rowOf(kind, row.id_hash), row.sealed);
    return { payload: JSON.parse(text) as KeptRecord['payload'], consumedAt: row.consumed_at };
  }
}

const rowOf = (kind: string, hash: Buffer): string => `${kind}|${hash.toString('base64')}`;
