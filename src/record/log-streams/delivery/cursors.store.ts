import type { Database, Tx } from '../../../platform/postgres/database.js';
import type { Place } from '../../audit/records.js';
import type { Answer } from '../kind.js';

/** How far a stream or a backfill is. `id` is the stream's own, or the backfill's. */
export type Cursor = Readonly<{
  organizationId: string;
  streamId: string;
  id: string;
  /** The last seq to send, of a backfill. */
  toSeq: number | undefined;
  place: Place;
  /** The last seq of the batch that was being sent. */
  sendingTo: number | undefined;
  failures: number;
  failingSince: number | null;
  retryAt: number;
  /** Counts what has it try again at once: new settings, and calls that ask for it. */
  restarts: number;
}>;

type Row = {
  organization_id: string;
  stream_id: string;
  id: string;
  to_seq: number | null;
  next_seq: number;
  next_at: Date | number | null;
  sending_to: number | null;
  failures: number;
  failing_since: Date | null;
  retry_at: Date | null;
  restarts: number;
};

const toCursor = (row: Row): Cursor => ({
  organizationId: row.organization_id,
  streamId: row.stream_id,
  id: row.id,
  toSeq: row.to_seq ?? undefined,
  place: { seq: row.next_seq, recordedAt: row.next_at instanceof Date ? row.next_at : null },
  sendingTo: row.sending_to ?? undefined,
  failures: row.failures,
  failingSince: row.failing_since?.getTime() ?? null,
  retryAt: row.retry_at?.getTime() ?? 0,
  restarts: row.restarts,
});

/** The cursors of a stream that are to be moved: its own, and those of backfills that run. */
export const loadCursors = async (tx: Tx, organizationId: string, streamId: string): Promise<readonly Cursor[]> => {
  const { rows } = await tx.query<Row>(
    `select organization_id, stream_id, id, to_seq, next_seq, next_at, sending_to, failures, failing_since, retry_at,
        restarts from log_stream_cursors where organization_id = $1 and stream_id = $2
        and status in ('active', 'degraded', 'auth_error') order by created_at, id`,
    [organizationId, streamId],
  );
  return rows.map(toCursor);
};

/** Makes the cursor of a new stream, or of a backfill, which has an end. */
export const insertCursor = async (
  tx: Tx,
  cursor: Pick<Cursor, 'organizationId' | 'streamId' | 'id' | 'place'> & Readonly<{ toSeq?: number }>,
): Promise<void> => {
  const { organizationId, streamId, id, place, toSeq = null } = cursor;
  await tx.query(
    `insert into log_stream_cursors(organization_id, stream_id, id, from_seq, to_seq, next_seq, next_at, status)
      values ($1, $2, $3, $4, $5, $4, $6, 'active')`,
    [organizationId, streamId, id, place.seq, toSeq, place.recordedAt],
  );
};

/** A record that a receiver refused. */
export type DeadLetter = Readonly<{ seq: number; eventId: string; answer: Answer }>;

/**
 * What a batch came to: the place behind it, and what of it was delivered or not. `isAnswered`: the receiver takes what
 * it is sent, so that what was wrong is over.
 */
export type Progress = Readonly<{
  place: Place;
  delivered: number;
  bytes: number;
  letters: readonly DeadLetter[];
  isAnswered: boolean;
}>;

const ADVANCE = `
with moved as (
  update log_stream_cursors c set next_seq = $4::bigint, next_at = $5::timestamptz, sending_to = null,
    failures = 0, failing_since = null,
    retry_at = null, status = case when to_seq is not null and $4::bigint > to_seq then 'done' else 'active' end,
    last_success_at = case when $13::boolean then now() else last_success_at end,
    last_error = case when $13::boolean then null else last_error end
  where organization_id = $1 and id = $2 and status in ('active', 'degraded', 'auth_error')
    and exists (select 1 from log_stream_cursors o where o.organization_id = $1 and o.id = c.stream_id
      and o.owner = $3)
  returning organization_id, stream_id),
hour as (
  insert into log_stream_hours as h (organization_id, stream_id, hour, delivered, failed, bytes)
    select organization_id, stream_id, date_trunc('hour', now(), 'UTC'), $6::bigint, $8::bigint, $7::bigint from moved
     where $6::bigint + $8::bigint > 0
  on conflict (organization_id, stream_id, hour) do update set delivered = h.delivered + excluded.delivered,
    failed = h.failed + excluded.failed, bytes = h.bytes + excluded.bytes),
letters as (
  insert into log_stream_dead_letters(organization_id, stream_id, seq, event_id, http_status, answer)
    select m.organization_id, m.stream_id, l.seq, l.event_id, l.http_status, l.answer
      from moved m, unnest($9::bigint[], $10::text[], $11::int[], $12::text[]) l(seq, event_id, http_status, answer)
  on conflict (organization_id, stream_id, seq) do update set at = now(), http_status = excluded.http_status,
    answer = excluded.answer, redrive = false)
select count(*)::int as count from moved`;

/** A cursor, the node that moves it, and the `restarts` that it had when that node read it. */
export type Who = Readonly<{ organizationId: string; id: string; owner: string; restarts: number }>;

/**
 * Moves a cursor behind a batch, with its history and its dead letters, in one statement. False when the cursor is not
 * this owner's any more, or has ended: then nothing was written.
 */
export const saveProgress = async (db: Database, who: Who, progress: Progress): Promise<boolean> => {
  const { place, delivered, bytes, letters, isAnswered } = progress;
  const { rows } = await db.asStreams((tx) =>
    tx.prepared<{ count: number }>('log-stream-advance', ADVANCE, [
      who.organizationId,
      who.id,
      who.owner,
      place.seq,
      place.recordedAt,
      delivered,
      bytes,
      letters.length,
      letters.map(({ seq }) => seq),
      letters.map(({ eventId }) => eventId),
      letters.map(({ answer }) => answer.httpStatus),
      letters.map(({ answer }) => answer.body),
      isAnswered,
    ]),
  );
  return rows[0]?.count === 1;
};

/** Why a try failed, as `lastError` of a stream's health. */
export type Failure = Readonly<{ code: string; answer: Answer | null }>;

const FAIL = `
with failed as (
  update log_stream_cursors c set status = $4, failures = $5, failing_since = $6, retry_at = $7, last_error = $8
  where organization_id = $1 and id = $2 and restarts = $10 and status in ('active', 'degraded', 'auth_error')
    and exists (select 1 from log_stream_cursors o where o.organization_id = $1 and o.id = c.stream_id
      and o.owner = $3)
  returning organization_id, stream_id),
hour as (
  insert into log_stream_hours as h (organization_id, stream_id, hour, failed)
    select organization_id, stream_id, date_trunc('hour', now(), 'UTC'), $9::bigint from failed
  on conflict (organization_id, stream_id, hour) do update set failed = h.failed + excluded.failed)
select count(*)::int as count from failed`;

/**
 * Keeps how a try failed. False when the cursor is not this owner's any more, or is to try again at once meanwhile: a
 * try with the settings before says nothing about the new ones, which would wait for it.
 */
export const saveFailure = async (
  db: Database,
  who: Who,
  failed: Readonly<{
    status: 'degraded' | 'auth_error' | 'failed';
    failures: number;
    failingSince: number | null;
    retryAt: number;
    failure: Failure;
    records: number;
  }>,
): Promise<boolean> => {
  const { status, failures, failingSince, retryAt, failure, records } = failed;
  const lastError = {
    at: new Date().toISOString(),
    code: failure.code,
    httpStatus: failure.answer?.httpStatus ?? null,
    answer: failure.answer?.body ?? null,
  };
  const since = failingSince === null ? null : new Date(failingSince);
  const values = [status, failures, since, new Date(retryAt), JSON.stringify(lastError), records, who.restarts];
  const { rows } = await db.asStreams((tx) =>
    tx.prepared<{ count: number }>('log-stream-fail', FAIL, [who.organizationId, who.id, who.owner, ...values]),
  );
  return rows[0]?.count === 1;
};

/** Keeps where the batch ends that is about to be sent. False when the cursor is not this owner's any more. */
export const saveSending = async (db: Database, who: Who, sendingTo: number): Promise<boolean> => {
  const { rowCount } = await db.asStreams((tx) =>
    tx.prepared(
      'log-stream-sending',
      `update log_stream_cursors c set sending_to = $4 where organization_id = $1 and id = $2
        and exists (select 1 from log_stream_cursors o where o.organization_id = $1 and o.id = c.stream_id
          and o.owner = $3)`,
      [who.organizationId, who.id, who.owner, sendingTo],
    ),
  );
  return rowCount === 1;
};
