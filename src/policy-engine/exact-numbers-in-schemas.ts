import { isExactNumber } from '../platform/json/exact-number.js';

/** The keywords that decide by a number. All others are about other values, or have subschemas that decide. */
const NUMBER_KEYWORDS: ReadonlySet<string> = new Set([
  'type',
  'enum',
  'const',
  'format',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
]);

/** The keywords that decide by all that is in a list or an object. */
const CONTENT_KEYWORDS: ReadonlySet<string> = new Set(['enum', 'const', 'uniqueItems']);

/** Every list and object in a value that holds an exact number at any depth. */
function holdersIn(value: unknown, found = new Set<unknown>()): Set<unknown> {
  if (typeof value !== 'object' || value === null) return found;
  for (const member of Object.values(value)) {
    holdersIn(member, found);
    if (isExactNumber(member) || found.has(member)) found.add(value);
  }
  return found;
}

/** A keyword would have to know a number that no double holds. `pointer` is the place in the arguments. */
export class UndecidableNumber extends Error {
  readonly pointer: string;

  constructor(pointer: string) {
    super('a schema looks at a number that no double holds');
    this.pointer = pointer;
  }
}

/** The exact numbers in the arguments of one validation. */
export class ExactNumbers {
  #root: unknown;
  #holders: ReadonlySet<unknown> | undefined;

  /** Begins a validation of these arguments. They are searched only when a keyword needs it. */
  begin(callArguments: unknown): void {
    this.#root = callArguments;
    this.#holders = undefined;
  }

  /**
   * Makes the check of a subschema with these keywords: it throws when they would have to know an exact number in the
   * data.
   */
  checkFor(keywords: readonly string[]): (data: unknown, pointer: string) => void {
    const needsNumber = keywords.some((keyword) => NUMBER_KEYWORDS.has(keyword));
    const needsContent = keywords.some((keyword) => CONTENT_KEYWORDS.has(keyword));
    return (data, pointer) => {
      if ((needsNumber && isExactNumber(data)) || (needsContent && this.#isHolder(data)))
        throw new UndecidableNumber(pointer);
    };
  }

  #isHolder(data: unknown): boolean {
    if (typeof data !== 'object' || data === null) return false;
    this.#holders ??= holdersIn(this.#root);
    return this.#holders.has(data);
  }
}
