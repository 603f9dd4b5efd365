import { RE2JS } from 're2js';
import { Automaton, type Program } from './automaton.js';
import type { Work } from './work.js';

/** A text matcher that searches, and takes what it costs from the call's work. */
export type Pattern = Readonly<{ search: (text: string, work: Work) => boolean | 'undecidable' }>;

export const longestRegularExpression = 500;

const mostInstructions = 1024;
/** Code point ranges times instructions: what preparing the automaton costs. */
const mostRanges = 1_000_000;

/**
 * Compiles RE2 syntax (https://github.com/google/re2/wiki/Syntax), or answers undefined: look-around, back references, a text over 500 characters, and what
 * repeats into a program of more than 1,024 instructions are refused.
 */
export function compilePattern(text: string): Pattern | undefined {
  if (text.length > longestRegularExpression || patternSize(text) > mostInstructions) return undefined;
  const program = programOf(text);
  if (program === undefined) return undefined;
  const { instructions, bounds } = program;
  if (instructions.length > mostInstructions || instructions.length * bounds.length > mostRanges) return undefined;
  return new Automaton(program);
}

// re2js publishes its program and the bounds of its character classes without types; its version is pinned, and a test compares every answer with its own.
function programOf(text: string): Program | undefined {
  try {
    const { prog, dfa } = RE2JS.compile(text).re2Input;
    const { start, inst } = prog as { start: number; inst: Program['instructions'] };
    const bounds: ReadonlySet<number> = new Set([...dfa.classBounds, ...wordBounds]);
    return { start, instructions: inst, bounds: [...bounds].sort((one, other) => one - other) };
  } catch {
    return undefined;
  }
}

/** Where word characters and the line feed begin and end. */
const wordBounds = [10, 11, 48, 58, 65, 91, 95, 96, 97, 123];

const token = /\\Q[\s\S]*?(?:\\E|$)|\\[pP](?:\{[^}]*\}|[^{])|\\x\{[^}]*\}|\\[\s\S]|\[\^?\]?(?:\[:\^?\w+:\]|\\[\s\S]|[^\]\\])*\]|\{\d+(?:,\d*)?\}|[\s\S]/g;

/**
 * How many instructions a pattern may become, about: repeats are written out when it is compiled, which would take seconds for a hostile one. What it
 * reads wrong is still refused by its real size afterwards.
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
