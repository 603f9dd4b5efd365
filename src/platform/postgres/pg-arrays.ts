const OID = { int4: 23, int8: 20, text: 25, bytea: 17, timestamptz: 1184 } as const;

const HEADER_BYTES = 20;
const MICROS_PER_MS = 1000;
const PG_EPOCH_MS = Date.UTC(2000, 0, 1);
const TWO_32 = 2 ** 32;

/**
 * The head of an array in PostgreSQL's binary format, for a parameter that the statement casts (`$1::text[]`). As text,
 * each element would be quoted, escaped and read again character by character, and bytes would travel as hex.
 */
const begin = (bytes: Buffer, oid: number, length: number, hasNulls: boolean): number => {
  bytes.writeInt32BE(length === 0 ? 0 : 1, 0);
  bytes.writeInt32BE(hasNulls ? 1 : 0, 4);
  bytes.writeInt32BE(oid, 8);
  if (length === 0) return 12;
  bytes.writeInt32BE(length, 12);
  bytes.writeInt32BE(1, 16);
  return HEADER_BYTES;
};

/** `text[]`. Texts hold no NUL, which PostgreSQL has no place for. */
export const textArray = (values: readonly (string | null)[]): Buffer => {
  let room = HEADER_BYTES;
  let hasNulls = false;
  for (const value of values) {
    // A UTF-16 unit takes three bytes of UTF-8 at most.
    room += 4 + (value === null ? 0 : value.length * 3);
    hasNulls ||= value === null;
  }
  const bytes = Buffer.allocUnsafe(room);
  let at = begin(bytes, OID.text, values.length, hasNulls);
  for (const value of values) {
    const length = value === null ? -1 : bytes.write(value, at + 4);
    bytes.writeInt32BE(length, at);
    at += 4 + Math.max(0, length);
  }
  return bytes.subarray(0, at);
};

/** `bytea[]`. */
export const byteaArray = (values: readonly Buffer[]): Buffer => {
  const bytes = Buffer.allocUnsafe(values.reduce((sum, value) => sum + 4 + value.length, HEADER_BYTES));
  let at = begin(bytes, OID.bytea, values.length, false);
  for (const value of values) {
    bytes.writeInt32BE(value.length, at);
    at += 4 + value.copy(bytes, at + 4);
  }
  return bytes.subarray(0, at);
};

/** `int[]`. */
export const intArray = (values: readonly number[]): Buffer => {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + values.length * 8);
  let at = begin(bytes, OID.int4, values.length, false);
  for (const value of values) {
    bytes.writeInt32BE(4, at);
    bytes.writeInt32BE(value, at + 4);
    at += 8;
  }
  return bytes.subarray(0, at);
};

/**
 * Two halves, as a BigInt for each number would be garbage; what a number can't hold exactly comes as one all the same.
 */
const writeEightBytes = (bytes: Buffer, value: number | bigint, at: number): void => {
  if (typeof value === 'bigint') return void bytes.writeBigInt64BE(value, at);
  bytes.writeInt32BE(Math.floor(value / TWO_32), at);
  bytes.writeUInt32BE(((value % TWO_32) + TWO_32) % TWO_32, at + 4);
};

const eightBytes = (oid: number, values: readonly (number | bigint)[]): Buffer => {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + values.length * 12);
  let at = begin(bytes, oid, values.length, false);
  for (const value of values) {
    bytes.writeInt32BE(8, at);
    writeEightBytes(bytes, value, at + 4);
    at += 12;
  }
  return bytes.subarray(0, at);
};

/** `bigint[]` of safe integers. */
export const bigintArray = (values: readonly number[]): Buffer => eightBytes(OID.int8, values);

const microsOf = (ms: number): number | bigint => {
  const micros = (ms - PG_EPOCH_MS) * MICROS_PER_MS;
  return Number.isSafeInteger(micros) ? micros : BigInt(ms - PG_EPOCH_MS) * BigInt(MICROS_PER_MS);
};

/** `timestamptz[]` of milliseconds since the Unix epoch. */
export const timestamptzArray = (values: readonly number[]): Buffer =>
  eightBytes(OID.timestamptz, values.map(microsOf));
