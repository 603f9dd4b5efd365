import { toItem, type StoredEvent } from './audit.query.js';

const CLOSING_BRACE = 0x7d;
const NEWLINE = 0x0a;
const HEAD_BYTES = 200;
/** How our own events begin; of another version, or written in another way, they are read and written anew. */
const VERSION_1 = /^\{"id":"[^"\\]*",(?:"type":"[^"\\]*",)?"version":1,/;

/** Whether a record's line is the bytes of its event and what is added to them. */
const isPlain = (event: Buffer): boolean =>
  event.at(-1) === CLOSING_BRACE &&
  VERSION_1.test(event.toString('latin1', 0, HEAD_BYTES)) &&
  !event.includes(NEWLINE) &&
  !event.includes('"transport"');

/**
 * A record as one line of JSON without its line end, as an export in `ndjson` holds it and a log stream sends it as
 * `native`; it is also a leaf of the tree that proves the record (docs/proof.md). So what this writes of a record must
 * never change: a member that `toItem` learns later may stand in records of later events alone.
 */
export const recordLine = (stored: StoredEvent): Buffer => {
  const { event, seq, recordedAt } = stored;
  if (!isPlain(event)) return Buffer.from(JSON.stringify(toItem(stored)));
  const end = `,"schemaVersion":1,"seq":${seq},"recordedAt":"${recordedAt.toISOString()}"}`;
  return Buffer.concat([event.subarray(0, -1), Buffer.from(end)]);
};
