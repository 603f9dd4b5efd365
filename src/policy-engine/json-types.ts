/** How each type of JSON Schema is told from the others. */
const tests: Readonly<Record<string, (value: unknown) => boolean>> = {
  array: Array.isArray,
  boolean: (value) => typeof value === 'boolean',
  integer: Number.isInteger,
  null: (value) => value === null,
  number: Number.isFinite,
  object: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  string: (value) => typeof value === 'string',
};

/**
 * The test of the keyword `type`; undefined for a value that the keyword does not take. A number that no double holds
 * has none of the types.
 */
export function typeTest(type: unknown): ((value: unknown) => boolean) | undefined {
  const names: readonly unknown[] = Array.isArray(type) ? type : [type];
  if (names.length === 0 || new Set(names).size < names.length) return undefined;
  const found = names.flatMap((name) => (typeof name === 'string' && Object.hasOwn(tests, name) ? [tests[name]] : []));
  const [first] = found;
  if (first === undefined || found.length < names.length) return undefined;
  return found.length === 1 ? first : (value) => found.some((test) => test?.(value));
}
