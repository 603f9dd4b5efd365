import type { Tx } from '../../../platform/postgres/database.js';
import { conditionsOf, type Filters } from '../../audit/filters.js';
import type { StoredEvent } from '../../audit/audit.query.js';
import type { Place } from '../../audit/records.js';
import type { LogStreamFilter } from '../../event-log/events/index.js';

/**
 * The next records of a place: those that match, the place behind all that were read, and how many numbers before the
 * first of them retention has taken. `isEnd`: there was nothing to read.
 */
export type RecordsPage = Readonly<{
  events: readonly StoredEvent[];
  next: Place;
  missing: number;
  isEnd: boolean;
}>;

/** How much is read at once: so many records, and of these what has so many bytes, but at least one. */
const PAGE_RECORDS = 500;
const PAGE_BYTES = 2 * 2 ** 20;

type Row = Readonly<{ seq: number; recordedAt: Date; event: Buffer | null }>;

/** A stream's filter in the words of a search. */
export const filtersOf = ({ types, effects, serverIds, identityIds }: LogStreamFilter): Filters => ({
  type: types,
  effect: effects,
  serverId: serverIds,
  identityId: identityIds,
});

const statement = (matches: string): string =>
  `with page as materialized (select * from audit_records where organization_id = $1 and seq >= $2
     and recorded_at >= coalesce($3::timestamptz, '-infinity') and seq <= $4
     order by recorded_at, seq limit $5),
   sized as (select *, sum(octet_length(event)) over (order by recorded_at, seq) as total from page)
   select seq, recorded_at as "recordedAt", case when ${matches} then event end as event from sized
    where total <= ${PAGE_BYTES} or total = octet_length(event) order by seq`;

const UNFILTERED = statement('true');
const NO_END = Number.MAX_SAFE_INTEGER;

/** Reads the next records from a place on, up to and with `toSeq`. The cost is bounded, whatever matches. */
export const readRecords = async (
  tx: Tx,
  organizationId: string,
  filters: Filters,
  { from, toSeq = NO_END, limit }: Readonly<{ from: Place; toSeq?: number | undefined; limit: number }>,
): Promise<RecordsPage> => {
  const values: unknown[] = [organizationId, from.seq, from.recordedAt, toSeq, PAGE_RECORDS];
  const conditions = conditionsOf(filters, (value) => `$${values.push(value)}`);
  // Of a filtered stream a page of records may hold few matches: their number is the caller's to cut.
  if (conditions.length === 0) values[4] = Math.min(limit, PAGE_RECORDS);
  const { rows } = await (conditions.length === 0
    ? tx.prepared<Row>('log-stream-records', UNFILTERED, values)
    : tx.query<Row>(statement(conditions.join(' and ')), values));
  const [first, last] = [rows[0], rows.at(-1)];
  if (!first || !last) return { events: [], next: from, missing: 0, isEnd: true };
  return {
    events: rows.flatMap(({ seq, recordedAt, event }) => (event === null ? [] : [{ seq, recordedAt, event }])),
    next: { seq: last.seq + 1, recordedAt: last.recordedAt },
    missing: first.seq - from.seq,
    isEnd: false,
  };
};
