import { derivedId } from '../../../platform/crypto/ids.js';
import { reportFailure, soon } from '../../../platform/runtime/guard.js';
import type { StoredEvent } from '../../audit/audit.query.js';
import type { Place } from '../../audit/records.js';
import type { Format } from '../formats/format.js';
import { outgoingRecord, type OutgoingRecord } from '../formats/outgoing-record.js';
import type { Batch, OutgoingItem } from '../kind.js';
import type { DeadLetter } from './cursors.store.js';
import { MAX_RECORDS } from './next-step.js';
import type { RecordsPage } from './read-page.js';

const MAX_BATCH_BYTES = 2 ** 20;
/** What a kind may write around each record. */
const ENVELOPE_BYTES = 256;
/** So many records are formatted in one turn of the event loop, which calls through the gateway wait for too. */
const TURN_RECORDS = 50;

/** Records to send and the place behind them; `bytes` is of their texts. `letters` can't be written in the format. */
export type Filled = Readonly<{
  batch: Batch | undefined;
  place: Place;
  bytes: number;
  letters: readonly DeadLetter[];
}>;

type InFormat = Readonly<{ format: Format; mappingVersion: string }>;

const textOf = ({ format, mappingVersion }: InFormat, record: OutgoingRecord): string | undefined => {
  try {
    return format.format(record, mappingVersion);
  } catch (error) {
    reportFailure('log_stream_format', error, 'a record could not be written in a format');
    return undefined;
  }
};

/** The id of a batch: the same for the same records of a stream, on every node. */
export const batchId = (streamId: string, items: readonly OutgoingItem[]): string =>
  derivedId('msg', [streamId, items[0]?.record.seq, items.at(-1)?.record.seq, items.length].join('|'));

/** Resolves in the next turn of the event loop. */
export const nextTurn = (): Promise<void> => new Promise((resolve) => soon('log_stream_batch', resolve));

const unwritable = ({ seq, eventId }: OutgoingRecord): DeadLetter => ({
  seq,
  eventId,
  answer: { httpStatus: null, body: 'the record could not be written in this format' },
});

const FULL_BYTES = 900 * 1024;

/** How many more milliseconds other records may join a batch, where a kind lets its batches wait. */
export const msToFill = ({ batch, bytes }: Filled, maxWaitMs: number, now: number): number => {
  const first = batch?.items[0];
  if (maxWaitMs <= 0 || !first || batch.items.length >= MAX_RECORDS || bytes > FULL_BYTES) return 0;
  return maxWaitMs - (now - Date.parse(first.record.recordedAt));
};

/** Writes records of a page in a stream's format until the batch is full: at most `limit`, and about 1 MiB. */
export const fillBatch = async (
  streamId: string,
  { events, next }: RecordsPage,
  { limit, ...inFormat }: InFormat & Readonly<{ limit: number }>,
): Promise<Filled> => {
  const items: OutgoingItem[] = [];
  const letters: DeadLetter[] = [];
  let bytes = 0;
  let last: StoredEvent | undefined;
  for (const stored of events.slice(0, limit)) {
    if (items.length > 0 && items.length % TURN_RECORDS === 0) await nextTurn();
    const record = outgoingRecord(stored);
    const text = textOf(inFormat, record);
    const size = text === undefined ? 0 : Buffer.byteLength(text);
    if (items.length > 0 && bytes + size + (items.length + 1) * ENVELOPE_BYTES > MAX_BATCH_BYTES) break;
    last = stored;
    bytes += size;
    if (text === undefined) letters.push(unwritable(record));
    else items.push({ record, text });
  }
  const isWhole = last === undefined || last === events.at(-1);
  return {
    batch: items.length === 0 ? undefined : { id: batchId(streamId, items), items },
    place: isWhole || !last ? next : { seq: last.seq + 1, recordedAt: last.recordedAt },
    bytes,
    letters,
  };
};
