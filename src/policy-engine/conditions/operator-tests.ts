import { compareCodePoints, finder } from '../wildcard.js';
import { parseAddress, parseRange } from './cidr.js';
import { MAX_EXPRESSION_LENGTH, isUsable } from './pattern.js';
import { patternOf } from './pattern-cache.js';
import type { Work } from './work.js';

export type Scalar = string | number | boolean;

/** `undecidable` when the value of the argument has a type that the rule can't judge. */
export type Truth = boolean | 'undecidable';

/** Judges the value of an argument; it is neither undefined nor null. */
export type Test = (value: unknown, work: Work) => Truth;

const MAX_SEARCHED_BYTES = 64 * 1024;
/** One character is looked for many at once. */
const CHARACTERS_PER_STEP = 5;
/**
 * V8 searches for a text of these lengths by Boyer and Moore, in time linear in the text that is searched. For a
 * shorter one it begins anew at each place where the first character stands.
 */
const [MIN_NATIVE_LENGTH, MAX_NATIVE_LENGTH] = [7, 250];
const STEPS_PER_SEARCH = 50;
const STEPS_PER_SEARCHED = 3;
const STEPS_PER_ORDERED = 5;
const STEPS_PER_PATTERN = 100;
const STEPS_PER_IPV4 = 200;
const STEPS_PER_IPV6 = 2500;
const STEPS_PER_RANGE = 4;

/** Whether a value is text, a number or a boolean. */
export const isScalar = (value: unknown): value is Scalar =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';

/** Whether a value is a list of at least one scalar, and of nothing else. */
export const isScalarList = (value: unknown): value is readonly Scalar[] =>
  Array.isArray(value) && value.length > 0 && value.every(isScalar);

/** The test that is true where `test` is false. */
export function not(test: Test): Test {
  return (value, work) => {
    const truth = test(value, work);
    return truth === 'undecidable' ? truth : !truth;
  };
}

/** Whether the value is one of these. A value whose JSON type none of them has is undecidable. */
export function oneOf(values: readonly Scalar[]): Test {
  const types = new Set<string>(values.map((one) => typeof one));
  const [only] = values;
  if (values.length === 1) return (value) => (typeof value === typeof only ? value === only : 'undecidable');
  const known = new Set<unknown>(values);
  return (value) => (types.has(typeof value) ? known.has(value) : 'undecidable');
}

/** A test of texts; any other value is undecidable. */
export function onText(judge: (text: string, work: Work) => Truth): Test {
  return (value, work) => (typeof value === 'string' ? judge(value, work) : 'undecidable');
}

/** Whether a text contains this part. */
export function containing(part: string): Test {
  const isNative = part.length >= MIN_NATIVE_LENGTH && part.length <= MAX_NATIVE_LENGTH;
  const find = isNative || part.length <= 1 ? undefined : finder(part);
  return onText((text, work) => {
    work.left -=
      STEPS_PER_SEARCH +
      (part.length <= 1 ? Math.ceil(text.length / CHARACTERS_PER_STEP) : text.length * STEPS_PER_SEARCHED);
    if (work.left < 0) return 'undecidable';
    return find === undefined ? text.includes(part) : find(text, 0) >= 0;
  });
}

/**
 * Whether a regular expression matches somewhere in a text. The expression is compiled when it first judges a value,
 * since most policies judge few calls. One that does not compile decides nothing.
 */
export function matching(source: string): Test | undefined {
  if (source.length > MAX_EXPRESSION_LENGTH) return undefined;
  return onText((text, work) => {
    work.left -= STEPS_PER_PATTERN;
    if (isLongerThan(text, MAX_SEARCHED_BYTES)) return 'undecidable';
    const pattern = patternOf(source);
    return isUsable(pattern) ? pattern.search(text, work) : 'undecidable';
  });
}

/** Whether a text takes more than this many bytes of UTF-8. */
function isLongerThan(text: string, bytes: number): boolean {
  return text.length > bytes || (text.length * 3 > bytes && Buffer.byteLength(text) > bytes);
}

/** Compares numbers with a number and texts with a text; `holds` gets the sign of the difference. */
export function ordered(bound: unknown, holds: (difference: number) => boolean): Test | undefined {
  if (typeof bound === 'number')
    return (value) => (typeof value === 'number' ? holds(value < bound ? -1 : value > bound ? 1 : 0) : 'undecidable');
  return typeof bound === 'string' ? comparing(bound, holds) : undefined;
}

function comparing(bound: string, holds: (difference: number) => boolean): Test {
  return onText((text, work) => {
    work.left -= STEPS_PER_ORDERED * Math.min(text.length, bound.length);
    return holds(compareCodePoints(text, bound));
  });
}

/** Compares the length of a list, or of a text in code points, with a whole number. */
export function ofLength(bound: unknown, holds: (length: number, bound: number) => boolean): Test | undefined {
  if (typeof bound !== 'number' || !Number.isSafeInteger(bound) || bound < 0) return undefined;
  return (value, work) => {
    if (Array.isArray(value)) return holds(value.length, bound);
    if (typeof value !== 'string') return 'undecidable';
    // A text has at most as many code points as UTF-16 units, and at least half as many: mostly that decides.
    if (value.length < bound || value.length > 2 * bound) return holds(value.length, bound);
    work.left -= value.length;
    return work.left < 0 ? 'undecidable' : holds(codePoints(value), bound);
  };
}

function codePoints(text: string): number {
  let length = text.length;
  for (let at = 1; at < text.length; at += 1)
    if (isLowSurrogate(text.charCodeAt(at)) && isHighSurrogate(text.charCodeAt(at - 1))) length -= 1;
  return length;
}

const isLowSurrogate = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff;

const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;

/** Whether an IP address lies in one of these ranges; undefined when one of them is no range. */
export function inRanges(texts: unknown): Test | undefined {
  if (!Array.isArray(texts) || texts.length === 0) return undefined;
  const ranges = texts.flatMap((text) => (typeof text === 'string' ? (parseRange(text) ?? []) : []));
  if (ranges.length < texts.length) return undefined;
  return onText((text, work) => {
    work.left -= (text.includes(':') ? STEPS_PER_IPV6 : STEPS_PER_IPV4) + STEPS_PER_RANGE * ranges.length;
    const address = work.left < 0 ? undefined : parseAddress(text);
    return address === undefined ? 'undecidable' : ranges.some((range) => range.contains(address));
  });
}
