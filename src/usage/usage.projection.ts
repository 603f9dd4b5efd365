import type { Tx } from '../platform/database.js';
import type { Projection } from '../projections/apply.js';

type Counted = Parameters<Projection['apply']>[2][number];
type Counts = { calls: number; completed: number; failed: number };
type Hour = Readonly<{ hour: string; grantId: string; identityId: string; serverId: string; tool: string; effect: string }> & Counts;

const HOUR_MS = 3_600_000;

/** What one record adds: a decision is a call under its effect; an outcome belongs to an allowed call, and one that was not forwarded adds nothing. */
const countsOf = (record: Counted): Counts | undefined => {
  if (record.type === 'toolCall.decided') return { calls: 1, completed: 0, failed: 0 };
  if (record.type !== 'toolCall.completed' || record.status === 'not_forwarded') return undefined;
  const completed = record.status === 'ok' || record.status === 'tool_error';
  return { calls: 0, completed: completed ? 1 : 0, failed: completed ? 0 : 1 };
};

const toHour = (record: Counted, counts: Counts): Hour => ({
  hour: new Date(Math.floor(record.time.getTime() / HOUR_MS) * HOUR_MS).toISOString(),
  grantId: record.grantId ?? '',
  identityId: record.identityId ?? '',
  serverId: record.serverId ?? '',
  tool: record.tool ?? '',
  effect: record.type === 'toolCall.decided' ? (record.effect ?? '') : 'allow',
  ...counts,
});

const sumByHour = (records: readonly Counted[]): readonly Hour[] => {
  const hours = new Map<string, Hour>();
  for (const record of records) {
    const counts = countsOf(record);
    if (!counts) continue;
    const one = toHour(record, counts);
    const key = JSON.stringify([one.hour, one.grantId, one.identityId, one.serverId, one.tool, one.effect]);
    const sum = hours.get(key);
    if (sum) {
      sum.calls += one.calls;
      sum.completed += one.completed;
      sum.failed += one.failed;
    } else hours.set(key, one);
  }
  return [...hours.values()];
};

const addHours = async (tx: Tx, organizationId: string, hours: readonly Hour[]): Promise<void> => {
  await tx.query(
    `insert into usage_hourly(organization_id, hour, grant_id, identity_id, server_id, tool, effect, calls, completed, failed)
     select $1, u.* from unnest($2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::bigint[], $10::bigint[]) u
     order by 2, 3, 4, 5, 6, 7
     on conflict (organization_id, hour, grant_id, identity_id, server_id, tool, effect) do update
     set calls = usage_hourly.calls + excluded.calls, completed = usage_hourly.completed + excluded.completed, failed = usage_hourly.failed + excluded.failed`,
    [
      organizationId,
      hours.map((hour) => hour.hour),
      hours.map((hour) => hour.grantId),
      hours.map((hour) => hour.identityId),
      hours.map((hour) => hour.serverId),
      hours.map((hour) => hour.tool),
      hours.map((hour) => hour.effect),
      hours.map((hour) => hour.calls),
      hours.map((hour) => hour.completed),
      hours.map((hour) => hour.failed),
    ],
  );
};

const lastUses = (records: readonly Counted[]): ReadonlyMap<string, Date> => {
  const last = new Map<string, Date>();
  for (const { type, grantId, time } of records) {
    if (type !== 'toolCall.decided' || grantId === null) continue;
    const known = last.get(grantId);
    if (!known || known < time) last.set(grantId, time);
  }
  return last;
};

const touchGrants = async (tx: Tx, organizationId: string, uses: ReadonlyMap<string, Date>): Promise<void> => {
  await tx.query(
    `insert into grant_last_used(organization_id, grant_id, last_used_at) select $1, u.* from unnest($2::text[], $3::timestamptz[]) u order by 2
     on conflict (organization_id, grant_id) do update set last_used_at = greatest(grant_last_used.last_used_at, excluded.last_used_at)`,
    [organizationId, [...uses.keys()], [...uses.values()].map((time) => time.toISOString())],
  );
};

/**
 * Usage by hour (UTC, of the event's `time`), grant, identity, server, tool and effect, and when each grant was last used. A call without a tool
 * counts under ''. Outcomes count in the hour in which they came, under effect `allow`.
 */
export const usageProjection: Projection = {
  name: 'usage',
  apply: async (tx, organizationId, records) => {
    const hours = sumByHour(records);
    const uses = lastUses(records);
    if (hours.length > 0) await addHours(tx, organizationId, hours);
    if (uses.size > 0) await touchGrants(tx, organizationId, uses);
  },
  clear: async (tx, organizationId, since) => {
    await tx.query(`delete from usage_hourly where organization_id = $1 and hour >= coalesce($2::timestamptz, '-infinity')`, [organizationId, since]);
    await tx.query(`delete from grant_last_used where organization_id = $1 and last_used_at >= coalesce($2::timestamptz, '-infinity')`, [organizationId, since]);
  },
};
