import { isExactNumber } from './exact-number.js';

/** Texts without anything to escape, which most are, need no serializer. */
const PLAIN = /^[ !#-[\]-~]*$/;
const quoted = (text: string): string => (PLAIN.test(text) ? `"${text}"` : JSON.stringify(text));

/**
 * The JSON text of a value with the keys of every object in order (by UTF-16 code units) and no white space: equal
 * values have equal texts. A member that is undefined is left out, an exact number is written as it was. Recurses as
 * deep as the value nests, which its
 * reader has bounded.
 */
export const canonicalJson = (value: unknown): string => {
  if (typeof value === 'string') return quoted(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return isExactNumber(value) ? value.text : JSON.stringify(value);
  const object = value as Readonly<Record<string, unknown>>;
  let members = '';
  for (const key of Object.keys(object).sort()) {
    const member = object[key];
    if (member !== undefined) members += `${members === '' ? '' : ','}${quoted(key)}:${canonicalJson(member)}`;
  }
  return `{${members}}`;
};
