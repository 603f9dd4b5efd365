import { isObject } from '../../../platform/json/json-object.js';
import { readStrictJson } from '../../../platform/json/strict-json.js';

/** The arguments of a call, with numbers that no double holds as they were written; undefined where it has none. */
export const readArguments = (body: string): unknown => {
  const read = readStrictJson(Buffer.from(body), 'as_written');
  const params = read.ok && isObject(read.value) ? read.value['params'] : undefined;
  return isObject(params) ? params['arguments'] : undefined;
};
