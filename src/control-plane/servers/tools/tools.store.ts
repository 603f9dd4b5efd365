import type { PolicyPins } from '../../../record/event-log/events/index.js';
import type { Tx } from '../../../platform/postgres/database.js';
import type { Pins } from '../../../policy-engine/pins.js';

/** Policies of one server that pin the same definitions. */
export type PinningPolicies = Readonly<{ policyIds: readonly string[]; pins: Pins }>;

/** The policies of a server that pin its tools, those published last first. */
export const findPins = async (
  tx: Tx,
  organizationId: string,
  serverId: string,
): Promise<readonly PinningPolicies[]> => {
  const { rows } = await tx.query<PolicyPins & { ids: readonly string[] }>(
    `select array_agg(id order by updated_at desc, id) as ids, pins, acceptances from policies
     where organization_id = $1 and server_id = $2 and not deleted and coalesce((document->>'pin_tools')::boolean, true)
     group by pins, acceptances order by max(updated_at) desc, min(id)`,
    [organizationId, serverId],
  );
  return rows.map(({ ids: policyIds, pins, acceptances }) => ({
    policyIds,
    pins: { hashes: new Map(Object.entries(pins)), acceptances },
  }));
};
