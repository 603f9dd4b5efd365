import { otherNames, type OtherName } from './resource-uri.js';
import { isPattern, wildcard } from './wildcard.js';

export type Role = OtherName['role'];

type Matches = (uri: string) => boolean;

type Named<Entry> = Readonly<{ entry: Entry; role: Role; matchesAsWritten: Matches }>;

const entriesIn = (named: readonly Readonly<{ entry: unknown }>[]): number =>
  new Set(named.map(({ entry }) => entry)).size;

/** A decision looks at such patterns one after the other, and judges all entries of one resource. */
const MAX_PATTERNS = 100;
const MAX_ENTRIES_OF_ONE_NAME = 16;

const STEPS_PER_PATTERN = 4;
const CHARACTERS_PER_STEP = 4;

/**
 * Entries of `resources` under those spellings of their names that differ from the written ones; most documents have
 * none.
 */
export class OtherSpellings<Entry> {
  readonly #exact = new Map<string, Named<Entry>[]>();
  readonly #patterns: (Named<Entry> & Readonly<{ matches: Matches }>)[] = [];

  add(written: string, entry: Entry): void {
    for (const { name, role } of otherNames(written)) {
      const named = { entry, role, matchesAsWritten: wildcard(written) };
      if (isPattern(written)) this.#patterns.push({ ...named, matches: wildcard(name) });
      else this.#at(name).push(named);
    }
  }

  #at(name: string): Named<Entry>[] {
    const known = this.#exact.get(name) ?? [];
    this.#exact.set(name, known);
    return known;
  }

  /** Why these are more than a decision can look at; undefined when they are not. */
  excess(): string | undefined {
    if (entriesIn(this.#patterns) > MAX_PATTERNS)
      return `has more than ${MAX_PATTERNS} patterns that are not written plainly`;
    const isCrowded = [...this.#exact.values()].some((of) => entriesIn(of) > MAX_ENTRIES_OF_ONE_NAME);
    return isCrowded ? `names one resource in more than ${MAX_ENTRIES_OF_ONE_NAME} spellings` : undefined;
  }

  /** What looking a URI up costs, in the steps of patterns. */
  stepsAt(uri: string): number {
    return this.#patterns.length * (STEPS_PER_PATTERN + Math.ceil(uri.length / CHARACTERS_PER_STEP));
  }

  /**
   * Every entry that has such a name, with the name's role. One whose written name matches too has had its turn, and
   * lost it to a more precise one.
   */
  at(uri: string): readonly Readonly<{ entry: Entry; role: Role }>[] {
    const found = [...(this.#exact.get(uri) ?? []), ...this.#patterns.filter(({ matches }) => matches(uri))];
    return found.filter(({ role, matchesAsWritten }) => role === 'grants' || !matchesAsWritten(uri));
  }
}
