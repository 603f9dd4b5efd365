import type { Change } from '../../record/event-store/event-store.js';
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
import { newId } from '../../platform/crypto/ids.js';
import { Problem } from '../../platform/runtime/problems.js';
import { newToken, sameHash, tokenHash, tokenObjectId } from '../../platform/crypto/tokens.js';
import type { Holder } from './authority.js';
import { noteUse, USED_LATELY } from './last-used.js';
import { SESSION_DAYS } from './sessions.js';
import type { Verified } from './members.js';

/**
 * Refuses who signed in with a password that is no longer theirs, until the transaction ends. @throws Problem
 * unauthorized
 */
export const requirePassword = async (tx: Tx, { user, passwordHash }: Verified): Promise<void> => {
  const { rowCount } = await tx.query('select 1 from users where id = $1 and password_hash = $2 for share', [
    user.id,
    passwordHash,
  ]);
  if (rowCount !== 1)
    throw new Problem('unauthorized', 'Your password was changed meanwhile. Sign in with the new one.');
};

/**
 * Opens a sign-in session and returns its token, of which only the hash is stored. The lock on the user makes a change
 * of the password at the same time wait, so that it ends this session too.
 */
export const openSession = async (tx: Tx, organizationId: string, userId: string): Promise<string> => {
  const id = newId('ses');
  const token = newToken('session', id);
  await tx.query(
    `insert into sessions(id, organization_id, user_id, token_hash, expires_at)
      select $1, $2, u.id, $4, now() + make_interval(days => $5) from users u where u.id = $3 for share`,
    [id, organizationId, userId, tokenHash(token), SESSION_DAYS],
  );
  return token;
};

type SessionRow = {
  id: string;
  organization_id: string;
  user_id: string;
  token_hash: Buffer;
  email: string;
  role: MemberRole;
  used_lately: boolean;
};

/**
 * The member behind a session token; undefined for one that is unknown, ended, expired or of somebody who is no longer
 * a member.
 */
export const findSessionHolder = async (db: Database, token: string): Promise<Holder | undefined> => {
  const id = tokenObjectId('session', token);
  if (!id) return undefined;
  const { rows } = await db.signIn.query<SessionRow>(
    `select s.id, s.organization_id, s.user_id, s.token_hash, m.email, m.role, ${USED_LATELY('s')} as used_lately
     from sessions s
     join members m on m.organization_id = s.organization_id and m.user_id = s.user_id and not m.removed
     where s.id = $1 and s.expires_at > now()`,
    [`ses_${id}`],
  );
  const row = rows[0];
  if (!row || !sameHash(row.token_hash, tokenHash(token))) return undefined;
  if (!row.used_lately) noteUse(db, 'sessions', row.id);
  return {
    organizationId: row.organization_id,
    actor: { type: 'member', id: row.user_id, name: row.email },
    role: row.role,
    sessionId: row.id,
  };
};

/** A sign-in session as its owner sees it. */
export type Session = Readonly<{
  id: string;
  organizationId: string;
  organizationName: string;
  createdAt: string;
  lastUsedAt: string | null;
  expiresAt: string;
}>;

type ListedRow = SortKey & {
  id: string;
  organization_id: string;
  organization_name: string;
  created_at: Date;
  last_used_at: Date | null;
  expires_at: Date;
};

const SESSIONS: ListSource = {
  id: 's.id',
  search: ['o.name'],
  sort: {
    organizationName: textColumn('o.name'),
    createdAt: timeColumn('s.created_at'),
    lastUsedAt: timeColumn('s.last_used_at', 'first'),
    expiresAt: timeColumn('s.expires_at'),
  },
};

/** The open sessions of a user, in all organizations that the user is a member of. */
export const listSessions = async (
  tx: Tx,
  userId: string,
  query: ListQuery,
): Promise<readonly (Session & SortKey)[]> => {
  const { sortKey, tail, values } = listClauses(SESSIONS, query, [userId]);
  const { rows } = await tx.query<ListedRow>(
    `select s.id, s.organization_id, o.name as organization_name, s.created_at, s.last_used_at, s.expires_at,
       ${sortKey} as sort_key
     from sessions s join organizations o on o.id = s.organization_id
     where s.user_id = $1 and s.expires_at > now() ${tail}`,
    values,
  );
  return rows.map((row) => ({
    id: row.id,
    organizationId: row.organization_id,
    organizationName: row.organization_name,
    createdAt: row.created_at.toISOString(),
    lastUsedAt: row.last_used_at?.toISOString() ?? null,
    expiresAt: row.expires_at.toISOString(),
    sort_key: row.sort_key,
  }));
};

/** The organization that one of a user's sessions is in. */
export const organizationOfSession = async (
  tx: Pick<Tx, 'query'>,
  userId: string,
  id: string,
): Promise<string | undefined> => {
  const { rows } = await tx.query<{ organization_id: string }>(
    'select organization_id from sessions where user_id = $1 and id = $2',
    [userId, id],
  );
  return rows[0]?.organization_id;
};

/** Ends one of a user's sessions; false when the user has none under this id. */
export const deleteOwnSession = async (tx: Tx, userId: string, id: string): Promise<boolean> => {
  const { rowCount } = await tx.query('delete from sessions where user_id = $1 and id = $2', [userId, id]);
  return rowCount === 1;
};

/** Ends one session of an organization. */
export const deleteSession = async (tx: Tx, organizationId: string, id: string): Promise<void> => {
  await tx.query('delete from sessions where organization_id = $1 and id = $2', [organizationId, id]);
};

/** Ends all sessions that a user has in the organization. */
export const deleteSessionsOf = async ({ tx, caller }: Change, userId: string): Promise<void> => {
  await tx.query('delete from sessions where organization_id = $1 and user_id = $2', [caller.organizationId, userId]);
};
