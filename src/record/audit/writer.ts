import type { EventLog, HandleBatch, LogRecord } from '../event-log/event-log.js';
import { TOPICS, type Topic } from '../event-log/events/index.js';
import type { Database } from '../../platform/postgres/database.js';
import { log } from '../../platform/runtime/log.js';
import { appendGaps, reportLost } from './gaps.js';
import { readEvent, type ReadEvent } from './read-event.js';
import { recordAround } from './record-around.js';
import { BatchRecorder, type Incoming } from './record-batch.js';
import { unrecorded } from './unrecorded.js';

/** A batch is one transaction, so larger ones cost less for each record; one that is not full is handled at once. */
const BATCH_SIZE = 2000;

/** Counted since this process started, but `lag`. */
export type AuditWriter = Readonly<{
  /** Events recorded. */
  recorded: () => number;
  /** Deliveries dropped because their event was recorded before. */
  duplicates: () => number;
  /** Log records that were left out: they are no events, or the database refuses them. */
  poison: () => number;
  /** Log records that were gone from the log before they were recorded: each is a hole in the audit log. */
  lost: () => number;
  /** Log records not yet recorded, over all partitions; undefined when the log or the database is out of reach. */
  lag: () => Promise<number | undefined>;
  /** Stops recording; resolves when no batch is being recorded. */
  stop: () => Promise<void>;
}>;

type Parts = Readonly<{ db: Database; log: EventLog; onRecorded?: () => void }>;
type Read = Readonly<{ record: LogRecord; event: ReadEvent }>;

/**
 * A cache of each partition's position, so that polling costs no query. The row in the database is authoritative.
 */
const makePositions = (db: Database) => {
  const cached = new Map<string, number>();
  const at = (topic: Topic, partition: number): string => `${topic}|${partition}`;
  return {
    get: async (topic: Topic, partition: number): Promise<number> => {
      const known = cached.get(at(topic, partition));
      if (known !== undefined) return known;
      const { rows } = await db.worker.query<{ next: number }>(
        `select next from log_offsets where reader = 'audit' and topic = $1 and part = $2`,
        [topic, partition],
      );
      const next = rows[0]?.next ?? 0;
      cached.set(at(topic, partition), next);
      return next;
    },
    set: (topic: Topic, partition: number, next: number) => void cached.set(at(topic, partition), next),
    forget: (topic: Topic, partition: number) => void cached.delete(at(topic, partition)),
  };
};

type Positions = ReturnType<typeof makePositions>;

const lagOf = async (db: Database, eventLog: EventLog): Promise<number> => {
  const lags = await Promise.all(TOPICS.map(async (topic) => unrecorded(db, topic, await eventLog.ends(topic))));
  return lags.reduce((sum, lag) => sum + lag, 0);
};

type Place = Readonly<{ topic: Topic; partition: number }>;

/**
 * How many records between `known` and the first delivered one the log no longer has; the gap is on record before
 * anything passes over them. A delivery that only skipped them is refused, so that the log's reader comes again.
 * Undefined when another writer had recorded them before the log let them go: the position is read after the log, as it
 * only rises.
 */
const countLost = async (
  parts: Pick<Parts, 'db' | 'log'> & Readonly<{ positions: Positions }>,
  place: Place,
  known: number,
  first: number,
): Promise<number | undefined> => {
  if (first <= known) return 0;
  const [oldest] = await parts.log.read(place.topic, place.partition, known, 1);
  if (oldest && oldest.offset < first)
    throw new Error(
      `the log delivered ${place.topic}/${place.partition} from ${first} on, but ${known} is not recorded`,
    );
  parts.positions.forget(place.topic, place.partition);
  if ((await parts.positions.get(place.topic, place.partition)) !== known) return undefined;
  log.error('the log lost records before they were recorded', { ...place, from: known, to: first - 1 });
  await reportLost(parts, { ...place, from: known, to: first - 1 });
  return first - known;
};

const toIncoming = (reads: readonly Read[]): readonly Incoming[] =>
  reads.flatMap(({ record, event }) =>
    event.ok ? [{ offset: record.offset, value: record.value, columns: event.columns, number: event.number }] : [],
  );

const reportPoison = (place: Place, reads: readonly Read[]): number => {
  let count = 0;
  for (const { record, event } of reads) {
    if (event.ok) continue;
    count += 1;
    log.error('a record of the event log is no event and was left out of the audit log', {
      ...place,
      offset: record.offset,
      reason: event.reason,
    });
  }
  return count;
};

/** Records a gap for a log record that the database refuses. */
const leaveOutOf =
  (eventLog: EventLog, place: Place) =>
  ({ offset, columns }: Incoming): Promise<void> =>
    appendGaps(eventLog, columns.organizationId, [
      { type: 'audit.gap', reason: 'log_records_lost', ...place, from: offset, to: offset },
    ]);

/**
 * Carries every event of the log into the audit log, exactly once and in the log's order; several writers may run.
 * `onRecorded` is called after each commit that recorded something.
 */
export const startAuditWriter = async ({ db, log: eventLog, onRecorded }: Parts): Promise<AuditWriter> => {
  const positions = makePositions(db);
  const recorder = new BatchRecorder(db);
  const total = { recorded: 0, duplicates: 0, poison: 0, lost: 0 };
  const handle: HandleBatch = async ({ topic, partition, next, records }) => {
    const place = { topic, partition };
    const leaveOut = leaveOutOf(eventLog, place);
    const reads = records.map((record) => ({ record, event: readEvent(record.key, record.value) }));
    for (;;) {
      const known = await positions.get(topic, partition);
      if (known >= next) return;
      const rest = reads.filter(({ record }) => record.offset >= known);
      const lost = await countLost({ db, log: eventLog, positions }, place, known, rest[0]?.record.offset ?? next);
      const incoming = toIncoming(rest);
      const done =
        lost === undefined ? undefined : await recordAround(recorder, { ...place, known, next, incoming }, leaveOut);
      if (lost === undefined || done === undefined) {
        positions.forget(topic, partition);
        continue;
      }
      positions.set(topic, partition, next);
      total.recorded += done.recorded;
      total.duplicates += incoming.length - done.recorded - done.leftOut;
      total.poison += reportPoison(place, rest) + done.leftOut;
      total.lost += lost;
      if (done.recorded > 0) onRecorded?.();
      return;
    }
  };
  const subscription = await eventLog.subscribe({ position: positions.get, handle, batchSize: BATCH_SIZE });
  return {
    recorded: () => total.recorded,
    duplicates: () => total.duplicates,
    poison: () => total.poison,
    lost: () => total.lost,
    lag: () => lagOf(db, eventLog).catch(() => undefined),
    stop: subscription.stop,
  };
};
