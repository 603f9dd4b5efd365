import { parsedJson } from '../../platform/json/parsed-json.js';

/** What token may come next. */
export enum Expected {
  value,
  valueOrEnd,
  key,
  keyOrEnd,
  colon,
  commaOrEnd,
}

export const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * No key or prefix that matters is longer, even with each character escaped. `MAX_ESCAPE_BYTES` more are read, so that
 * no escape is cut.
 */
export const [MAX_TOKEN_BYTES, MAX_ESCAPE_BYTES] = [256, 8];

/** Whether a byte is white space of JSON. */
export const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

/** A key as every parser reads it; undefined when it is no JSON string. */
export const keyOf = (raw: Buffer): string | undefined => {
  const text = raw.toString('utf8');
  const key = raw.includes(BACKSLASH) ? parsedJson(`"${text}"`) : text;
  return typeof key === 'string' ? key : undefined;
};

/** The place where the text from `at` ends, or the longest piece of it that is read. Never within an escape. */
export const endOfToken = (bytes: Buffer, at: number): number => {
  const most = Math.min(bytes.length, at + MAX_TOKEN_BYTES);
  let end = at;
  while (end < most && bytes[end] !== QUOTE) end += bytes[end] === BACKSLASH ? (bytes[end + 1] === 0x75 ? 6 : 2) : 1;
  return Math.min(end, bytes.length);
};
