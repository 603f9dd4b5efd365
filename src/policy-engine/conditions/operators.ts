import type { Operator, Scalar } from '../document.js';
import { compareCodePoints, finder } from '../wildcard.js';
import { parseAddress, parseRange } from './cidr.js';
import { MAX_EXPRESSION_LENGTH, isUsable } from './pattern.js';
import { patternOf } from './pattern-cache.js';
import type { Work } from './work.js';

/** `undecidable` when a value is not of a kind that the rule can judge; contract section 4. */
export type Truth = boolean | 'undecidable';

/** Judges a value that is there and not null. */
export type Test = (value: unknown, work: Work) => Truth;

const longestSearched = 64 * 1024;
const charactersPerStep = 5;
/** Up to this length the engine's own search, which is Boyer and Moore's then, takes time linear in the text. */
const longestNative = 250;
const stepsPerPattern = 100;
const stepsPerIpv4 = 200;
const stepsPerIpv6 = 2000;
const stepsPerRange = 4;

/**
 * The test of an operator for the value that the rule has, or undefined when the operator doesn't take such a value.
 */
export function testOf(op: Operator, value: unknown): Test | undefined {
  return makers[op](value);
}

/** What an operator says of a value that is missing or null. */
export function truthOfMissing(op: Operator, value: unknown, within: 'require' | 'deny_if'): boolean {
  if (op === 'exists') return value === false;
  return within === 'deny_if' && (op === 'neq' || op === 'not_in' || op === 'not_contains');
}

const isScalar = (value: unknown): value is Scalar =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';

const isScalarList = (value: unknown): value is readonly Scalar[] =>
  Array.isArray(value) && value.length > 0 && value.every(isScalar);

function not(test: Test): Test {
  return (value, work) => {
    const truth = test(value, work);
    return truth === 'undecidable' ? truth : !truth;
  };
}

function oneOf(values: readonly Scalar[]): Test {
  const types = new Set<string>(values.map((one) => typeof one));
  const [only] = values;
  if (values.length === 1) return (value) => (typeof value === typeof only ? value === only : 'undecidable');
  const known = new Set<unknown>(values);
  return (value) => (types.has(typeof value) ? known.has(value) : 'undecidable');
}

function onText(judge: (text: string, work: Work) => Truth): Test {
  return (value, work) => (typeof value === 'string' ? judge(value, work) : 'undecidable');
}

function containing(part: string): Test {
  const native = part.length <= longestNative;
  const find = native ? undefined : finder(part);
  return onText((text, work) => {
    work.left -= native ? Math.ceil(text.length / charactersPerStep) : text.length * 2;
    if (work.left < 0) return 'undecidable';
    return find === undefined ? text.includes(part) : find(text, 0) >= 0;
  });
}

/**
 * The pattern is compiled when a value is first judged: most policies are never asked. One that does not compile
 * decides nothing.
 */
function matching(source: string): Test | undefined {
  if (source.length > MAX_EXPRESSION_LENGTH) return undefined;
  return onText((text, work) => {
    work.left -= stepsPerPattern;
    if (isLongerThan(text, longestSearched)) return 'undecidable';
    const pattern = patternOf(source);
    return isUsable(pattern) ? pattern.search(text, work) : 'undecidable';
  });
}

/** Whether a text takes more bytes of UTF-8 than that. */
function isLongerThan(text: string, bytes: number): boolean {
  return text.length > bytes || (text.length * 3 > bytes && Buffer.byteLength(text) > bytes);
}

function ordered(bound: unknown, holds: (difference: number) => boolean): Test | undefined {
  if (typeof bound === 'number')
    return (value) => (typeof value === 'number' ? holds(value < bound ? -1 : value > bound ? 1 : 0) : 'undecidable');
  return typeof bound === 'string' ? comparing(bound, holds) : undefined;
}

function comparing(bound: string, holds: (difference: number) => boolean): Test {
  return onText((text, work) => {
    work.left -= Math.min(text.length, bound.length);
    return holds(compareCodePoints(text, bound));
  });
}

function ofLength(bound: unknown, holds: (length: number, bound: number) => boolean): Test | undefined {
  if (typeof bound !== 'number' || !Number.isSafeInteger(bound) || bound < 0) return undefined;
  return (value, work) => {
    if (Array.isArray(value)) return holds(value.length, bound);
    if (typeof value !== 'string') return 'undecidable';
    // It has at most as many code points as units, and at least half as many: mostly that is enough to know.
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

function inRanges(texts: unknown): Test | undefined {
  if (!Array.isArray(texts) || texts.length === 0) return undefined;
  const ranges = texts.flatMap((text) => (typeof text === 'string' ? (parseRange(text) ?? []) : []));
  if (ranges.length < texts.length) return undefined;
  return onText((text, work) => {
    work.left -= (text.includes(':') ? stepsPerIpv6 : stepsPerIpv4) + stepsPerRange * ranges.length;
    const address = work.left < 0 ? undefined : parseAddress(text);
    return address === undefined ? 'undecidable' : ranges.some((range) => range.contains(address));
  });
}

const ifText = (make: (text: string) => Test | undefined) => (value: unknown) =>
  typeof value === 'string' ? make(value) : undefined;

const negated = (make: (value: unknown) => Test | undefined) => (value: unknown) => {
  const test = make(value);
  return test === undefined ? undefined : not(test);
};

const equal = (value: unknown) => (isScalar(value) ? oneOf([value]) : undefined);
const among = (value: unknown) => (isScalarList(value) ? oneOf(value) : undefined);
const containingText = ifText(containing);

const makers: Readonly<Record<Operator, (value: unknown) => Test | undefined>> = {
  eq: equal,
  neq: negated(equal),
  in: among,
  not_in: negated(among),
  lt: (value) => ordered(value, (difference) => difference < 0),
  lte: (value) => ordered(value, (difference) => difference <= 0),
  gt: (value) => ordered(value, (difference) => difference > 0),
  gte: (value) => ordered(value, (difference) => difference >= 0),
  contains: containingText,
  not_contains: negated(containingText),
  starts_with: ifText((start) => onText((text) => text.startsWith(start))),
  ends_with: ifText((end) => onText((text) => text.endsWith(end))),
  matches: ifText(matching),
  exists: (value) => (typeof value === 'boolean' ? () => value : undefined),
  length_lte: (value) => ofLength(value, (length, bound) => length <= bound),
  length_gte: (value) => ofLength(value, (length, bound) => length >= bound),
  cidr: (value) => inRanges(typeof value === 'string' ? [value] : value),
};
