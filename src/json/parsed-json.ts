import { readForeignJson } from './foreign-json.js';

/** What a JSON text says; undefined when it is none, or nests deeper or is longer than `readForeignJson` allows. */
export const parsedJson = (text: string): unknown => {
  const read = readForeignJson(text);
  return read.ok ? read.value : undefined;
};

const MOST_KEYS = 100_000;

const hasMoreKeys = (text: string): boolean => {
  let keys = 0;
  for (let at = text.indexOf(':'); at >= 0 && keys <= MOST_KEYS; at = text.indexOf(':', at + 1)) keys += 1;
  return keys > MOST_KEYS;
};

/**
 * What the JSON text of a list says; undefined when it is none, and also past 100,000 keys, colons in its texts included: more than any server's tools have,
 * and an object of a million would keep this process from its other work for a second.
 */
export const parsedList = (text: string): unknown => (hasMoreKeys(text) ? undefined : parsedJson(text));
