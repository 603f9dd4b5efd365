import type { User } from './members.js';
import type { OrganizationView } from './organizations.js';
import type { Database, Tx } from '../../platform/postgres/database.js';
import type { MemberRole, Principal } from '../../platform/rest/allowed.js';
import { newId } from '../../platform/crypto/ids.js';
import { Problem } from '../../platform/runtime/problems.js';
import type { Holder } from './authority.js';
import { newToken, sameHash, tokenHash, tokenObjectId } from '../../platform/crypto/tokens.js';

export const SESSION_DAYS = 30;
export const SESSION_COOKIE = 'toolgate_session';

/** What sign-up, login and joining answer: `token` is the bearer of a new session. */
export type SignedIn = Readonly<{ organization: OrganizationView; user: User; token: string }>;

/** Who is asking, as `GET /v1/me` tells it. */
export type Me = Readonly<{
  user: User | null;
  organization: Readonly<{ id: string; name: string }>;
  role: MemberRole;
  apiKey?: Readonly<{ id: string; name: string }>;
}>;

/** How the session cookie is set: out of reach of scripts, for this site, over TLS when the installation is. */
export const sessionCookieOptions = (publicUrl: string) =>
  ({ httpOnly: true, sameSite: 'lax', path: '/', secure: publicUrl.startsWith('https:') }) as const;

/** The session token of a `Cookie` header (RFC 6265, 4.2), or undefined. */
export const sessionCookie = (header: string | undefined): string | undefined =>
  header
    ?.split(';')
    .map((pair) => pair.trim())
    .find((pair) => pair.startsWith(`${SESSION_COOKIE}=`))
    ?.slice(SESSION_COOKIE.length + 1);

/** Opens a session of 30 days and answers its token, which is kept as a hash only. */
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
export const sessionHolder = async (db: Database, token: string): Promise<Holder | undefined> => {
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

type Membership = { id: string; name: string; disabled: boolean; created_at: Date };

/**
 * Opens a session in the organization that was asked for, or in the one the user joined first; undefined when there is
 * none. The lock on the membership makes a removal at the same time wait, so that it ends this session too.
 */
export const login = (db: Database, user: User, organizationId: string | undefined): Promise<SignedIn | undefined> =>
  db.asStranger(user.id, async (tx) => {
    const { rows } = await tx.query<Membership>(
      `select o.id, o.name, o.disabled, o.created_at from members m join organizations o on o.id = m.organization_id
       where m.user_id = $1 and not m.removed and ($2::text is null or o.id = $2) order by m.joined_at, o.id
         limit 1 for share of m`,
      [user.id, organizationId ?? null],
    );
    const found = rows[0];
    if (!found) return undefined;
    const token = await openSession(tx, found.id, user.id);
    return {
      organization: {
        id: found.id,
        name: found.name,
        disabled: found.disabled,
        createdAt: found.created_at.toISOString(),
      },
      user,
      token,
    };
  });

/** Ends the session that was used for this request. */
export const logout = async (db: Database, principal: Principal): Promise<void> => {
  const { organizationId, sessionId } = principal;
  if (!sessionId) throw new Problem('conflict', 'An API key has no session to end. Delete the key to end its use.');
  await db.changeInOrganization(organizationId, (tx) =>
    tx.query('delete from sessions where organization_id = $1 and id = $2', [organizationId, sessionId]),
  );
};

/** Who the caller is, as `GET /v1/me` answers it: the member or the API key, its organization and its role. */
export const me = async (db: Database, { organizationId, actor, role }: Principal): Promise<Me> => {
  const { rows } = await db.inOrganization(organizationId, (tx) =>
    tx.query<{ name: string }>('select name from organizations where id = $1', [organizationId]),
  );
  const organization = { id: organizationId, name: rows[0]?.name ?? '' };
  const name = actor.name ?? '';
  return actor.type === 'member'
    ? { user: { id: actor.id, email: name }, organization, role }
    : { user: null, organization, role, apiKey: { id: actor.id, name } };
};
