import { headerValue } from '../mcp/modern.js';
import { isObject, type Json } from '../upstream/ask.js';

/** One argument of a tool that its server wants mirrored into the header `Mcp-Param-{name}` (Streamable HTTP, "Custom Headers from Tool Parameters"). */
export type ParamHeader = Readonly<{ name: string; path: readonly string[] }>;

const KEY = 'x-mcp-header';
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** The specification has no `number` here; the conformance suite and the official SDK mirror it. */
const PRIMITIVE: ReadonlySet<unknown> = new Set(['string', 'integer', 'boolean', 'number']);
const DEEPEST = 64;
/** Keywords whose value is data or names of properties, not a schema. */
const NO_SCHEMA: ReadonlySet<string> = new Set(['const', 'default', 'enum', 'examples', 'required', 'properties']);

/** Whether an annotation stands anywhere in a schema that no chain of `properties` leads to. */
const isAnnotated = (schema: unknown, depth: number): boolean => {
  if (depth > DEEPEST || typeof schema !== 'object' || schema === null) return false;
  if (Array.isArray(schema)) return schema.some((one) => isAnnotated(one, depth + 1));
  const named = isObject(schema) && isObject(schema['properties']) ? Object.values(schema['properties']) : [];
  return KEY in schema || named.some((one) => isAnnotated(one, depth + 1)) || Object.entries(schema).some(([key, value]) => !NO_SCHEMA.has(key) && isAnnotated(value, depth + 1));
};

const isMisplaced = (schema: Json, depth: number): boolean => Object.entries(schema).some(([key, value]) => key !== KEY && !NO_SCHEMA.has(key) && isAnnotated(value, depth + 1));

/** The headers that a tool's `inputSchema` wants, or undefined when it wants them in a way that is not allowed: such a tool must not be listed. */
export const paramHeadersOf = (inputSchema: unknown): readonly ParamHeader[] | undefined => {
  const found: ParamHeader[] = [];
  const names = new Set<string>();
  const visit = (schema: unknown, path: readonly string[]): boolean => {
    if (!isObject(schema)) return true;
    if (path.length > DEEPEST || isMisplaced(schema, path.length)) return false;
    if (KEY in schema) {
      const name = schema[KEY];
      if (path.length === 0 || typeof name !== 'string' || !TOKEN.test(name) || !PRIMITIVE.has(schema['type']) || names.has(name.toLowerCase())) return false;
      names.add(name.toLowerCase());
      found.push({ name, path });
    }
    return !isObject(schema['properties']) || Object.entries(schema['properties']).every(([key, inner]) => visit(inner, [...path, key]));
  };
  return visit(inputSchema, []) ? found : undefined;
};

const valueAt = (value: unknown, path: readonly string[]): unknown => {
  let at = value;
  for (const key of path) at = isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined;
  return at;
};

/** The headers of one call; an argument that is missing, null or no primitive has none. */
export const paramHeaders = (wanted: readonly ParamHeader[], args: unknown): Record<string, string> =>
  Object.fromEntries(
    wanted.flatMap(({ name, path }) => {
      const value = valueAt(args, path);
      return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? [[`mcp-param-${name}`, headerValue(String(value))]] : [];
    }),
  );
