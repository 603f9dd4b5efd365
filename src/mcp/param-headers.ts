type Json = Readonly<Record<string, unknown>>;

/** A parameter of a tool that is mirrored into a header: the header's name in lower case, and the place of the value in the arguments. */
export type ParamHeader = Readonly<{ header: string; path: readonly string[] }>;

const DEEPEST = 32;
const MOST = 100;
const TOKEN = /^[\w!#$%&'*+.^`|~-]{1,128}$/;
const TYPES: readonly unknown[] = ['string', 'integer', 'boolean'];

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

const collect = (schema: Json, path: readonly string[], found: ParamHeader[]): void => {
  const { properties } = schema;
  if (!isObject(properties) || path.length >= DEEPEST || found.length > MOST) return;
  for (const [name, property] of Object.entries(properties)) {
    if (!isObject(property)) continue;
    const at = [...path, name];
    const header = property['x-mcp-header'];
    if (typeof header === 'string' && TOKEN.test(header) && TYPES.includes(property['type'])) found.push({ header: `mcp-param-${header.toLowerCase()}`, path: at });
    collect(property, at, found);
  }
};

/**
 * The parameters that a tool's input schema marks with `x-mcp-header` (2026-07-28, Streamable HTTP, "Custom Headers from Tool Parameters"), as far as the
 * marks are valid. None when two of them name one header: such a tool is no valid tool.
 */
export const paramHeadersOf = (inputSchema: unknown): readonly ParamHeader[] => {
  const found: ParamHeader[] = [];
  if (isObject(inputSchema)) collect(inputSchema, [], found);
  return found.length > MOST || new Set(found.map(({ header }) => header)).size < found.length ? [] : found;
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
