import type { Sliced } from '../slices.js';

/**
 * One instruction of a program that re2js compiled; `op` and the bits of an empty-width `arg` are those of RE2's
 * `prog.h`.
 */
export type Instruction = Readonly<{
  op: number;
  out: number;
  arg: number;
  runes: Int32Array;
  matchRune: (rune: number) => boolean;
}>;

/**
 * `bounds` are the code points, in order, at which what some instruction matches may change. Instructions that match
 * the same code points have the same number in `setOf`; `sets` has one instruction of each number.
 */
export type Program = Readonly<{
  start: number;
  instructions: readonly Instruction[];
  setOf: Uint16Array;
  sets: readonly Instruction[];
  bounds: readonly number[];
}>;

/** Those of `prog.h`; every `op` from `firstRune` on matches a code point. */
export const op = { alt: 1, altMatch: 2, emptyWidth: 4, fail: 5, match: 6, firstRune: 8 } as const;
/** The bits of an empty-width `arg`: what must be true between two characters. */
export const empty = { beginLine: 1, endLine: 2, beginText: 4, endText: 8, boundary: 16, noBoundary: 32 } as const;
/** Of a state's flags: the character before belongs to a word. */
export const wordBehind = 64;
export const lineFeed = 10;
/** Of preparing it: asking whether a set has a code point, and what is noted of an interval. */
const STEPS_PER_SET = 10;
const STEPS_PER_INTERVAL = 50;
const STEPS_PER_YIELD = 10_000;

/** What is to be known of a code point: which sets have it, and whether it is a word character or a line feed. */
export type RuneClass = Readonly<{ rune: number; isWord: boolean; sets: Uint8Array }>;

/** Which flags the program asks for; states that differ in others only are one. */
function contextOf({ instructions }: Program): number {
  let asked = 0;
  for (const { op: kind, arg } of instructions) if (kind === op.emptyWidth) asked |= arg;
  return asked & (empty.boundary | empty.noBoundary) ? asked | wordBehind : asked;
}

/**
 * `classOfInterval` has the class of each interval between two bounds; `context` has the flags that the program asks
 * for.
 */
export type Classes = Readonly<{ classes: readonly RuneClass[]; classOfInterval: Uint16Array; context: number }>;

/** Groups the code points that a program can't tell apart, in slices. */
export function* runeClasses(program: Program): Sliced<Classes> {
  const { sets, bounds } = program;
  const context = contextOf(program);
  const ids = new Map<string, number>();
  const classes: RuneClass[] = [];
  const classOfInterval = new Uint16Array(bounds.length + 1);
  for (let interval = 0, steps = 0; interval <= bounds.length; interval += 1) {
    const rune = interval === 0 ? 0 : (bounds[interval - 1] ?? 0);
    const isWord = (context & wordBehind) !== 0 && isWordRune(rune);
    const having = Uint8Array.from(sets, (set) => (set.matchRune(rune) ? 1 : 0));
    const key = String.fromCharCode(isWord ? 1 : 0, rune === lineFeed ? 1 : 0, ...having);
    const id = ids.get(key) ?? classes.push({ rune, isWord, sets: having }) - 1;
    ids.set(key, id);
    classOfInterval[interval] = id;
    if ((steps += STEPS_PER_INTERVAL + STEPS_PER_SET * sets.length) < STEPS_PER_YIELD) continue;
    yield steps;
    steps = 0;
  }
  return { classes, classOfInterval, context };
}

function isWordRune(rune: number): boolean {
  return (rune >= 48 && rune <= 57) || (rune >= 65 && rune <= 90) || rune === 95 || (rune >= 97 && rune <= 122);
}

/** How many bounds are at most `rune`. */
export function intervalOf(bounds: Int32Array, rune: number): number {
  let low = 0;
  let high = bounds.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((bounds[middle] ?? 0) <= rune) low = middle + 1;
    else high = middle;
  }
  return low;
}
