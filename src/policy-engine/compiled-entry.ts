import type { Check } from './check.js';
import { finish, type Sliced } from './slices.js';

/**
 * An entry, or the default, with its own checks and those for all tools in the order of contract section 4.
 * `expressions`: the regular expressions that these look for.
 */
export type CompiledEntry = Readonly<{
  pointer: string;
  listed: boolean;
  checks: readonly Check[];
  sharesCounters: boolean;
  expressions: readonly string[];
}>;

/** An entry that is compiled when a name first needs it. */
export class LazyEntry {
  readonly #compile: () => Sliced<CompiledEntry>;
  #compiled: CompiledEntry | undefined;

  constructor(compile: () => Sliced<CompiledEntry>) {
    this.#compile = compile;
  }

  get compiled(): CompiledEntry {
    this.#compiled ??= finish(this.#compile());
    return this.#compiled;
  }

  get isCompiled(): boolean {
    return this.#compiled !== undefined;
  }

  /** Compiles it in slices, where `compiled` would do so in one go. */
  *compile(): Sliced<void> {
    if (this.#compiled === undefined) this.#compiled = yield* this.#compile();
  }
}
