import { parsedJson } from './parsed-json.js';

export type Json = Readonly<Record<string, unknown>>;

/** Whether a value of JSON is an object: neither null nor an array. */
export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A JSON object of a text; undefined for any other text. */
export const parseObject = (text: string): Json | undefined => {
  const value = parsedJson(text);
  return isObject(value) ? value : undefined;
};
