import { createHash, randomFillSync } from 'node:crypto';

/**
 * The prefixes of TypeIDs, one a noun. Each noun's is declared once, beside its events in
 * `src/record/event-log/events/`; here are those of nouns that have none.
 */
export interface IdPrefixes {
  /** A message that is sent to people or programs outside. */
  msg: true;
}
export type IdPrefix = keyof IdPrefixes;

const DIGITS = Buffer.from('0123456789abcdefghjkmnpqrstvwxyz');
const POOL_BYTES = 10 * 512;
const pool = Buffer.allocUnsafe(POOL_BYTES);
let poolAt = POOL_BYTES;
let lastMs = 0;
let counter = 0;

const nextRandom = (): number => {
  if (poolAt >= POOL_BYTES) {
    randomFillSync(pool);
    poolAt = 0;
  }
  const at = poolAt;
  poolAt += 10;
  return at;
};

const encoded = Buffer.alloc(26);

const encode = (bytes: Uint8Array): string => {
  let value = 0;
  let bits = 2;
  let at = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      encoded[at++] = DIGITS[(value >>> bits) & 31] ?? 0;
      value &= (1 << bits) - 1;
    }
  }
  return encoded.toString('latin1');
};

const scratch = new Uint8Array(16);

/**
 * A new TypeID (typeid spec 0.3: prefix, underscore, UUIDv7 in Crockford base32, 26 characters). Ids of one process
 * sort in the order they were made, also within a millisecond (12-bit counter in `rand_a`, RFC 9562 6.2 method 1).
 */
export const newId = (prefix: IdPrefix, nowMs: number = Date.now()): string => {
  if (nowMs > lastMs) {
    lastMs = nowMs;
    counter = 0;
  } else if (++counter > 0xfff) {
    lastMs += 1;
    counter = 0;
  }
  const at = nextRandom();
  scratch[0] = Math.floor(lastMs / 2 ** 40) & 0xff;
  scratch[1] = Math.floor(lastMs / 2 ** 32) & 0xff;
  scratch[2] = (lastMs >>> 24) & 0xff;
  scratch[3] = (lastMs >>> 16) & 0xff;
  scratch[4] = (lastMs >>> 8) & 0xff;
  scratch[5] = lastMs & 0xff;
  scratch[6] = 0x70 | (counter >>> 8);
  scratch[7] = counter & 0xff;
  scratch[8] = 0x80 | ((pool[at] ?? 0) & 0x3f);
  for (let i = 9; i < 16; i += 1) scratch[i] = pool[at + i - 8] ?? 0;
  return `${prefix}_${encode(scratch)}`;
};

/** The id that belongs to this text: always the same (a UUIDv8 of its SHA-256). */
export const derivedId = (prefix: IdPrefix, text: string): string => {
  const bytes = createHash('sha256').update(text).digest().subarray(0, 16);
  bytes[6] = 0x80 | ((bytes[6] ?? 0) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
  return `${prefix}_${encode(bytes)}`;
};

/** Whether the text is a well-formed TypeID with this prefix; says nothing about whether such an object exists. */
export const isId = (prefix: IdPrefix, text: unknown): text is string =>
  typeof text === 'string' &&
  text.length === prefix.length + 27 &&
  text.startsWith(`${prefix}_`) &&
  /^[0-7][0-9a-hjkmnp-tv-z]{25}$/.test(text.slice(prefix.length + 1));
