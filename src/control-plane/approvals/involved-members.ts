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

/**
 * The people whom a held call concerns: who issued its grant or rotated it, and the members that its identity belonged
 * to when it was held and since.
 */
export const findInvolvedMembers = async (
  tx: Tx,
  organizationId: string,
  held: Readonly<{ approvalId: string; grantId: string; identityId: string }>,
): Promise<readonly string[]> => {
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
  return [...people, ...owners.rows.slice(since).map(({ member }) => member ?? undefined)].filter(
    (one) => one !== undefined,
  );
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
