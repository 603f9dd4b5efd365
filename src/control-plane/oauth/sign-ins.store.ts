import type { Change } from '../../record/event-store/event-store.js';
import type { Tx } from '../../platform/postgres/database.js';
import { newToken, tokenHash } from '../../platform/crypto/tokens.js';

/** A sign-in that has not been revoked. Times in ms. */
export type SignInRow = Readonly<{
  id: string;
  organizationId: string;
  serverId: string;
  clientId: string;
  memberId: string;
  createdAt: Date;
  expiresAt: Date;
}>;

type Query = Pick<Tx, 'query'>;

const SIGN_IN = `select g.id, g.organization_id as "organizationId", g.server_id as "serverId",
    g.client_id as "clientId", g.issued_by->>'id' as "memberId", g.created_at as "createdAt",
    g.expires_at as "expiresAt"
  from grants g
  join servers s on s.organization_id = g.organization_id and s.id = g.server_id and not s.deleted
  join organizations o on o.id = g.organization_id and not o.disabled
  join members m on m.organization_id = g.organization_id and m.user_id = g.issued_by->>'id' and not m.removed
  where g.via = 'oauth' and g.revoked_at is null and g.expires_at > now()`;

/** A sign-in that lives, and whose member still is one. */
export const findSignIn = async (db: Query, grantId: string): Promise<SignInRow | undefined> =>
  (await db.query<SignInRow>(`${SIGN_IN} and g.id = $1`, [grantId])).rows[0];

/** The sign-in of an access token that lives. */
export const findSignInOfToken = async (
  db: Query,
  grantId: string,
  token: string,
): Promise<(SignInRow & Readonly<{ tokenExpiresAt: Date }>) | undefined> => {
  const signIn = await findSignIn(db, grantId);
  if (!signIn) return undefined;
  const { rows } = await db.query<{ expires_at: Date }>(
    `select expires_at from grant_tokens where organization_id = $1 and grant_id = $2 and token_hash = $3
      and expires_at > now()`,
    [signIn.organizationId, grantId, tokenHash(token)],
  );
  return rows[0] && { ...signIn, tokenExpiresAt: rows[0].expires_at };
};

/** The organization of a grant. */
export const organizationOfGrant = async (db: Query, grantId: string): Promise<string | undefined> =>
  (await db.query<{ organization_id: string }>('select organization_id from grants where id = $1', [grantId])).rows[0]
    ?.organization_id;

/** Whether a member lets this client call. */
export const hasSignIn = async (db: Query, clientId: string): Promise<boolean> =>
  (await db.query(`${SIGN_IN} and g.client_id = $1 limit 1`, [clientId])).rowCount === 1;

/** How long a sign-in lives without its client. */
export const SIGN_IN_SECONDS = 30 * 86_400;

/** As many access tokens of a sign-in live at once. The oldest make room: a client keeps the newest. */
const MAX_LIVE_TOKENS = 10;

/** A new access token, whose id is `grantId`. */
export const newAccessToken = (grantId: string): string => newToken('access', grantId);

/** Keeps the hash of an access token of a sign-in for `ttl` seconds. */
export const addAccessToken = async (
  { tx, caller }: Change,
  grantId: string,
  { token, ttl }: Readonly<{ token: string; ttl: number }>,
): Promise<void> => {
  const of = [caller.organizationId, grantId];
  await tx.query(
    `delete from grant_tokens where organization_id = $1 and grant_id = $2 and (expires_at <= now() or token_hash in
      (select token_hash from grant_tokens where organization_id = $1 and grant_id = $2
        order by created_at desc, token_hash offset ${MAX_LIVE_TOKENS - 1}))`,
    of,
  );
  await tx.query(
    `insert into grant_tokens(organization_id, grant_id, token_hash, expires_at)
      values ($1, $2, $3, now() + make_interval(secs => $4))`,
    [...of, tokenHash(token), ttl],
  );
};

/** A server that clients can sign in to. */
export type SignInServer = Readonly<{ id: string; organizationId: string; name: string; organizationName: string }>;

/** The server of an id, where clients may sign in to it. */
export const findSignInServer = async (db: Query, serverId: string): Promise<SignInServer | undefined> =>
  (
    await db.query<SignInServer>(
      `select s.id, s.organization_id as "organizationId", s.name, o.name as "organizationName"
        from servers s join organizations o on o.id = s.organization_id and not o.disabled
        where s.id = $1 and not s.deleted and s.client_auth in ('oauth', 'both')`,
      [serverId],
    )
  ).rows[0];

/** An identity that a member may choose for a client, with the policy that its sign-in would have. */
export type IdentityChoice = Readonly<{
  id: string;
  name: string;
  kind: string;
  policyId: string | null;
  policyName: string | null;
}>;

/**
 * The identities of a member, and for an admin those of nobody, who could hand out their tokens too. The policy is that
 * of the newest active grant of this identity and server, else the server's default.
 */
export const listIdentityChoices = async (
  tx: Tx,
  of: Readonly<{ organizationId: string; serverId: string; userId: string; isAdmin: boolean }>,
): Promise<readonly IdentityChoice[]> =>
  (
    await tx.query<IdentityChoice>(
      `select i.id, i.name, i.kind, p.id as "policyId", p.name as "policyName"
        from identities i
        join servers s on s.organization_id = i.organization_id and s.id = $2
        left join lateral (select true as found, g.policy_id from grants g
          where g.organization_id = i.organization_id and g.identity_id = i.id and g.server_id = s.id
            and g.revoked_at is null and not g.disabled and coalesce(g.expires_at > now(), true)
          order by g.created_at desc, g.id desc limit 1) newest on true
        left join policies p on p.organization_id = i.organization_id and not p.deleted
          and p.id = case when newest.found then newest.policy_id else s.default_policy_id end
        where i.organization_id = $1 and not i.deleted and not i.disabled
          and (i.member_id = $3 or ($4 and i.member_id is null))
        order by i.member_id is null, i.name, i.id limit 200`,
      [of.organizationId, of.serverId, of.userId, of.isAdmin],
    )
  ).rows;
