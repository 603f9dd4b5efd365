import { MAX_JSON_DEPTH } from './foreign-json.js';

/** Whether PostgreSQL's jsonb can store a text: it takes neither U+0000 nor half a surrogate pair. */
export const isStorableText = (text: string): boolean => !/[\0\uD800-\uDFFF]/u.test(text);

/** Whether PostgreSQL's jsonb can store a JSON value: all its texts and keys are storable, and it nests no deeper than
 * `MAX_JSON_DEPTH`. */
export const isStorable = (value: unknown, depth = 0): boolean => {
  if (typeof value === 'string') return isStorableText(value);
  if (typeof value !== 'object' || value === null) return true;
  return (
    depth < MAX_JSON_DEPTH &&
    Object.entries(value).every(([key, member]) => isStorableText(key) && isStorable(member, depth + 1))
  );
};
