import { MAX_PATTERN_STEPS, PatternIndex } from './pattern-index.js';
import { finish, type Sliced } from './slices.js';
import { isPattern } from './wildcard.js';

/**
 * `place` is that of the name or pattern that goes first, -1 when none matches; it means nothing when `steps` is over
 * the allowed number.
 */
export type Place = Readonly<{ place: number; steps: number }>;

/**
 * Names and patterns in the order in which they go before each other. Patterns are indexed when a name is first looked
 * up that they can decide about, so that a policy that nobody uses keeps no index.
 */
export class NameTable {
  readonly #exact = new Map<string, number>();
  readonly #patterns: string[] = [];
  /** By pattern: its place among all names and patterns. */
  readonly #places: number[] = [];
  #index: PatternIndex | undefined;

  constructor(ordered: readonly string[]) {
    for (const [place, text] of ordered.entries()) {
      if (isPattern(text)) {
        this.#patterns.push(text);
        this.#places.push(place);
      }
      if (!isPattern(text) && !this.#exact.has(text)) this.#exact.set(text, place);
    }
  }

  /** Which name or pattern goes first for a name. Stops when patterns took more than `maxSteps`. */
  find(name: string, maxSteps = MAX_PATTERN_STEPS): Place {
    const exact = this.#exact.get(name) ?? -1;
    const [firstPattern] = this.#places;
    if (firstPattern === undefined || (exact >= 0 && exact < firstPattern)) return { place: exact, steps: 0 };
    const { first, steps } = this.#indexed().match(name, maxSteps);
    const pattern = this.#places[first] ?? -1;
    return { place: exact >= 0 && (pattern < 0 || exact < pattern) ? exact : pattern, steps };
  }

  /** A bound of the steps that a name of this length or a shorter one can take. */
  maxSteps(length: number): number {
    return this.#patterns.length === 0 ? 0 : this.#indexed().maxSteps(length);
  }

  /** Whether a name can be looked up without building the index first. */
  get isIndexed(): boolean {
    return this.#index !== undefined || this.#patterns.length === 0;
  }

  /** Builds the index in slices, where `find` would build it in one go. */
  *buildIndex(): Sliced<void> {
    if (!this.isIndexed) this.#index = yield* PatternIndex.build(this.#patterns);
  }

  #indexed(): PatternIndex {
    this.#index ??= finish(PatternIndex.build(this.#patterns));
    return this.#index;
  }
}
