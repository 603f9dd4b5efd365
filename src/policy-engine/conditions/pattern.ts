import { RE2JS } from 're2js';
import { finish, type Sliced } from '../slices.js';
import { Automaton } from './automaton.js';
import type { Instruction, Program } from './rune-classes.js';
import { classCost, MAX_CLASS_COST } from './class-cost.js';
import type { Work } from './work.js';

/**
 * A text matcher that searches, and takes what it costs from the call's work. `bytes`: what it takes in memory at
 * present.
 */
export type Pattern = Readonly<{ search: (text: string, work: Work) => boolean | 'undecidable'; bytes: number }>;

export const MAX_EXPRESSION_LENGTH = 500;

export const MAX_INSTRUCTIONS = 1024;
/** Ranges of code points times different sets of them: what preparing the automaton costs. */
const MAX_RANGES = 250_000;

/**
 * Why a text is not taken as a pattern: it is no RE2, or it compiles to too much. `size` is of instructions, or of
 * ranges.
 */
export type Unusable =
  | Readonly<{ fault: 'syntax' }>
  | Readonly<{ fault: 'instructions' | 'ranges' | 'classes'; size: number; most: number }>;

/** Of re2js's compiler, which can't be interrupted: an instruction, and a character of a class. */
const STEPS_PER_INSTRUCTION = 100;
const STEPS_PER_CLASS_COST = 3;

/** Compiles an expression in one go; see `compileInSlices`. */
export function compilePattern(text: string): Pattern | Unusable {
  return finish(compileInSlices(text));
}

/**
 * Compiles RE2 syntax (https://github.com/google/re2/wiki/Syntax), or answers why not: look-around, back references, a
 * text over 500 characters, what repeats into a program of more than 1,024 instructions, and what names too many
 * characters in its classes are refused. The largest slice is that of re2js, at most some 3 ms.
 */
export function* compileInSlices(text: string): Sliced<Pattern | Unusable> {
  if (text.length > MAX_EXPRESSION_LENGTH) return { fault: 'syntax' };
  const estimate = patternSize(text);
  if (estimate > MAX_INSTRUCTIONS) return { fault: 'instructions', size: estimate, most: MAX_INSTRUCTIONS };
  const classes = classCost(text);
  if (classes > MAX_CLASS_COST) return { fault: 'classes', size: classes, most: MAX_CLASS_COST };
  const instructions = instructionsOf(text);
  yield estimate * STEPS_PER_INSTRUCTION + classes * STEPS_PER_CLASS_COST;
  if (instructions === undefined) return { fault: 'syntax' };
  const { start, inst } = instructions;
  if (inst.length > MAX_INSTRUCTIONS) return { fault: 'instructions', size: inst.length, most: MAX_INSTRUCTIONS };
  const { sets, setOf } = distinctSets(inst);
  const bounds = boundsOf(inst, sets);
  yield inst.length * STEPS_PER_INSTRUCTION + bounds.length * STEPS_PER_BOUND;
  const ranges = bounds.length * sets.length;
  if (ranges > MAX_RANGES) return { fault: 'ranges', size: ranges, most: MAX_RANGES };
  return yield* Automaton.build({ start, instructions: inst, sets, setOf, bounds });
}

const STEPS_PER_BOUND = 20;

/** Whether an expression compiled; one that did not says why. */
export const isUsable = (compiled: Pattern | Unusable): compiled is Pattern => 'search' in compiled;

// re2js publishes its program without types; its version is pinned, and a test compares every answer with its own.
function instructionsOf(text: string): Readonly<{ start: number; inst: Program['instructions'] }> | undefined {
  try {
    return RE2JS.compile(text).re2Input.prog as { start: number; inst: Program['instructions'] };
  } catch {
    return undefined;
  }
}

const FIRST_RUNE = 8;
const FOLD_CASE = 1;

/** Repeats are written out, so that many instructions match the same code points. */
function distinctSets(instructions: Program['instructions']): Pick<Program, 'sets' | 'setOf'> {
  const sets: Instruction[] = [];
  const setOf = new Uint16Array(instructions.length);
  const byRunes = new Map<Int32Array, number>();
  const alike = new Map<string, number[]>();
  for (const [pc, instruction] of instructions.entries()) {
    if (instruction.op < FIRST_RUNE) continue;
    const { runes, op, arg } = instruction;
    const same = `${op} ${arg & FOLD_CASE} ${runes.length} ${runes[0]} ${runes.at(-1)}`;
    const candidates = alike.get(same) ?? [];
    const known = byRunes.get(runes);
    const isKnown = known !== undefined && candidates.includes(known);
    const set = isKnown
      ? known
      : (candidates.find((one) => haveSameRunes(sets[one]?.runes, runes)) ?? sets.push(instruction) - 1);
    if (!candidates.includes(set)) alike.set(same, [...candidates, set]);
    byRunes.set(runes, set);
    setOf[pc] = set;
  }
  return { sets, setOf };
}

const haveSameRunes = (one: Int32Array | undefined, other: Int32Array): boolean =>
  one?.every((rune, at) => rune === other[at]) ?? false;

type RuneBounds = new (
  program: Readonly<{ numInst: () => number; getInst: (pc: number) => Instruction | undefined }>,
  memory: number,
) => Readonly<{ classBounds: Int32Array }>;

/** The automaton of re2js, of which only the bounds of its character classes are used: it knows how case folds. */
const RuneBounds = RE2JS.compile('a').re2Input.dfa.constructor as RuneBounds;

function boundsOf(instructions: Program['instructions'], sets: readonly Instruction[]): readonly number[] {
  const asked = [...sets, ...instructions.filter(({ op }) => op < FIRST_RUNE)];
  const { classBounds } = new RuneBounds({ numInst: () => asked.length, getInst: (pc) => asked[pc] }, 0);
  const bounds: ReadonlySet<number> = new Set([...classBounds, ...wordBounds]);
  return [...bounds].sort((one, other) => one - other);
}

/** Where word characters and the line feed begin and end. */
const wordBounds = [10, 11, 48, 58, 65, 91, 95, 96, 97, 123];

const token = new RegExp(
  [
    /\\Q[\s\S]*?(?:\\E|$)/,
    /\\[pP](?:\{[^}]*\}|[^{])/,
    /\\x\{[^}]*\}/,
    /\\[\s\S]/,
    /\[\^?\]?(?:\[:\^?\w+:\]|\\[\s\S]|[^\]\\])*\]/,
    /\{\d+(?:,\d*)?\}/,
    /[\s\S]/,
  ]
    .map(({ source }) => source)
    .join('|'),
  'g',
);

/**
 * How many instructions a pattern may become, about: repeats are written out when it is compiled, which would take
 * seconds for a hostile one. What it reads wrong is still refused by its real size afterwards.
 */
export function patternSize(text: string): number {
  const open: number[] = [0];
  let atom = 0;
  const add = (size: number): void => {
    atom = size;
    open.push((open.pop() ?? 0) + size);
  };
  for (const [one] of text.matchAll(token)) {
    if (one === '(') open.push(0);
    else if (one === ')' && open.length > 1) add((open.pop() ?? 0) + 2);
    else if (/^\{\d/.test(one)) add(atom * (repeats(one) - 1));
    else add(one.startsWith('\\Q') ? one.length : 1);
  }
  return open.reduce((sum, size) => sum + size, 0);
}

function repeats(braces: string): number {
  return Math.max(1, ...[...braces.matchAll(/\d+/g)].map(([digits]) => Number(digits)));
}
