import { isExactNumber } from '../../platform/json/exact-number.js';
import { isObject, type Json } from '../../platform/json/json-object.js';
import { headerValue } from './modern.js';

/**
 * A parameter of a tool that is mirrored into a header: the header's name in lower case, and the place of the value in
 * the arguments.
 */
export type ParamHeader = Readonly<{ header: string; path: readonly string[] }>;

const KEY = 'x-mcp-header';
const MAX_SCHEMA_DEPTH = 64;
const MAX_PARAM_HEADERS = 100;
const TOKEN = /^[\w!#$%&'*+.^`|~-]{1,128}$/;
const TYPES: readonly unknown[] = ['string', 'integer', 'boolean'];
/** Keywords of a schema whose value is data, or names of properties, and no schema. */
const NO_SCHEMA: ReadonlySet<string> = new Set(['const', 'default', 'enum', 'examples', 'required', 'properties', KEY]);

/** Whether a mark stands anywhere in a schema that no chain of `properties` leads to. */
const isMarked = (schema: unknown, depth: number): boolean => {
  if (depth > MAX_SCHEMA_DEPTH || typeof schema !== 'object' || schema === null) return false;
  if (Array.isArray(schema)) return schema.some((one) => isMarked(one, depth + 1));
  const named = isObject(schema) && isObject(schema['properties']) ? Object.values(schema['properties']) : [];
  return KEY in schema || named.some((one) => isMarked(one, depth + 1)) || hidesMark(schema as Json, depth);
};

const hidesMark = (schema: Json, depth: number): boolean =>
  Object.entries(schema).some(([key, value]) => !NO_SCHEMA.has(key) && isMarked(value, depth + 1));

/**
 * The parameters that a tool's input schema marks with `x-mcp-header` (2026-07-28, Streamable HTTP, "Custom Headers
 * from Tool Parameters"). Undefined when one mark is not as it must be, or stands where it may not: such a tool is no
 * valid tool.
 */
export const paramHeadersOf = (inputSchema: unknown): readonly ParamHeader[] | undefined => {
  const found = new Map<string, readonly string[]>();
  const mark = (schema: Json, path: readonly string[]): boolean => {
    const name = schema[KEY];
    const header = `mcp-param-${String(name).toLowerCase()}`;
    if (
      path.length === 0 ||
      typeof name !== 'string' ||
      !TOKEN.test(name) ||
      !TYPES.includes(schema['type']) ||
      found.has(header)
    )
      return false;
    found.set(header, path);
    return found.size <= MAX_PARAM_HEADERS;
  };
  const visit = (schema: unknown, path: readonly string[]): boolean => {
    if (!isObject(schema)) return true;
    if (path.length > MAX_SCHEMA_DEPTH || hidesMark(schema, path.length) || (KEY in schema && !mark(schema, path)))
      return false;
    return (
      !isObject(schema['properties']) ||
      Object.entries(schema['properties']).every(([key, inner]) => visit(inner, [...path, key]))
    );
  };
  return visit(inputSchema, []) ? [...found].map(([header, path]) => ({ header, path })) : undefined;
};

/** The value of a mirrored parameter; undefined where the arguments have none. */
export const mirroredValue = (given: unknown, { path }: ParamHeader): unknown => {
  let value = given;
  for (const step of path) {
    if (!isObject(value) || !Object.hasOwn(value, step)) return undefined;
    value = value[step];
  }
  return value ?? undefined;
};

/** The headers that a call's arguments are mirrored into; one that is missing, null or no primitive has none. */
export const mirroredHeaders = (params: readonly ParamHeader[], given: unknown): Record<string, string> => {
  const headers: Record<string, string> = {};
  for (const param of params) {
    const value = mirroredValue(given, param);
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
      headers[param.header] = headerValue(String(value));
    else if (isExactNumber(value)) headers[param.header] = headerValue(value.text);
  }
  return headers;
};
