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
