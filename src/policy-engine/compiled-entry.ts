import type { Check } from './check.js';
import { finish, type Sliced } from './slices.js';

/**
 * An entry, or the default, with its own checks and those for all tools, in the order in which a call meets them.
 * `expressions` are the regular expressions in these checks.
 */
export type CompiledEntry = Readonly<{
  pointer: string;
  listed: boolean;
  checks: readonly Check[];
  sharesCounters: boolean;
  expressions: readonly string[];
}>;

/** An entry that is compiled when a call first needs it. */
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

  /** Compiles the entry in slices; `compiled` would compile it in one go. */
  *compile(): Sliced<void> {
    if (this.#compiled === undefined) this.#compiled = yield* this.#compile();
  }
}
