import { GroupCommitError } from '../../platform/postgres/group-commit.js';

/** The longest record, in bytes of JSON: what syslog, proofs and most receivers of logs take. */
export const MAX_RECORD_BYTES = 60_000;

/** What a record has beside its event: `schemaVersion`, `seq` and `recordedAt`. */
const FRAME_BYTES = 100;

/** The longest event, in bytes of JSON, that the log takes. */
export const MAX_EVENT_BYTES = MAX_RECORD_BYTES - FRAME_BYTES;

/** No UTF-16 unit takes more bytes of UTF-8. */
const MAX_BYTES_OF_A_UNIT = 3;

/** The refusal of a value that is too long for a record. */
export const lengthRefusal = (value: Buffer | string): GroupCommitError | undefined => {
  if (value.length * MAX_BYTES_OF_A_UNIT <= MAX_EVENT_BYTES) return undefined;
  const bytes = Buffer.byteLength(value);
  return bytes > MAX_EVENT_BYTES
    ? new GroupCommitError('refused', `${bytes} bytes are too long for a record`)
    : undefined;
};
