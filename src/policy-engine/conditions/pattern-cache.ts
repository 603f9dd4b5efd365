import { finish, type Sliced } from '../slices.js';
import { COST_OF_FOLDED_CLASS, COST_OF_UNICODE_CLASS } from './class-cost.js';
import { compileInSlices, isUsable, type Pattern, type Unusable } from './pattern.js';

/** What all compiled expressions take together, in bytes, by and large. */
const MAX_BYTES = 64 * 1024 * 1024;
const BYTES_OF_UNUSABLE = 500;
/** Automata grow while they search, so that all are weighed anew after as many were added. */
const ADDED_BETWEEN_WEIGHINGS = 64;

type CacheEntry = { readonly compiled: Pattern | Unusable; used: boolean };

/**
 * Compiled expressions by their text, at most about so many bytes of them; what was not used since there was no room
 * last goes first.
 */
export class PatternCache {
  readonly #maxBytes: number;
  readonly #entries = new Map<string, CacheEntry>();
  #addedSinceWeighed = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** What is kept of a text, which counts as used then. */
  get(text: string): Pattern | Unusable | undefined {
    const known = this.#entries.get(text);
    if (known === undefined) return undefined;
    known.used = true;
    return known.compiled;
  }

  has(text: string): boolean {
    return this.#entries.has(text);
  }

  /** Compiles a text in slices, unless it is kept. */
  *compile(text: string): Sliced<Pattern | Unusable> {
    const known = this.get(text);
    if (known !== undefined) return known;
    const compiled = yield* compileInSlices(text);
    this.#entries.set(text, { compiled, used: false });
    this.#addedSinceWeighed += 1;
    if (this.#addedSinceWeighed >= ADDED_BETWEEN_WEIGHINGS) this.#makeRoom();
    return compiled;
  }

  #makeRoom(): void {
    this.#addedSinceWeighed = 0;
    let bytes = 0;
    for (const one of this.#entries.values()) bytes += bytesOf(one);
    for (const [text, one] of this.#entries) {
      if (bytes <= this.#maxBytes) return;
      this.#entries.delete(text);
      if (one.used) this.#entries.set(text, { ...one, used: false });
      else bytes -= bytesOf(one);
    }
  }
}

const bytesOf = ({ compiled }: CacheEntry): number => (isUsable(compiled) ? compiled.bytes : BYTES_OF_UNUSABLE);

/** One for the process: policies that have the same text share it. */
const shared = new PatternCache(MAX_BYTES);

/** The pattern of a text, compiled when it is first asked for, or why there is none. */
export function patternOf(text: string): Pattern | Unusable {
  return shared.get(text) ?? finish(shared.compile(text));
}

/** Whether `patternOf` has the text compiled. */
export function isCompiled(text: string): boolean {
  return shared.has(text);
}

/** Compiles a text for `patternOf` in slices, unless it has it. */
export function compilePatternOf(text: string): Sliced<Pattern | Unusable> {
  return shared.compile(text);
}

/** Why a text is not taken, in words that name the limit; undefined for a pattern. */
export function faultOf(text: string): string | undefined {
  const compiled = patternOf(text);
  if (isUsable(compiled) || compiled.fault === 'syntax') return undefined;
  const { size, most, fault } = compiled;
  if (fault === 'instructions')
    return `this regular expression compiles to ${size} instructions, of at most ${most}: repeat less`;
  if (fault === 'ranges')
    return (
      `this regular expression compiles to ${size} ranges of characters, of at most ${most}: use fewer ` +
      'or smaller character classes'
    );
  const costs =
    `${COST_OF_UNICODE_CLASS} for each Unicode class, and where case is ignored ${COST_OF_FOLDED_CLASS} ` +
    'and one for each character of a range';
  return (
    `compiling the character classes of this regular expression costs ${size} (${costs}), of at most ` +
    `${most}: use fewer or smaller ones`
  );
}
