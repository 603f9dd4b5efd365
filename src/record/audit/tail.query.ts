import type { Tx } from '../../platform/postgres/database.js';
import { withinBytes } from '../../platform/postgres/within-bytes.js';
import { isStoredMatch, type StoredEvent } from './audit.query.js';
import { conditionsOf, type Filters } from './filters.js';
import { BEGINNING, nextSeq, type Place } from './records.js';

/** The matches among the next records of a place, and the place behind all of these records. */
export type TailPage = Readonly<{ events: readonly StoredEvent[]; next: Place }>;

/** Every record counts for the page, match or not, so that the time of a statement is bounded. */
const PAGE_SIZE = 500;
/** A stream holds its page for as long as its client takes: it ends with the match that fills this. */
const MAX_PAGE_BYTES = 2 * 2 ** 20;

type Row = Readonly<{ seq: number; recordedAt: Date; event: Buffer | null }>;

/** Reads the next 500 records from a place on, fewer when their matches take 2 MiB, and of these the matches. */
export const readTailPage = async (
  tx: Tx,
  organizationId: string,
  filters: Filters,
  from: Place,
): Promise<TailPage> => {
  const values: unknown[] = [organizationId, from.seq, from.recordedAt];
  const bind = (value: unknown): string => `$${values.push(value)}`;
  const matches = ['true', ...conditionsOf(filters, bind)].join(' and ');
  const { rows } = await tx.query<Row>(
    `with page as materialized (select * from audit_records
      where organization_id = $1 and seq >= $2 and recorded_at >= coalesce($3::timestamptz, '-infinity')
      order by recorded_at, seq limit ${PAGE_SIZE}),
     fitting as materialized (${withinBytes(
       `select seq, recorded_at as "recordedAt", case when ${matches} then event end as event from page
         order by recorded_at, seq`,
       'coalesce(octet_length(event), 0)',
       MAX_PAGE_BYTES,
     )})
     select seq, "recordedAt", event from fitting
      where event is not null or seq = (select max(seq) from fitting) order by seq`,
    values,
  );
  const last = rows.at(-1);
  if (!last) return { events: [], next: from };
  const events = rows.flatMap(({ seq, recordedAt, event }) => (event === null ? [] : [{ seq, recordedAt, event }]));
  return {
    events: events.filter((one) => isStoredMatch(filters, one)),
    next: { seq: last.seq + 1, recordedAt: last.recordedAt },
  };
};

type Found = Readonly<{ seq: number; recordedAt: Date }>;

/** The first record at a time or later. */
const firstSince = async (tx: Tx, organizationId: string, time: Date | null): Promise<Found | undefined> =>
  (
    await tx.prepared<Found>(
      'audit-first-since',
      `select seq, recorded_at as "recordedAt" from audit_records where organization_id = $1
        and recorded_at >= coalesce($2::timestamptz, '-infinity') order by recorded_at, seq limit 1`,
      [organizationId, time],
    )
  ).rows[0];

const NEAR_MS = 1000;

/**
 * The place of a number. Records are indexed by time, so this halves the time between the first record and now until
 * it is within a second of the number's record. The place is that of the first record for a number that retention has
 * taken, and the end for one that is not there yet.
 */
export const placeOfSeq = async (tx: Tx, organizationId: string, seq: number): Promise<Place> => {
  const first = await firstSince(tx, organizationId, null);
  if (!first || first.seq >= seq) return first ?? placeOfEnd(tx, organizationId);
  let before = first.recordedAt.getTime();
  for (let after = Date.now(); after - before > NEAR_MS;) {
    const middle = before + Math.floor((after - before) / 2);
    const found = await firstSince(tx, organizationId, new Date(middle));
    if (found && found.seq <= seq) before = middle;
    else after = middle;
  }
  const end = await placeOfEnd(tx, organizationId);
  return end.seq < seq ? end : { seq, recordedAt: new Date(before) };
};

/** The place of the first record at a time or later; the end of the log when there is none yet. */
export const placeOfTime = async (tx: Tx, organizationId: string, time: Date): Promise<Place> => {
  const first = await firstSince(tx, organizationId, time);
  return first ?? placeOfEnd(tx, organizationId);
};

/** The place behind the last record. */
export const placeOfEnd = async (tx: Tx, organizationId: string): Promise<Place> => {
  const { rows } = await tx.query<{ recorded_at: Date | number }>(
    'select recorded_at from audit_heads where organization_id = $1',
    [organizationId],
  );
  const recordedAt = rows[0]?.recorded_at;
  const seq = await nextSeq(tx, organizationId);
  return seq === 1 ? BEGINNING : { seq, recordedAt: recordedAt instanceof Date ? recordedAt : null };
};
