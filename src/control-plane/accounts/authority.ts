import type { Authority } from '../../platform/postgres/authority.js';
import { Problem } from '../../platform/runtime/problems.js';
import { mayCall, roleNeeded, type AllowedTo, type MemberRole, type Principal } from '../../platform/rest/allowed.js';

/** Who holds a credential, before it is known which route is called. */
export type Holder = Omit<Principal, 'authority' | 'repeat' | 'sourceIp'>;

// `now()` would be the time at which the transaction began, before it waited for its turn.
const ROLE_OF_SESSION = `select m.role from sessions s
    join members m on m.organization_id = s.organization_id and m.user_id = s.user_id and not m.removed
  where s.organization_id = $1 and s.id = $2 and s.expires_at > clock_timestamp()`;
const ROLE_OF_KEY = `select role from api_keys
  where organization_id = $1 and id = $2 and (expires_at is null or expires_at > clock_timestamp())`;

/** The authority of a credential for a route that `who` may call. */
export const authorityOf =
  ({ organizationId, actor, sessionId }: Holder, who: readonly AllowedTo[]): Authority<MemberRole> =>
  async (tx, access) => {
    const [statement, lock, id] =
      actor.type === 'member'
        ? [ROLE_OF_SESSION, 'for share of s, m', sessionId]
        : [ROLE_OF_KEY, 'for share', actor.id];
    // The locks make whoever ends a session, a membership or a key wait until the change is committed.
    const { rows } = await tx.query<{ role: MemberRole }>(access === 'change' ? `${statement} ${lock}` : statement, [
      organizationId,
      id,
    ]);
    const role = rows[0]?.role;
    if (role === undefined)
      throw new Problem('unauthorized', 'Your session or API key ended while this request was on its way.');
    if (!mayCall(who, role)) throw roleNeeded(who);
    return role;
  };
