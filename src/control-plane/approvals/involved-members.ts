import type { Actor } from '../../record/event-log/events/index.js';
import { personBehind } from '../accounts/person-behind.js';
import type { Tx } from '../../platform/postgres/database.js';

/** Who has had a token of a grant in hand. */
const TOKEN_HOLDERS = `select distinct (event->'actor')::jsonb as actor from events where organization_id = $1
  and stream_id = $2 and type in ('grant.issued', 'grant.rotated')`;

/** Whom an identity has belonged to, in order; `before`: already when the approval was asked for. */
const OWNERS = `select e.event->>'memberId' as member, e.position < asked.position as before
  from events e join events asked on asked.organization_id = e.organization_id and asked.stream_id = $3
    and asked.version = 1
  where e.organization_id = $1 and e.stream_id = $2 and e.event->'memberId' is not null order by e.version`;

type Held = Readonly<{ approvalId: string; grantId: string; identityId: string }>;

/** Why a member may not approve: they had the grant's token in hand, or the call is made for them. */
export type Involvement = 'issued_grant' | 'owns_identity';

export type InvolvedMember = Readonly<{ memberId: string; because: Involvement }>;

/**
 * The people whom a held call concerns: who issued its grant or rotated it, and the members that its identity belonged
 * to when it was held and since.
 */
export const findInvolvements = async (
  tx: Tx,
  organizationId: string,
  held: Held,
): Promise<readonly InvolvedMember[]> => {
  const holders = await tx.query<{ actor: Actor }>(TOKEN_HOLDERS, [organizationId, held.grantId]);
  const owners = await tx.query<{ member: string | null; before: boolean }>(OWNERS, [
    organizationId,
    held.identityId,
    held.approvalId,
  ]);
  const people = await Promise.all(holders.rows.map(({ actor }) => personBehind(tx, organizationId, actor)));
  const since = Math.max(
    0,
    owners.rows.findLastIndex(({ before }) => before),
  );
  return [
    ...people.map((memberId) => ({ memberId, because: 'issued_grant' as const })),
    ...owners.rows.slice(since).map(({ member }) => ({ memberId: member, because: 'owns_identity' as const })),
  ].flatMap(({ memberId, because }) => (typeof memberId === 'string' ? [{ memberId, because }] : []));
};

/** The ids of the people whom a held call concerns. */
export const findInvolvedMembers = async (tx: Tx, organizationId: string, held: Held): Promise<readonly string[]> =>
  (await findInvolvements(tx, organizationId, held)).map(({ memberId }) => memberId);

export type NamedInvolvement = InvolvedMember & Readonly<{ email: string }>;

/** The members who may not approve a held call, each with one reason and the address; former members are left out. */
export const listExcludedApprovers = async (
  tx: Tx,
  organizationId: string,
  held: Held,
): Promise<readonly NamedInvolvement[]> => {
  const involved = await findInvolvements(tx, organizationId, held);
  const { rows } = await tx.query<{ id: string; email: string }>(
    `select user_id as id, email from members where organization_id = $1 and user_id = any($2) and not removed
      order by email`,
    [organizationId, involved.map(({ memberId }) => memberId)],
  );
  return rows.flatMap(({ id, email }) => {
    const found = involved.find(({ memberId }) => memberId === id);
    return found ? [{ ...found, email }] : [];
  });
};

export type Teams = Readonly<{ identityTeam: string | null; approverTeam: string | null }>;

/** Longer teams are compared by their beginnings. */
const MAX_TEAM_LENGTH = 200;

const TEAMS = `select (select left(attributes->>'team', ${MAX_TEAM_LENGTH}) from identities
    where organization_id = $1 and id = $2) as "identityTeam",
  (select left(attributes->>'team', ${MAX_TEAM_LENGTH}) from identities where organization_id = $1 and member_id = $3
    and not deleted order by created_at, id limit 1) as "approverTeam"`;

/** The teams of the identity whose call is held and of the member who decides, by the attribute `team`. */
export const findTeams = async (
  tx: Tx,
  organizationId: string,
  { identityId, memberId }: Readonly<{ identityId: string; memberId: string }>,
): Promise<Teams> => {
  const { rows } = await tx.query<Teams>(TEAMS, [organizationId, identityId, memberId]);
  return rows[0] ?? { identityTeam: null, approverTeam: null };
};
