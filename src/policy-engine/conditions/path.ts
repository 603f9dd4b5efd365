import type { Facts } from '../facts.js';
import { unkept } from './unkept.js';
import type { KeysByLength, Work } from './work.js';

/** One step into a value: a key of an object, a place in an array, or `[*]`, every element. */
export type Step =
  | Readonly<{ kind: 'key'; key: string; lower: string; upper: string }>
  | Readonly<{ kind: 'index'; index: number }>
  | Readonly<{ kind: 'every' }>;

/**
 * The place of a value in the facts of a call: where it starts (`root`), and the steps from there. `source` is the
 * first part of the path's text.
 */
export type Path = Readonly<{ source: string; root: (facts: Facts) => unknown; steps: readonly Step[] }>;

const weekdays = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;

const open: ReadonlyMap<string, Path['root']> = new Map<string, Path['root']>([
  ['args', (facts) => facts.arguments],
  ['identity.attributes', (facts) => facts.identity.attributes],
]);

const single: ReadonlyMap<string, Path['root']> = new Map<string, Path['root']>([
  ['identity.name', (facts) => facts.identity.name],
  ['identity.kind', (facts) => facts.identity.kind],
  ['request.ip', (facts) => facts.sourceIp],
  ['time.hour', (facts) => facts.now.getUTCHours()],
  ['time.weekday', (facts) => weekdays[facts.now.getUTCDay()]],
  ['client.name', (facts) => facts.clientName],
]);

const MAX_STEPS = 64;
const shape = /^(args|identity\.attributes)(\.[^.[\]*]+(?:\.[^.[\]*]+|\[(?:0|[1-9]\d{0,5}|\*)\])*)$/;

/**
 * Reads a path such as `args.items[*].id`, `identity.name` or `time.hour`; undefined for a text that is no path.
 */
export function parsePath(text: string): Path | undefined {
  const root = single.get(text);
  if (root !== undefined) return { source: text, root, steps: [] };
  const [, source = '', rest = ''] = shape.exec(text) ?? [];
  const from = open.get(source);
  if (from === undefined) return undefined;
  const steps = Array.from(rest.matchAll(/\.([^.[\]]+)|\[(\d+|\*)\]/g), ([, key, place]) => stepOf(key, place));
  return steps.length > MAX_STEPS ? undefined : { source, root: from, steps };
}

/** Reads a path to one argument, `args.a.b` or `args.items[0].id`; undefined for any other path, and for `[*]`. */
export function parseArgumentPath(text: string): Path | undefined {
  const path = parsePath(text);
  return path?.source === 'args' && path.steps.every(({ kind }) => kind !== 'every') ? path : undefined;
}

/**
 * The argument at a path without `[*]`. Undefined when it is missing, or when a server could read another argument in
 * its place; `unkept` when a record does not hold its value. Only own members count, so `args.constructor` finds
 * nothing inherited.
 */
export function readArgument(callArguments: unknown, { steps }: Path, work: Work): unknown {
  let value = callArguments;
  for (const step of steps) {
    if (value === unkept) return unkept;
    if (work.left < 0) return undefined;
    value = step.kind === 'every' ? undefined : memberAt(value, step, work);
  }
  return work.left < 0 ? undefined : value;
}

function memberAt(value: unknown, step: Exclude<Step, { kind: 'every' }>, work: Work): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value) !== (step.kind === 'index')) return undefined;
  if (step.kind === 'key' && hasVariant(value, step, work)) return undefined;
  const at = step.kind === 'key' ? step.key : step.index;
  return Object.hasOwn(value, at) ? (value as Readonly<Record<string | number, unknown>>)[at] : undefined;
}

const STEPS_PER_KEY = 8;
/** Comparing a key that is as long as the step's without its case, and each of its characters. */
const STEPS_PER_COMPARISON = 50;
const STEPS_PER_CHARACTER = 2;
/** Keys of objects with more are sorted by their length when the first condition meets them. */
const MAX_KEYS_IN_TURN = 32;

/**
 * Whether an object has a key that equals the step's only when case is ignored: the server may read that key instead of
 * the one that was judged.
 */
export function hasVariant(value: object, step: Extract<Step, { kind: 'key' }>, work: Work): boolean {
  const known = work.wideObjects?.get(value);
  if (known !== undefined) return hasVariantAmong(known, step, work);
  let count = 0;
  for (const other in value) {
    count += 1;
    if (count > MAX_KEYS_IN_TURN) return hasVariantAmong(sortKeys(value, work), step, work);
    work.left -= STEPS_PER_KEY;
    if (isVariant(other, step, work)) return true;
  }
  return false;
}

function sortKeys(value: object, work: Work): KeysByLength {
  const keys = Object.keys(value);
  work.left -= STEPS_PER_KEY * keys.length;
  const sorted = new Map<number, string[]>();
  for (const key of keys) {
    const ofLength = sorted.get(key.length);
    if (ofLength === undefined) sorted.set(key.length, [key]);
    else ofLength.push(key);
  }
  work.wideObjects ??= new Map();
  work.wideObjects.set(value, sorted);
  return sorted;
}

function hasVariantAmong(keys: KeysByLength, step: Extract<Step, { kind: 'key' }>, work: Work): boolean {
  work.left -= STEPS_PER_KEY;
  for (const other of keys.get(step.key.length) ?? []) {
    if (work.left < 0) return false;
    if (isVariant(other, step, work)) return true;
  }
  return false;
}

function isVariant(other: string, { key, lower, upper }: Extract<Step, { kind: 'key' }>, work: Work): boolean {
  // Case folding keeps the length of every character that has one counterpart.
  if (other.length !== key.length || other === key) return false;
  work.left -= STEPS_PER_COMPARISON + STEPS_PER_CHARACTER * key.length;
  return other.toLowerCase() === lower || other.toUpperCase() === upper;
}

function stepOf(key: string | undefined, place: string | undefined): Step {
  if (key !== undefined) return { kind: 'key', key, lower: key.toLowerCase(), upper: key.toUpperCase() };
  return place === '*' ? { kind: 'every' } : { kind: 'index', index: Number(place) };
}
