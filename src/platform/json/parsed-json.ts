import { readForeignJson } from './foreign-json.js';

/** What a JSON text says; undefined when it is none, or nests deeper or is longer than `readForeignJson` allows. */
export const parsedJson = (text: string): unknown => {
  const read = readForeignJson(text);
  return read.ok ? read.value : undefined;
};
