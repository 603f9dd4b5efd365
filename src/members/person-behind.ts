import type { Actor } from '../event-log/events/index.js';
import type { Tx } from '../platform/database.js';

/** Keys that issued keys: no chain that people make is longer. */
const LONGEST_CHAIN = 20;

/** The member who acted; an API key acts for the member who issued it. Undefined when nobody knows. */
export const personBehind = async (tx: Tx, organizationId: string, actor: Actor, chain = LONGEST_CHAIN): Promise<string | undefined> => {
  if (actor.type === 'member') return actor.id;
  if (actor.type !== 'apiKey' || chain === 0) return undefined;
  const { rows } = await tx.query<{ actor: Actor }>(`select event->'actor' as actor from events where organization_id = $1 and stream_id = $2 and type = 'apiKey.issued'`, [organizationId, actor.id]);
  return rows[0] && personBehind(tx, organizationId, rows[0].actor, chain - 1);
};
