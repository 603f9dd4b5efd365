/** How many characters a number may have that no double holds. */
export const MAX_EXACT_NUMBER_LENGTH = 400;

/**
 * A number of a JSON text that no double holds, such as 9007199254740993 or 1e400. Only its text is known: whoever
 * passes it on writes that text, and whoever must know its value can't decide.
 *
 * It is a function, as no value of JSON is one: no check for an object, a list, a text or a number takes it for one,
 * and values without it need no check of their own. `JSON.stringify` throws on it; `toJsonText` writes it.
 */
export type ExactNumber = (() => never) & Readonly<{ text: string }>;

const refuseToSerialize = (): never => {
  throw new TypeError('JSON.stringify cannot write a number that no double holds; use toJsonText');
};

/** Makes the exact number of a text, which must be a JSON number of at most `MAX_EXACT_NUMBER_LENGTH` characters. */
export const exactNumber = (text: string): ExactNumber => {
  const number = (): never => refuseToSerialize();
  number.text = text;
  number.toJSON = refuseToSerialize;
  return number;
};

/** Whether a value that the strict reader made is a number that no double holds. */
export const isExactNumber = (value: unknown): value is ExactNumber => typeof value === 'function';

/** Whether an exact number is in a value, at any depth. */
export const holdsExactNumber = (value: unknown): boolean => {
  if (isExactNumber(value)) return true;
  if (typeof value !== 'object' || value === null) return false;
  for (const key in value) if (holdsExactNumber((value as Readonly<Record<string, unknown>>)[key])) return true;
  return false;
};

const write = (value: unknown): string => {
  if (isExactNumber(value)) return value.text;
  if (Array.isArray(value)) return `[${value.map(write).join(',')}]`;
  if (typeof value !== 'object' || value === null || value instanceof Date) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${write(member)}`).join(',')}}`;
};

/**
 * The JSON text of a value, as `JSON.stringify`, with exact numbers as they were written. Recurses as deep as the value
 * nests, which its reader has bounded.
 */
export const toJsonText = (value: unknown): string => (holdsExactNumber(value) ? write(value) : JSON.stringify(value));
