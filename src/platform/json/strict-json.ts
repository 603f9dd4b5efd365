import { isUtf8 } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { exactNumber, MAX_EXACT_NUMBER_LENGTH } from './exact-number.js';
import { MAX_JSON_DEPTH } from './foreign-json.js';

/** How many keys all objects of a text may have. */
export const MAX_STRICT_KEYS = 100_000;

/** How many numbers of a text are kept as they were written: each takes fifty times as long as a double. */
export const MAX_EXACT_NUMBERS = 100_000;

/** Every fault that refuses a text, and how it is worded. */
const REASONS = {
  not_utf8: 'not valid UTF-8',
  byte_order_mark: 'begins with a byte order mark',
  not_json: 'not JSON',
  too_deep: `nested deeper than ${MAX_JSON_DEPTH}`,
  too_many_keys: `more than ${MAX_STRICT_KEYS} keys`,
  inexact_number: 'a number that a double cannot hold exactly',
  long_number: `a number of over ${MAX_EXACT_NUMBER_LENGTH} characters that a double cannot hold exactly`,
  many_inexact_numbers: `over ${MAX_EXACT_NUMBERS} numbers that a double cannot hold exactly`,
  prototype_key: 'a key that leads to the prototype of objects',
  repeated_key: 'a key occurs twice in one object',
  lone_surrogate: 'a lone surrogate',
} as const;

export type StrictJsonFault = keyof typeof REASONS;

/**
 * A JSON text that every parser reads alike, or why it is none: `unparsable` is no JSON at all, `ambiguous` is JSON
 * that two parsers may read in two ways. `reason` never quotes the text.
 */
export type StrictJson =
  | Readonly<{ ok: true; value: unknown }>
  | Readonly<{ ok: false; flaw: 'unparsable' | 'ambiguous'; fault: StrictJsonFault; reason: string }>;

/**
 * Reads one JSON text (RFC 8259) so that nothing in it can be understood in two ways. Never throws.
 *
 * `unparsable`: empty, invalid UTF-8, a byte order mark, whatever `JSON.parse` refuses (so also anything after the
 * value). `ambiguous`: nesting over 64, over 100,000 keys, a key twice in one object (compared after unescaping), lone
 * surrogates, a key `__proto__` or `constructor` with `prototype` in it, by which servers that copy arguments change
 * their own prototypes, a number whose decimal value a double can't give back. Such a number is an `ExactNumber` where
 * `numbers` is `as_written`, and refused only over 400 characters or after 100,000 others. The size limits are judged
 * before parsing, as parsing such a text costs half a second and hundreds of megabytes: a bomb that is cut short counts
 * as ambiguous too.
 *
 * `prototypeKeys` `plain` takes keys that lead to prototypes as any other, for a reader that copies them nowhere.
 * Objects in the value are ordinary ones with own properties only.
 */
export function readStrictJson(
  body: Buffer,
  numbers: 'doubles' | 'as_written' = 'doubles',
  prototypeKeys: 'refused' | 'plain' = 'refused',
): StrictJson {
  if (!isUtf8(body)) return unparsable('not_utf8');
  const text = body.toString('utf8');
  if (text.charCodeAt(0) === 0xfeff) return unparsable('byte_order_mark');
  const scan = scanText(text, numbers === 'doubles' ? 0 : MAX_EXACT_NUMBERS);
  if (scan.over !== undefined) return ambiguous(scan.over);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return unparsable('not_json');
  }
  const { inexact } = scan;
  const parsedKeys = countKeys(value, prototypeKeys === 'plain');
  const fault = faultOfNumbers(scan) ?? faultOfTexts(text, scan, { value, parsedKeys });
  if (fault !== undefined) return ambiguous(fault);
  return { ok: true, value: inexact === undefined ? value : withExactNumbers(text, inexact) };
}

function faultOfNumbers(scan: Scan): StrictJsonFault | undefined {
  if (scan.tooLong) return 'long_number';
  if (!hasTooManyInexact(scan)) return undefined;
  return scan.maxInexact === 0 ? 'inexact_number' : 'many_inexact_numbers';
}

/** What makes two parsers read the keys and strings of a parsed text in two ways. */
function faultOfTexts(
  text: string,
  { keys, escapes }: Scan,
  { value, parsedKeys }: Readonly<{ value: unknown; parsedKeys: number }>,
): StrictJsonFault | undefined {
  if (Number.isNaN(parsedKeys)) return 'prototype_key';
  if (keys !== parsedKeys) return 'repeated_key';
  return escapes && SURROGATE_ESCAPE.test(text) && hasLoneSurrogate(value) ? 'lone_surrogate' : undefined;
}

const SURROGATE_ESCAPE = /\\u[dD][89a-fA-F]/;

const unparsable = (fault: StrictJsonFault): StrictJson => ({
  ok: false,
  flaw: 'unparsable',
  fault,
  reason: REASONS[fault],
});
const ambiguous = (fault: StrictJsonFault): StrictJson => ({
  ok: false,
  flaw: 'ambiguous',
  fault,
  reason: REASONS[fault],
});

/**
 * `escapes`: whether there is a backslash in it. `over`: which of the size limits is passed. `inexact`: where each
 * number begins and ends that no double holds, one after the other; once it has more than `maxInexact`, no further
 * number is judged. `tooLong`: one of those that may be kept is.
 */
type Scan = {
  keys: number;
  inexact: number[] | undefined;
  readonly maxInexact: number;
  tooLong: boolean;
  escapes: boolean;
  over: StrictJsonFault | undefined;
};

const hasTooManyInexact = ({ inexact, maxInexact }: Scan): boolean =>
  inexact !== undefined && inexact.length > 2 * maxInexact;

const quote = 0x22;
const backslash = 0x5c;
const minus = 0x2d;
const colon = 0x3a;

/**
 * Counts keys and judges numbers and depth in one pass. The text may be no JSON: then what is counted means nothing,
 * but the pass ends.
 */
function scanText(text: string, maxInexact: number): Scan {
  const escapes = text.includes('\\');
  const scan: Scan = { keys: 0, inexact: undefined, maxInexact, tooLong: false, escapes, over: undefined };
  let depth = 0;
  let at = 0;
  while (at < text.length && scan.over === undefined) {
    const code = text.charCodeAt(at);
    if (code === quote) at = scan.escapes ? endOfEscaped(text, at + 1) : endOfPlain(text, at + 1);
    else if (isDigit(code) || code === minus) at = endOfNumber(text, at, scan);
    else {
      at += 1;
      if (code === colon) scan.keys += 1;
      else depth += nesting(code);
      if (depth > MAX_JSON_DEPTH) scan.over = 'too_deep';
      else if (scan.keys > MAX_STRICT_KEYS) scan.over = 'too_many_keys';
    }
  }
  return scan;
}

const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39;

/** How a structural character changes the depth. */
function nesting(code: number): -1 | 0 | 1 {
  if (code === 0x7b || code === 0x5b) return 1;
  return code === 0x7d || code === 0x5d ? -1 : 0;
}

/** Where a string ends in a text without escapes. */
function endOfPlain(text: string, from: number): number {
  const end = text.indexOf('"', from);
  return end < 0 ? text.length : end + 1;
}

function endOfEscaped(text: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === quote) return at + 1;
    if (code === backslash) at += 1;
  }
  return text.length;
}

/** Up to 15 digits and nothing else always survive a double (IEEE 754): most numbers are judged by that alone. */
function endOfNumber(text: string, from: number, scan: Scan): number {
  let at = from + 1;
  while (at < text.length && isDigit(text.charCodeAt(at))) at += 1;
  const isPlain = at - from <= 15 && !isNumberPart(text.charCodeAt(at));
  if (isPlain) return at;
  while (at < text.length && isNumberPart(text.charCodeAt(at))) at += 1;
  if (hasTooManyInexact(scan) || readsBack(text.slice(from, at))) return at;
  (scan.inexact ??= []).push(from, at);
  scan.tooLong ||= scan.maxInexact > 0 && at - from > MAX_EXACT_NUMBER_LENGTH;
  return at;
}

/**
 * Parses a text that `JSON.parse` takes once more, with a mark in the place of each number in `spans`, and puts exact
 * numbers in the place of the marks. Nobody can write a mark into the text, as it is random.
 */
function withExactNumbers(text: string, spans: readonly number[]): unknown {
  const mark = randomBytes(16).toString('hex');
  let marked = '';
  let done = 0;
  for (let index = 0; index < spans.length; index += 2) {
    const [from = 0, to = 0] = [spans[index], spans[index + 1]];
    marked += `${text.slice(done, from)}"${mark}${text.slice(from, to)}"`;
    done = to;
  }
  return unmarked(JSON.parse(marked + text.slice(done)), mark);
}

/** Puts the exact numbers into a value in place. */
function unmarked(value: unknown, mark: string): unknown {
  if (typeof value === 'string') return value.startsWith(mark) ? exactNumber(value.slice(mark.length)) : value;
  if (typeof value !== 'object' || value === null) return value;
  const members = value as Record<string, unknown>;
  for (const key in members) members[key] = unmarked(members[key], mark);
  return value;
}

/** A digit or one of `.eE+-`. */
const isNumberPart = (code: number): boolean =>
  isDigit(code) || code === 0x2e || code === 0x65 || code === 0x45 || code === 0x2b || code === minus;

const longExponent = /[eE][+-]?\d{3}/;
/** The smallest double that has all its digits. */
const MIN_NORMAL = 2 ** -1022;

const isNormal = (number: number): boolean => Number.isFinite(number) && Math.abs(number) >= MIN_NORMAL;

/** Up to 15 digits survive too, but for the ends of the range. */
function readsBack(token: string): boolean {
  const number = Number(token);
  if (token.length <= 15 && (!longExponent.test(token) || isNormal(number))) return true;
  const printed = String(number);
  return printed === token || canonicalDecimal(token) === canonicalDecimal(printed);
}

/**
 * A decimal as its significant digits and the power of ten of the last one, so that equal values have equal texts. A
 * double prints at most 17 digits: more than that can't be one. What is no number at all is left to `JSON.parse`, but
 * `Infinity` must differ from every number.
 */
function canonicalDecimal(text: string): string {
  const parts = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
  if (parts === null) return text;
  const [, whole = '', fraction = '', exponent = '0'] = parts;
  const digits = whole + fraction;
  let first = 0;
  while (first < digits.length && digits.charCodeAt(first) === 0x30) first += 1;
  if (first === digits.length) return '0';
  let end = digits.length;
  while (digits.charCodeAt(end - 1) === 0x30) end -= 1;
  if (end - first > 17) return 'too long';
  const power = Number(exponent) - fraction.length + (digits.length - end);
  return `${text.startsWith('-') ? '-' : ''}${digits.slice(first, end)}e${power}`;
}

/**
 * `JSON.parse` keeps one of two equal keys: fewer in the tree than in the text means that one occurred twice. NaN when
 * a key leads to a prototype, unless such keys are plain data here.
 */
function countKeys(value: unknown, arePlain: boolean): number {
  if (typeof value !== 'object' || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (const child of value) count += countKeys(child, arePlain);
    return count;
  }
  // All keys of what JSON.parse made are its own, and no list of them is made here.
  for (const key in value) {
    const child = (value as Readonly<Record<string, unknown>>)[key];
    if (!arePlain && (key === '__proto__' || (key === 'constructor' && hasPrototype(child)))) return Number.NaN;
    count += 1 + countKeys(child, arePlain);
  }
  return count;
}

const hasPrototype = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, 'prototype');

const loneSurrogate = /\p{Surrogate}/u;

function hasLoneSurrogate(value: unknown): boolean {
  if (typeof value === 'string') return loneSurrogate.test(value);
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.some(hasLoneSurrogate);
  return Object.entries(value).some(([key, child]) => loneSurrogate.test(key) || hasLoneSurrogate(child));
}
