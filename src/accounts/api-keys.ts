import type { CreateOnce } from '../event-log/create-once.js';
import type { EventStore } from '../event-log/event-store.js';
import type { MemberRole, Principal } from '../rest/allowed.js';
import type { Database } from '../platform/database.js';
import { isId, newId } from '../platform/ids.js';
import { pageStart, toPage, type Page, type PageQuery } from '../rest/page.js';
import { notFound, Problem } from '../platform/problems.js';
import { newToken, sameHash, tokenHash, tokenObjectId } from '../platform/tokens.js';

/** An API key as lists show it. */
export type ApiKey = Readonly<{ id: string; name: string; role: MemberRole; createdAt: string; expiresAt: string | null }>;
/** The answer to its creation, the only one with the secret. */
export type IssuedApiKey = ApiKey & Readonly<{ secret: string }>;
export type ApiKeyOrder = Readonly<{ name: string; role: MemberRole; expiresAt?: string | null }>;

type Row = { id: string; name: string; role: MemberRole; created_at: Date; expires_at: Date | null };
type CredentialRow = { organization_id: string; id: string; name: string; role: MemberRole; token_hash: Buffer };

const view = (row: Row): ApiKey => ({ id: row.id, name: row.name, role: row.role, createdAt: row.created_at.toISOString(), expiresAt: row.expires_at?.toISOString() ?? null });

/** The holder of an API key; undefined for one that is unknown, deleted or expired. */
export const apiKeyPrincipal = async (db: Database, token: string): Promise<Principal | undefined> => {
  const id = tokenObjectId('key', token);
  if (!id) return undefined;
  const { rows } = await db.worker.query<CredentialRow>(
    `select k.organization_id, k.id, k.name, k.role, k.token_hash from api_keys k
     where k.id = $1 and (k.expires_at is null or k.expires_at > now())`,
    [`key_${id}`],
  );
  const row = rows[0];
  if (!row || !sameHash(row.token_hash, tokenHash(token))) return undefined;
  return { organizationId: row.organization_id, actor: { type: 'apiKey', id: row.id, name: row.name }, role: row.role };
};

const expiryOf = (expiresAt: string | null | undefined, now: Date): string | null => {
  if (!expiresAt) return null;
  const expiry = new Date(expiresAt);
  if (expiry <= now) throw new Problem('invalid_body', 'Choose a time in the future.', { errors: [{ pointer: '/expiresAt', code: 'invalid', message: 'expiresAt must be in the future' }] });
  return expiry.toISOString();
};

/** API keys of an organization: credentials with a role of their own, kept as hashes only. */
export class ApiKeys {
  readonly #store: EventStore;
  readonly #once: CreateOnce;

  constructor(store: EventStore, once: CreateOnce) {
    this.#store = store;
    this.#once = once;
  }

  issue(principal: Principal, order: ApiKeyOrder): Promise<IssuedApiKey> {
    return this.#once.run(principal, {
      prepare: () => Promise.resolve(),
      create: async (change) => {
        const { tx, now } = change;
        const id = newId('key');
        const secret = newToken('key', id);
        const expiresAt = expiryOf(order.expiresAt, now);
        await tx.query('insert into api_keys(organization_id, id, name, role, token_hash, created_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7)', [
          principal.organizationId,
          id,
          order.name,
          order.role,
          tokenHash(secret),
          now.toISOString(),
          expiresAt,
        ]);
        await change.notice(id, { type: 'apiKey.issued', apiKeyId: id, name: order.name, role: order.role, expiresAt });
        return { id, name: order.name, role: order.role, createdAt: now.toISOString(), expiresAt, secret };
      },
    });
  }

  async list(principal: Principal, query: PageQuery): Promise<Page<ApiKey>> {
    const { after, rows: wanted, limit } = pageStart(query);
    const { rows } = await this.#store.look(principal.organizationId, (tx) =>
      tx.query<Row>('select id, name, role, created_at, expires_at from api_keys where organization_id = $1 and id > $2 order by id limit $3', [principal.organizationId, after, wanted]),
    );
    return toPage(rows, limit, { keyOf: (row) => row.id, view });
  }

  /** Deletes a key; the next request with it is refused. */
  async revoke(principal: Principal, id: string): Promise<void> {
    if (!isId('key', id)) throw notFound('API key');
    await this.#store.change(principal, async (change) => {
      const { rowCount } = await change.tx.query('delete from api_keys where organization_id = $1 and id = $2', [principal.organizationId, id]);
      if (rowCount !== 1) throw notFound('API key');
      await change.notice(id, { type: 'apiKey.revoked', apiKeyId: id });
    });
  }
}
