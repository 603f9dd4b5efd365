import type { Database, Tx } from '../../platform/postgres/database.js';
import { newId } from '../../platform/crypto/ids.js';
import { newToken, sameHash, tokenHash, tokenObjectId } from '../../platform/crypto/tokens.js';
import { Problem } from '../../platform/runtime/problems.js';
import type { User } from './members.js';

/** How long a link that sets a new password can be used. */
export const RESET_MINUTES = 60;

/** A link that sets a new password, once; the token is the secret in it. */
export type PasswordReset = Readonly<{ id: string; token: string; expiresAt: string }>;

/** The page that takes the token. It stands behind #, which no server and no log is sent. */
export const resetUrl = (publicUrl: string, token: string): string => `${publicUrl}/app/password-reset#token=${token}`;

/** The refusal of a token that can't be used, whatever the cause. */
export const resetSpent = (): Problem =>
  new Problem('not_found', 'This link was used, has expired or does not exist. Ask for a new one.');

/** Stores a new reset for a user, of which only the hash of the token is kept. */
export const insertReset = async (tx: Pick<Tx, 'query'>, userId: string): Promise<PasswordReset> => {
  const id = newId('rst');
  const token = newToken('reset', id);
  await tx.query(`delete from password_resets where user_id = $1 and expires_at < now() - interval '1 hour'`, [userId]);
  const { rows } = await tx.query<{ expires_at: Date }>(
    `insert into password_resets(id, user_id, token_hash, expires_at)
      values ($1, $2, $3, now() + make_interval(mins => $4)) returning expires_at`,
    [id, userId, tokenHash(token), RESET_MINUTES],
  );
  return { id, token, expiresAt: rows[0]?.expires_at.toISOString() ?? '' };
};

/** How many resets a user was given within an hour. */
export const countRecentResets = async (tx: Pick<Tx, 'query'>, userId: string): Promise<number> => {
  const { rows } = await tx.query<{ count: number }>(
    `select count(*)::int as count from password_resets where user_id = $1 and created_at > now() - interval '1 hour'`,
    [userId],
  );
  return rows[0]?.count ?? 0;
};

type Row = User & { token_hash: Buffer };

/** Whose password a token may set, and the id of its reset. @throws Problem not_found */
export const findReset = async (db: Database, token: string): Promise<Readonly<{ id: string; user: User }>> => {
  const tokenId = tokenObjectId('reset', token);
  if (!tokenId) throw resetSpent();
  const resetId = `rst_${tokenId}`;
  const { rows } = await db.signIn.query<Row>(
    `select u.id, u.email, r.token_hash from password_resets r join users u on u.id = r.user_id
      where r.id = $1 and r.expires_at > now()`,
    [resetId],
  );
  const row = rows[0];
  if (!row || !sameHash(row.token_hash, tokenHash(token))) throw resetSpent();
  return { id: resetId, user: { id: row.id, email: row.email } };
};

/**
 * Whether a reset that an admin issued may still be used: its user is a member of that organization alone, and the
 * member or the API key that issued it is an admin of it still. One that no admin issued may always.
 */
const ISSUED_BY_ADMIN = `select e.organization_id as id,
    exists (select 1 from members m where m.organization_id = e.organization_id and not m.removed
      and m.user_id = e.event->'actor'->>'id' and m.role = 'admin')
    or exists (select 1 from api_keys k where k.organization_id = e.organization_id and k.role = 'admin'
      and k.id = e.event->'actor'->>'id' and (k.expires_at is null or k.expires_at > clock_timestamp())) as "isAdmin"
  from events e where e.stream_id = $1 and e.version = 1 and e.type = 'member.passwordResetIssued'
    and e.organization_id in (select organization_id from members where user_id = $2)`;

/** Refuses a reset whose issuer could not issue it now. @throws Problem not_found */
export const requireIssuer = async (tx: Pick<Tx, 'query'>, resetId: string, userId: string): Promise<void> => {
  const { rows } = await tx.query<{ id: string; isAdmin: boolean }>(ISSUED_BY_ADMIN, [resetId, userId]);
  const [issuer] = rows;
  if (!issuer) return;
  const organizations = await organizationsOf(tx, userId);
  if (!issuer.isAdmin || organizations.length !== 1 || organizations[0] !== issuer.id) throw resetSpent();
};

/** Uses a reset up. @throws Problem not_found when it can't be used any more */
export const useReset = async (tx: Pick<Tx, 'query'>, id: string): Promise<void> => {
  const { rowCount } = await tx.query('delete from password_resets where id = $1 and expires_at > clock_timestamp()', [
    id,
  ]);
  if (rowCount !== 1) throw resetSpent();
};

const DELETE_SESSIONS = 'delete from sessions where user_id = $1';

/**
 * Gives a user another password: all their sessions and all other resets end with the old one. Whoever opens a session
 * locks the user (see `openSession`), after the session that allows it: hence the order, and the second deletion, of
 * what was opened meanwhile.
 */
export const setPassword = async (tx: Pick<Tx, 'query'>, userId: string, passwordHash: string): Promise<void> => {
  await tx.query(DELETE_SESSIONS, [userId]);
  await tx.query('update users set password_hash = $2 where id = $1', [userId, passwordHash]);
  await tx.query(DELETE_SESSIONS, [userId]);
  await tx.query('delete from password_resets where user_id = $1', [userId]);
};

/** The organizations that a user is a member of, the one joined first at the head. */
export const organizationsOf = async (tx: Pick<Tx, 'query'>, userId: string): Promise<readonly string[]> => {
  const { rows } = await tx.query<{ organization_id: string }>(
    'select organization_id from members where user_id = $1 and not removed order by joined_at, organization_id',
    [userId],
  );
  return rows.map((row) => row.organization_id);
};
