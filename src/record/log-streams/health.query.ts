import type { Tx } from '../../platform/postgres/database.js';
import type { LogStreamHealth, StreamErrorView, StreamHourView } from './operations.dto.js';

type Row = {
  head: number;
  next_seq: number;
  last_success_at: Date | null;
  last_error: StreamErrorView | null;
  owner: string | null;
  dead_letters: number;
  oldest: Date | null;
};

/** Of a stream whose cursor is gone. */
const NOTHING: Row = {
  head: 1,
  next_seq: 1,
  last_success_at: null,
  last_error: null,
  owner: null,
  dead_letters: 0,
  oldest: null,
};

const HEALTH = `
select coalesce(h.next_seq, 1) as head, c.next_seq, c.last_success_at, c.last_error,
  c.owner,
  (select count(*)::int from log_stream_dead_letters d where d.organization_id = $1 and d.stream_id = $2)
    as dead_letters,
  (select recorded_at from audit_records a where a.organization_id = $1
    and a.recorded_at >= coalesce(c.next_at, '-infinity') and a.seq >= c.next_seq
    order by a.recorded_at, a.seq limit 1) as oldest
from log_stream_cursors c left join audit_heads h on h.organization_id = $1
where c.organization_id = $1 and c.id = $2`;

const HOURS = `select hour as "from", delivered, failed, bytes from log_stream_hours
  where organization_id = $1 and stream_id = $2 and hour > now() - interval '7 days' order by hour`;

/** What a stream's own cursor says about it, compared with the head of the audit log. */
export const readHealth = async (
  tx: Tx,
  organizationId: string,
  { id, status }: Readonly<{ id: string; status: string }>,
): Promise<Omit<LogStreamHealth, 'running'> & Readonly<{ owner: string | null }>> => {
  const [row = NOTHING] = (await tx.query<Row>(HEALTH, [organizationId, id])).rows;
  const hours = (await tx.query<{ from: Date } & Omit<StreamHourView, 'from'>>(HOURS, [organizationId, id])).rows;
  return {
    status,
    owner: row.owner,
    headSeq: row.head - 1,
    cursorSeq: row.next_seq - 1,
    lagRecords: Math.max(0, row.head - row.next_seq),
    lagSeconds: row.oldest === null ? 0 : Math.max(0, (Date.now() - row.oldest.getTime()) / 1000),
    lastSuccessAt: row.last_success_at?.toISOString() ?? null,
    lastError: row.last_error,
    deadLetters: row.dead_letters,
    hours: hours.map((hour) => ({ ...hour, from: hour.from.toISOString() })),
  };
};
