import { compilePattern, isUsable, type Pattern, type Unusable } from './pattern.js';

/** An automaton takes at most about 150 KB, so that all together take at most about 40 MB. */
const MAX_PATTERNS = 256;

type Kept = { readonly compiled: Pattern | Unusable; used: boolean };

const kept = new Map<string, Kept>();

/**
 * The pattern of a text, compiled when it is first asked for and shared by all policies that have it, or why there is none.
 * What was not used since the cache was last full goes first.
 */
export function patternOf(text: string): Pattern | Unusable {
  const known = kept.get(text);
  if (known !== undefined) {
    known.used = true;
    return known.compiled;
  }
  const compiled = compilePattern(text);
  if (kept.size >= MAX_PATTERNS) makeRoom();
  kept.set(text, { compiled, used: false });
  return compiled;
}

function makeRoom(): void {
  for (const [text, one] of kept) {
    kept.delete(text);
    if (!one.used) return;
    one.used = false;
    kept.set(text, one);
  }
}

/** Why a text is not taken, in words that name the limit; undefined for a pattern. */
export function faultOf(text: string): string | undefined {
  const compiled = patternOf(text);
  if (isUsable(compiled) || compiled.fault === 'syntax') return undefined;
  const { size, most, fault } = compiled;
  return fault === 'instructions'
    ? `this regular expression compiles to ${size} instructions, of at most ${most}: repeat less`
    : `this regular expression compiles to ${size} ranges of characters, of at most ${most}: use fewer or smaller character classes`;
}
