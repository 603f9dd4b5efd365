import type { Change } from '../../record/event-store/event-store.js';
import type { MemberRole } from '../../platform/rest/allowed.js';
import type { Database, Tx } from '../../platform/postgres/database.js';
import { newId } from '../../platform/crypto/ids.js';
import { newToken, sameHash, tokenHash, tokenObjectId } from '../../platform/crypto/tokens.js';
import type { Holder } from './authority.js';
import { SESSION_DAYS } from './sessions.js';

/** Opens a sign-in session and returns its token, of which only the hash is stored. */
export const openSession = async (tx: Tx, organizationId: string, userId: string): Promise<string> => {
  const id = newId('ses');
  const token = newToken('session', id);
  await tx.query(
    `insert into sessions(id, organization_id, user_id, token_hash, expires_at)
      values ($1, $2, $3, $4, now() + make_interval(days => $5))`,
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
};

/**
 * The member behind a session token; undefined for one that is unknown, ended, expired or of somebody who is no longer
 * a member.
 */
export const findSessionHolder = async (db: Database, token: string): Promise<Holder | undefined> => {
  const id = tokenObjectId('session', token);
  if (!id) return undefined;
  const { rows } = await db.signIn.query<SessionRow>(
    `select s.id, s.organization_id, s.user_id, s.token_hash, m.email, m.role from sessions s
     join members m on m.organization_id = s.organization_id and m.user_id = s.user_id and not m.removed
     where s.id = $1 and s.expires_at > now()`,
    [`ses_${id}`],
  );
  const row = rows[0];
  if (!row || !sameHash(row.token_hash, tokenHash(token))) return undefined;
  return {
    organizationId: row.organization_id,
    actor: { type: 'member', id: row.user_id, name: row.email },
    role: row.role,
    sessionId: row.id,
  };
};

/** Ends one session of an organization. */
export const deleteSession = async (tx: Tx, organizationId: string, id: string): Promise<void> => {
  await tx.query('delete from sessions where organization_id = $1 and id = $2', [organizationId, id]);
};

/** Ends all sessions that a user has in the organization. */
export const deleteSessionsOf = async ({ tx, caller }: Change, userId: string): Promise<void> => {
  await tx.query('delete from sessions where organization_id = $1 and user_id = $2', [caller.organizationId, userId]);
};
