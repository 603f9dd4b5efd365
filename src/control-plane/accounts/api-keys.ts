import type { CreateOnce } from '../../record/event-store/create-once.js';
import type { Change, EventStore } from '../../record/event-store/event-store.js';
import type { Actor } from '../../record/event-log/events/index.js';
import { personBehind } from './person-behind.js';
import type { MemberRole, Principal } from '../../platform/rest/allowed.js';
import type { Database } from '../../platform/postgres/database.js';
import { isId, newId } from '../../platform/crypto/ids.js';
import { pageStart, toPage, type Page, type PageQuery } from '../../platform/rest/page.js';
import { notFound, Problem } from '../../platform/runtime/problems.js';
import { newToken, sameHash, tokenHash, tokenObjectId } from '../../platform/crypto/tokens.js';
import type { Holder } from './authority.js';

/** An API key as lists show it. */
export type ApiKey = Readonly<{
  id: string;
  name: string;
  role: MemberRole;
  issuedBy: Actor;
  createdAt: string;
  expiresAt: string | null;
}>;
/** The answer to its creation, the only one with the secret. */
export type IssuedApiKey = ApiKey & Readonly<{ secret: string }>;
export type ApiKeyOrder = Readonly<{ name: string; role: MemberRole; expiresAt?: string | null }>;

type Row = { id: string; name: string; role: MemberRole; issued_by: Actor; created_at: Date; expires_at: Date | null };
type CredentialRow = { organization_id: string; id: string; name: string; role: MemberRole; token_hash: Buffer };

const view = (row: Row): ApiKey => ({
  id: row.id,
  name: row.name,
  role: row.role,
  issuedBy: row.issued_by,
  createdAt: row.created_at.toISOString(),
  expiresAt: row.expires_at?.toISOString() ?? null,
});

/** The holder of an API key; undefined for one that is unknown, deleted or expired. */
export const apiKeyHolder = async (db: Database, token: string): Promise<Holder | undefined> => {
  const id = tokenObjectId('key', token);
  if (!id) return undefined;
  const { rows } = await db.signIn.query<CredentialRow>(
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
  if (expiry <= now)
    throw new Problem('invalid_body', 'Choose a time in the future.', {
      errors: [{ pointer: '/expiresAt', code: 'invalid', message: 'expiresAt must be in the future' }],
    });
  return expiry.toISOString();
};

/** False when there is no such key. */
const remove = async (change: Change, id: string): Promise<boolean> => {
  const { rowCount } = await change.tx.query('delete from api_keys where organization_id = $1 and id = $2', [
    change.caller.organizationId,
    id,
  ]);
  if (rowCount !== 1) return false;
  await change.appendFact(id, { type: 'apiKey.revoked', apiKeyId: id });
  return true;
};

/** Open credentials that a key made, and that keys made which it made: ending it would be in vain with them left. */
const MADE_BY_KEY = `with recursive made(id) as (
    select $2::text
    union select e.stream_id from made m
      join events e on e.organization_id = $1 and e.type in ('apiKey.issued', 'invitation.sent')
        and e.event->'actor'->>'id' = m.id)
  select id from made where id <> $2`;

/** Ends the API keys and the open invitations that a key made. Grants stay. */
const endMadeBy = async (change: Change, keyId: string): Promise<void> => {
  const {
    tx,
    caller: { organizationId },
  } = change;
  const { rows } = await tx.query<{ id: string }>(MADE_BY_KEY, [organizationId, keyId]);
  for (const { id } of rows.filter((made) => isId('key', made.id))) await remove(change, id);
  await tx.query('delete from invitations where organization_id = $1 and id = any($2) and accepted_at is null', [
    organizationId,
    rows.map(({ id }) => id),
  ]);
};

const isWithin = (keyRole: MemberRole, role: MemberRole): boolean =>
  role === 'admin' || keyRole === role || keyRole === 'viewer';

/** Deletes the API keys that act for a member and may more than the role allows; all of them without a role. */
export const endKeysBeyond = async (change: Change, memberId: string, role: MemberRole | undefined): Promise<void> => {
  const { tx, caller } = change;
  const { rows } = await tx.query<{ id: string; role: MemberRole }>(
    'select id, role from api_keys where organization_id = $1 order by id',
    [caller.organizationId],
  );
  for (const key of rows) {
    if (role !== undefined && isWithin(key.role, role)) continue;
    if ((await personBehind(tx, caller.organizationId, { type: 'apiKey', id: key.id })) === memberId)
      await remove(change, key.id);
  }
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
        await tx.query(
          `insert into api_keys(organization_id, id, name, role, token_hash, created_at, expires_at)
            values ($1, $2, $3, $4, $5, $6, $7)`,
          [principal.organizationId, id, order.name, order.role, tokenHash(secret), now.toISOString(), expiresAt],
        );
        await change.appendFact(id, {
          type: 'apiKey.issued',
          apiKeyId: id,
          name: order.name,
          role: order.role,
          expiresAt,
        });
        return {
          id,
          name: order.name,
          role: order.role,
          issuedBy: principal.actor,
          createdAt: now.toISOString(),
          expiresAt,
          secret,
        };
      },
    });
  }

  async list(principal: Principal, query: PageQuery): Promise<Page<ApiKey>> {
    const { after, rows: wanted, limit } = pageStart(query);
    const { rows } = await this.#store.read(principal.organizationId, (tx) =>
      tx.query<Row>(
        `select k.id, k.name, k.role, e.event->'actor' as issued_by, k.created_at, k.expires_at from api_keys k
           join events e on e.organization_id = k.organization_id and e.stream_id = k.id and e.version = 1
         where k.organization_id = $1 and k.id > $2 order by k.id limit $3`,
        [principal.organizationId, after, wanted],
      ),
    );
    return toPage(rows, limit, { keyOf: (row) => row.id, view });
  }

  /**
   * Deletes a key, with the keys and the open invitations that it made; the next request with any of them is refused.
   */
  async revoke(principal: Principal, id: string): Promise<void> {
    if (!isId('key', id)) throw notFound('API key');
    await this.#store.change(principal, async (change) => {
      if (!(await remove(change, id))) throw notFound('API key');
      await endMadeBy(change, id);
    });
  }
}
