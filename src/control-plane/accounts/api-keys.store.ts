import type { Change } from '../../record/event-store/event-store.js';
import type { Actor } from '../../record/event-log/events/index.js';
import type { MemberRole } from '../../platform/rest/allowed.js';
import type { Database, Tx } from '../../platform/postgres/database.js';
import {
  listClauses,
  textColumn,
  timeColumn,
  type ListQuery,
  type ListSource,
  type SortKey,
} from '../../platform/rest/list-query.js';
import { isId } from '../../platform/crypto/ids.js';
import { sameHash, tokenHash, tokenObjectId } from '../../platform/crypto/tokens.js';
import type { Holder } from './authority.js';
import { noteUse, USED_LATELY } from './last-used.js';
import { personBehind } from './person-behind.js';

/** An API key without its secret, of which only the hash is stored. */
export type ApiKey = Readonly<{
  id: string;
  name: string;
  role: MemberRole;
  issuedBy: Actor;
  createdAt: string;
  lastUsedAt: string | null;
  expiresAt: string | null;
}>;

type Row = {
  id: string;
  name: string;
  role: MemberRole;
  issued_by: Actor;
  created_at: Date;
  last_used_at: Date | null;
  expires_at: Date | null;
};
type CredentialRow = {
  organization_id: string;
  id: string;
  name: string;
  role: MemberRole;
  token_hash: Buffer;
  used_lately: boolean;
};

const toApiKey = (row: Row): ApiKey => ({
  id: row.id,
  name: row.name,
  role: row.role,
  issuedBy: row.issued_by,
  createdAt: row.created_at.toISOString(),
  lastUsedAt: row.last_used_at?.toISOString() ?? null,
  expiresAt: row.expires_at?.toISOString() ?? null,
});

/** Who holds an API key; undefined for one that is unknown, deleted or expired. */
export const findApiKeyHolder = async (db: Database, token: string): Promise<Holder | undefined> => {
  const id = tokenObjectId('key', token);
  if (!id) return undefined;
  const { rows } = await db.signIn.query<CredentialRow>(
    `select k.organization_id, k.id, k.name, k.role, k.token_hash, ${USED_LATELY('k')} as used_lately from api_keys k
     where k.id = $1 and (k.expires_at is null or k.expires_at > now())`,
    [`key_${id}`],
  );
  const row = rows[0];
  if (!row || !sameHash(row.token_hash, tokenHash(token))) return undefined;
  if (!row.used_lately) noteUse(db, 'api_keys', row.id);
  return { organizationId: row.organization_id, actor: { type: 'apiKey', id: row.id, name: row.name }, role: row.role };
};

const API_KEYS: ListSource = {
  id: 'k.id',
  search: ['k.name'],
  sort: {
    name: textColumn('k.name'),
    role: textColumn('k.role'),
    createdAt: timeColumn('k.created_at'),
    lastUsedAt: timeColumn('k.last_used_at', 'first'),
    expiresAt: timeColumn('k.expires_at'),
  },
};

/** The API keys of an organization. */
export const listApiKeys = async (
  tx: Tx,
  organizationId: string,
  query: ListQuery,
): Promise<readonly (ApiKey & SortKey)[]> => {
  const { sortKey, tail, values } = listClauses(API_KEYS, query, [organizationId]);
  const { rows } = await tx.query<Row & SortKey>(
    `select k.id, k.name, k.role, e.event->'actor' as issued_by, k.created_at, k.last_used_at, k.expires_at,
       ${sortKey} as sort_key
     from api_keys k join events e on e.organization_id = k.organization_id and e.stream_id = k.id and e.version = 1
     where k.organization_id = $1 ${tail}`,
    values,
  );
  return rows.map((row) => ({ ...toApiKey(row), sort_key: row.sort_key }));
};

/** When a caller ends by itself; null for a session, which makes what outlasts it, and for a key without an end. */
export const endOf = async ({ tx, caller }: Change): Promise<Date | null> => {
  if (caller.actor.type !== 'apiKey') return null;
  const { rows } = await tx.query<{ expires_at: Date | null }>(
    'select expires_at from api_keys where organization_id = $1 and id = $2',
    [caller.organizationId, caller.actor.id],
  );
  return rows[0]?.expires_at ?? null;
};

/** Stores a new API key with the hash of its secret, and records that it was issued. */
export const insertApiKey = async (
  change: Change,
  key: Omit<ApiKey, 'issuedBy' | 'lastUsedAt'> & Readonly<{ secret: string }>,
): Promise<void> => {
  const { id, name, role, createdAt, expiresAt } = key;
  await change.tx.query(
    `insert into api_keys(organization_id, id, name, role, token_hash, created_at, expires_at)
      values ($1, $2, $3, $4, $5, $6, $7)`,
    [change.caller.organizationId, id, name, role, tokenHash(key.secret), createdAt, expiresAt],
  );
  await change.appendFact(id, { type: 'apiKey.issued', apiKeyId: id, name, role, expiresAt });
};

/** Deletes one API key; false when there is none. */
export const deleteApiKey = async (change: Change, id: string): Promise<boolean> => {
  const { rowCount } = await change.tx.query('delete from api_keys where organization_id = $1 and id = $2', [
    change.caller.organizationId,
    id,
  ]);
  if (rowCount !== 1) return false;
  await change.appendFact(id, { type: 'apiKey.revoked', apiKeyId: id });
  return true;
};

/** The keys and invitations that a key made, and those that these keys made in turn. */
const MADE_BY_KEY = `with recursive made(id) as (
    select $2::text
    union select e.stream_id from made m
      join events e on e.organization_id = $1 and e.type in ('apiKey.issued', 'invitation.sent')
        and e.event->'actor'->>'id' = m.id)
  select id from made where id <> $2`;

/** Deletes the API keys and the open invitations that a key made. Grants stay. */
export const deleteMadeByApiKey = async (change: Change, keyId: string): Promise<void> => {
  const { tx, caller } = change;
  const { rows } = await tx.query<{ id: string }>(MADE_BY_KEY, [caller.organizationId, keyId]);
  for (const { id } of rows.filter((made) => isId('key', made.id))) await deleteApiKey(change, id);
  await tx.query('delete from invitations where organization_id = $1 and id = any($2) and accepted_at is null', [
    caller.organizationId,
    rows.map(({ id }) => id),
  ]);
};

const isWithin = (keyRole: MemberRole, role: MemberRole): boolean =>
  role === 'admin' || keyRole === role || keyRole === 'viewer';

/** Deletes the API keys that act for a member and may do more than the role; all of them without a role. */
export const deleteApiKeysBeyond = async (
  change: Change,
  memberId: string,
  role: MemberRole | undefined,
): Promise<void> => {
  const { tx, caller } = change;
  const { rows } = await tx.query<{ id: string; role: MemberRole }>(
    'select id, role from api_keys where organization_id = $1 order by id',
    [caller.organizationId],
  );
  for (const key of rows) {
    if (role !== undefined && isWithin(key.role, role)) continue;
    if ((await personBehind(tx, caller.organizationId, { type: 'apiKey', id: key.id })) === memberId)
      await deleteApiKey(change, key.id);
  }
};
