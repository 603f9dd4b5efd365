import { NEXT_RECORDS, type Projection } from './apply.js';

/**
 * What a page of records adds: a decision is a call under its effect; an outcome belongs to an allowed call, and one
 * that was not forwarded adds nothing. Rows are written in the order of their keys, so that no two writers wait for
 * each other.
 */
const APPLY = `
with page as materialized (${NEXT_RECORDS}),
 counted as (
  select date_trunc('hour', time, 'UTC') as hour, coalesce(grant_id, '') as grant_id, coalesce(identity_id,
    '') as identity_id, coalesce(server_id, '') as server_id,
    coalesce(tool, '') as tool, case type when 'toolCall.decided' then coalesce(effect, '') else 'allow'
      end as effect,
    count(*) filter (where type = 'toolCall.decided') as calls,
    count(*) filter (where type = 'toolCall.completed' and status in ('ok', 'tool_error')) as completed,
    count(*) filter (where type = 'toolCall.completed' and coalesce(status, '') not in ('ok', 'tool_error')) as failed
  from page
  where (type = 'toolCall.decided' or (type = 'toolCall.completed' and status is distinct from 'not_forwarded'))
    and time >= coalesce($5::timestamptz, '-infinity')
  group by 1, 2, 3, 4, 5, 6),
 hours as (
  insert into usage_hourly(organization_id, hour, grant_id, identity_id, server_id, tool, effect, calls, completed,
    failed)
  select $1, c.* from counted c order by hour, grant_id, identity_id, server_id, tool, effect
  on conflict (organization_id, hour, grant_id, identity_id, server_id, tool, effect) do update
  set calls = usage_hourly.calls + excluded.calls, completed = usage_hourly.completed + excluded.completed,
    failed = usage_hourly.failed + excluded.failed),
 uses as (
  insert into grant_last_used(organization_id, grant_id, last_used_at)
  select $1, grant_id, max(time) from page where type = 'toolCall.decided' and grant_id is not null
    and time >= coalesce($5::timestamptz, '-infinity') group by grant_id order by grant_id
  on conflict (organization_id, grant_id) do update
    set last_used_at = greatest(grant_last_used.last_used_at, excluded.last_used_at))
select seq, recorded_at from page order by recorded_at desc, seq desc limit 1`;

/**
 * Usage by hour (UTC, of the event's `time`), grant, identity, server, tool and effect, and when each grant was last
 * used. A call without a tool counts under ''. Outcomes count in the hour in which they came, under effect `allow`.
 */
export const usageProjection: Projection = {
  name: 'usage',
  apply: async (tx, organizationId, { from, limit, since }) => {
    const { rows } = await tx.prepared<{ seq: number; recorded_at: Date }>('usage-apply', APPLY, [
      organizationId,
      from.seq,
      from.recordedAt,
      limit,
      since,
    ]);
    return rows[0] && { seq: rows[0].seq + 1, recordedAt: rows[0].recorded_at };
  },
  clear: async (tx, organizationId, since) => {
    await tx.query(
      `delete from usage_hourly where organization_id = $1 and hour >= coalesce($2::timestamptz, '-infinity')`,
      [organizationId, since],
    );
    await tx.query(
      `delete from grant_last_used where organization_id = $1
        and last_used_at >= coalesce($2::timestamptz, '-infinity')`,
      [organizationId, since],
    );
  },
};
