import type { ToolCallCompleted, ToolCallDecided } from '../event-log/events/index.js';
import { outcomeId } from '../event-log/outcome-id.js';
import type { Tx } from '../../platform/postgres/database.js';

/** A boot that has been silent for as long as its row allows. It allowed nothing after `allowedUntil`. */
export type DeadBoot = Readonly<{
  bootId: string;
  openSince: Date;
  lastSeen: Date;
  allowedUntil: Date;
  stopped: boolean;
}>;

/**
 * Allowed decisions of a boot that have no outcome on record; any of them when there are many, so that some that can't
 * be closed keep no other from its turn. The boot's row bounds how far back they may lie, and ids are known for a day
 * at least: a call that was open for longer than that when its gateway died is left without. The count per row keeps
 * PostgreSQL from joining with all known ids.
 */
export const findOpenCalls = async (
  tx: Tx,
  { bootId, openSince }: DeadBoot,
  limit: number,
): Promise<readonly ToolCallDecided[]> => {
  const { rows } = await tx.query<{ event: Buffer }>(
    `select event from audit_records r
     where recorded_at >= greatest($1::timestamptz - interval '1 minute', now() - interval '1 day')
       and type = 'toolCall.decided' and effect = 'allow'
       and position($2::bytea in event) > 0 and (select count(*) from recorded_ids i
         where i.id = 'evt_' || substr(r.call_id, 6)) = 0
     order by random() limit $3`,
    [openSince, Buffer.from(`"bootId":"${bootId}"`), limit],
  );
  return rows
    .map(({ event }) => JSON.parse(event.toString()) as ToolCallDecided)
    .filter((decided) => decided.bootId === bootId);
};

/**
 * The outcome of a call whose gateway died: nobody knows it. `durationMs` is how long the call is known to have been
 * under way.
 */
export const unknownOutcome = (decided: ToolCallDecided, boot: DeadBoot, now: Date): ToolCallCompleted => ({
  id: outcomeId(decided.callId),
  type: 'toolCall.completed',
  version: 1,
  time: now.toISOString(),
  organizationId: decided.organizationId,
  callId: decided.callId,
  grantId: decided.grantId,
  identityId: decided.identityId,
  serverId: decided.serverId,
  tool: decided.tool,
  status: 'unknown',
  upstreamStatus: null,
  durationMs: Math.max(0, boot.lastSeen.getTime() - Date.parse(decided.time)),
  responseBytes: 0,
});
