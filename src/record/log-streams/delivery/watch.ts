import type { TellAlarm } from '../../../platform/postgres/alarm.js';
import type { Database } from '../../../platform/postgres/database.js';
import { errorText, log } from '../../../platform/runtime/log.js';
import { startPollingLoop, type PollingLoop } from '../../../platform/runtime/polling-loop.js';
import type { EventStore } from '../../event-store/event-store.js';
import { raiseAlarmAlone, type AlarmCode } from './alarms.js';
import { NODE_TTL_SECONDS } from './nodes.store.js';

export type WatchParts = Readonly<{ db: Database; store: EventStore; tellAlarm: TellAlarm }>;

const LOOK_EVERY_MS = 20_000;
/** What has to be seen so often in a row before it is an alarm: a deployment may take a minute. */
export const LOOKS = 4;
const TRAILING_SECONDS = 300;

type Found = { organizationId: string; streamId: string; code: AlarmCode };

/**
 * Counts what should be there against what is: each stream has a cursor, sealed settings and a node that lives, each
 * cursor a stream; and none has left a record unsent for five minutes. An error is not needed for any of these.
 */
const LOOK = `
with streams as (
  select coalesce(s.organization_id, c.organization_id) as organization_id, coalesce(s.id, c.id) as id, s.stopped,
    s.deleted, s.id is null or c.id is null or x.stream_id is null or not exists (
      select 1 from log_stream_nodes n where n.id = c.owner
        and n.seen_at > now() - interval '${NODE_TTL_SECONDS} s') as vanished,
    c.next_seq, c.next_at
  from log_streams s
    full join (select * from log_stream_cursors where id = stream_id) c
      on c.organization_id = s.organization_id and c.id = s.id
    left join log_stream_secrets x on x.organization_id = s.organization_id and x.stream_id = s.id),
running as (select * from streams where deleted is not true and stopped is null)
select organization_id as "organizationId", id as "streamId", 'vanished' as code from running where vanished
union all
select distinct r.organization_id, r.id, 'auth_error' from running r join log_stream_cursors c
  on c.organization_id = r.organization_id and c.stream_id = r.id and c.status = 'auth_error'
union all
select r.organization_id, r.id, 'trailing' from running r
  join audit_heads h on h.organization_id = r.organization_id and h.next_seq > r.next_seq
  cross join lateral (select recorded_at from audit_records a where a.organization_id = r.organization_id
    and a.recorded_at >= coalesce(r.next_at, '-infinity') and a.seq >= r.next_seq
    order by a.recorded_at, a.seq limit 1) oldest
  where not r.vanished and oldest.recorded_at < now() - interval '${TRAILING_SECONDS} s'`;

const END = `update log_stream_alarms a set ended_at = now() where ended_at is null and (
  (code = any ($3::text[]) and not exists (select 1 from unnest($1::text[], $2::text[], $4::text[]) f(o, s, c)
    where f.o = a.organization_id and f.s = a.stream_id and f.c = a.code))
  or (code = 'records_gone' and raised_at < now() - interval '1 hour'))`;

/** Figures of an hour are kept for a week, dead letters as long as their records. */
const PRUNE = [
  `delete from log_stream_hours where hour < now() - interval '7 days'`,
  `delete from log_stream_dead_letters d using audit_heads h
    where h.organization_id = d.organization_id and d.seq < h.first_seq`,
];
const PRUNE_EVERY_LOOKS = 180;

const keyOf = ({ organizationId, streamId, code }: Found): string => `${organizationId}|${streamId}|${code}`;

/**
 * Makes what looks at all streams: what it finds so often in a row that no deployment explains it becomes an alarm.
 * Each look answers in how many milliseconds the next is due.
 */
export const makeWatch = ({ db, store, tellAlarm }: WatchParts): (() => Promise<number>) => {
  let looks = new Map<string, number>();
  let round = 0;
  return async () => {
    const found = (await db.asStreams((tx) => tx.query<Found>(LOOK))).rows;
    looks = new Map(found.map((one) => [keyOf(one), (looks.get(keyOf(one)) ?? 0) + 1]));
    for (const one of found) {
      if ((looks.get(keyOf(one)) ?? 0) < LOOKS) continue;
      await raiseAlarmAlone(store, tellAlarm, one).catch((error: unknown) =>
        log.warn('an alarm of a log stream could not be raised', { streamId: one.streamId, error: errorText(error) }),
      );
    }
    const columns = [found.map((one) => one.organizationId), found.map((one) => one.streamId)];
    const watched = ['trailing', 'vanished', 'auth_error'];
    await db.asStreams((tx) => tx.query(END, [...columns, watched, found.map(({ code }) => code)]));
    if (round++ % PRUNE_EVERY_LOOKS === 0) for (const text of PRUNE) await db.asStreams((tx) => tx.query(text));
    return LOOK_EVERY_MS;
  };
};

/**
 * Looks at all streams three times a minute and raises alarms. It runs wherever alarms can be told from, so that it
 * also tells of streams that no process runs; several may look at once, and an alarm is told once.
 */
export const startStreamWatch = (parts: WatchParts): PollingLoop =>
  startPollingLoop(makeWatch(parts), { failed: 'watching log streams failed', retryDelayMs: LOOK_EVERY_MS });
