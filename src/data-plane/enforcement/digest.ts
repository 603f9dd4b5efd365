import { hash } from 'node:crypto';
import { canonicalJson } from '../../platform/json/canonical-json.js';
import { clip } from '../../platform/runtime/clip.js';

const MAX_KEYS = 100;
const MAX_KEY_LENGTH = 64;

const BLOCK_BYTES = 64;
const HASH_BYTES = 32;
const BUFFERED_BYTES = 4096;

/**
 * For each key: its two padded blocks, with room behind them for what is hashed, so that a digest allocates no buffer.
 */
type Pads = Readonly<{ inner: Buffer; outer: Buffer }>;
const padsOfKeys = new WeakMap<Buffer, Pads>();

const padsOf = (key: Buffer): Pads => {
  const known = padsOfKeys.get(key);
  if (known) return known;
  const padded = Buffer.concat([key], BLOCK_BYTES);
  const pads = { inner: Buffer.alloc(BLOCK_BYTES + BUFFERED_BYTES), outer: Buffer.alloc(BLOCK_BYTES + HASH_BYTES) };
  pads.inner.set(padded.map((byte) => byte ^ 0x36));
  pads.outer.set(padded.map((byte) => byte ^ 0x5c));
  padsOfKeys.set(key, pads);
  return pads;
};

/**
 * HMAC-SHA-256 in hex (RFC 2104) for keys of at most 64 bytes. Two one-shot hashes cost a third of an Hmac object,
 * which is a stream.
 */
const hmac = (key: Buffer, text: string): string => {
  const { inner, outer } = padsOf(key);
  const bytes = Buffer.byteLength(text);
  if (bytes <= BUFFERED_BYTES) inner.write(text, BLOCK_BYTES);
  const message =
    bytes <= BUFFERED_BYTES
      ? inner.subarray(0, BLOCK_BYTES + bytes)
      : Buffer.concat([inner.subarray(0, BLOCK_BYTES), Buffer.from(text)]);
  outer.write(hash('sha256', message, 'binary'), BLOCK_BYTES, 'latin1');
  return hash('sha256', outer);
};

/** The sorted top-level names of a call's arguments: at most 100, 64 characters each. Values are never recorded. */
export const argumentKeys = (args: unknown): readonly string[] => {
  if (typeof args !== 'object' || args === null) return [];
  const keys = Object.keys(args);
  const clipped = keys.some((key) => key.length > MAX_KEY_LENGTH) ? keys.map((key) => clip(key, MAX_KEY_LENGTH)) : keys;
  clipped.sort();
  return clipped.length > MAX_KEYS ? clipped.slice(0, MAX_KEYS) : clipped;
};

/**
 * HMAC-SHA-256, in hex, over the arguments with their keys in order: equal for calls with equal arguments, and keyed
 * per organization so that nobody without the key can guess values by trying. Null when the call has no arguments.
 */
export const argumentsDigest = (key: Buffer, args: unknown): string | null =>
  args === undefined ? null : hmac(key, canonicalJson(args));
