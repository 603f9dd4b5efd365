import type { Actor } from '../../record/event-log/events/index.js';
import type { Tx } from '../../platform/postgres/database.js';

/** Keys may issue keys, in a chain of any length. The chain ends, as a key is older than those that it issued. */
const BEHIND = `with recursive behind(type, id) as (
    select $2::text, $3::text
    union select e.event->'actor'->>'type', e.event->'actor'->>'id' from behind b
      join events e on e.organization_id = $1 and e.stream_id = b.id and e.type = 'apiKey.issued'
      where b.type = 'apiKey')
  select id from behind where type = 'member'`;

/** The member who acted; an API key acts for the member who issued it. Undefined when no event names one. */
export const personBehind = async (
  tx: Tx,
  organizationId: string,
  { type, id }: Actor,
): Promise<string | undefined> => {
  if (type === 'member') return id;
  if (type !== 'apiKey') return undefined;
  return (await tx.query<{ id: string }>(BEHIND, [organizationId, type, id])).rows[0]?.id;
};
