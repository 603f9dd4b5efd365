import { isId, type IdPrefix } from '../crypto/ids.js';
import { notFound } from '../runtime/problems.js';

/** A pipe for an id in a path: what can't be an id of this kind is answered like one that does not exist. */
export const pathId = (prefix: IdPrefix, noun: string): Readonly<{ transform: (value: unknown) => string }> => ({
  transform: (value) => {
    if (!isId(prefix, value)) throw notFound(noun);
    return value;
  },
});
