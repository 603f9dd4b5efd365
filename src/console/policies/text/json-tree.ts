import { parseTree, type Node, type ParseError } from 'jsonc-parser';

export type Json = string | number | boolean | null | readonly Json[] | JsonObject;
export type JsonObject = Readonly<{ [key: string]: Json }>;

/** A place in a document: the keys and indexes that lead to it. */
export type JsonPath = readonly (string | number)[];

/** A text that is no JSON object, or that parsers read in different ways; `offset` and `length` are in characters. */
export type JsonFault = Readonly<{ message: string; offset: number; length: number }>;

export type ReadJson = Readonly<{ ok: true; root: Node; value: Json }> | Readonly<{ ok: false; fault: JsonFault }>;

/** The policy language nests far less; what nests deeper is refused before anything recurses into it. */
const MAX_DEPTH = 64;

const STRICT = { disallowComments: true, allowTrailingComma: false, allowEmptyContent: false } as const;

/** Reads JSON text as the API does: no comments, no trailing commas, no key twice in an object. */
export function readJson(text: string): ReadJson {
  const depth = depthOf(text);
  if (depth.most > MAX_DEPTH) return faulty('This is nested too deep.', depth.at, 1);
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, STRICT);
  const error = errors[0];
  if (error !== undefined) return faulty('This is not JSON.', error.offset, Math.max(1, error.length));
  if (root === undefined) return faulty('This is not JSON.', 0, Math.max(1, text.length));
  const twice = repeatedKey(root);
  if (twice !== undefined) return faulty('This key stands twice in its object.', twice.offset, twice.length);
  return { ok: true, root, value: valueOf(root) };
}

const faulty = (message: string, offset: number, length: number): ReadJson => ({
  ok: false,
  fault: { message, offset, length },
});

/** The deepest nesting of brackets outside of strings, and where it is reached. */
function depthOf(text: string): Readonly<{ most: number; at: number }> {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (inString) {
      if (character === '\\') at += 1;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === '{' || character === '[') {
      depth += 1;
      if (depth > MAX_DEPTH) return { most: depth, at };
    } else if (character === '}' || character === ']') depth -= 1;
  }
  return { most: 0, at: 0 };
}

function repeatedKey(node: Node): Node | undefined {
  const seen = new Set<unknown>();
  for (const child of node.children ?? []) {
    if (node.type === 'object') {
      const key = child.children?.[0];
      if (key !== undefined && seen.has(key.value)) return key;
      seen.add(key?.value);
    }
    const below = repeatedKey(child);
    if (below !== undefined) return below;
  }
  return undefined;
}

/** The value of a node. A key `__proto__` is a key as any other. */
export function valueOf(node: Node): Json {
  if (node.type === 'array') return (node.children ?? []).map(valueOf);
  if (node.type !== 'object') return node.value as Json;
  return Object.fromEntries(
    (node.children ?? []).flatMap(({ children: [key, member] = [] }) =>
      key === undefined || member === undefined ? [] : [[String(key.value), valueOf(member)]],
    ),
  );
}

/** The property of an object node with this key. */
export const propertyOf = (node: Node | undefined, key: string): Node | undefined =>
  node?.type === 'object' ? node.children?.find(({ children }) => children?.[0]?.value === key) : undefined;

/** The node at a place, or undefined. */
export function nodeAt(root: Node | undefined, path: JsonPath): Node | undefined {
  let node = root;
  for (const step of path) {
    if (typeof step === 'string') node = propertyOf(node, step)?.children?.[1];
    else node = node?.type === 'array' ? node.children?.[step] : undefined;
  }
  return node;
}

/** Whether a value is an object of JSON. */
export const isJsonObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The own member of a value that is an object. */
export const memberOf = (value: Json | undefined, key: string): Json | undefined =>
  isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
