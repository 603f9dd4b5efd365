import { patternSize } from './conditions/pattern.js';
import { typeTest } from './json-types.js';
import { pointerTo } from '../platform/json/pointer.js';
import { isObject } from '../platform/json/json-object.js';

export type JsonSchema = Readonly<Record<string, unknown>>;

/** Every subschema of a prepared schema carries what one pass over it costs under this keyword. */
export const STEPS_KEYWORD = 'toolgateSteps';
/** In a prepared schema `type` stands under this keyword, since ajv would judge it before all others. */
export const TYPE_KEYWORD = 'toolgateType';

const MAX_CHARACTERS = 256 * 1024;
const MAX_DEPTH = 64;
/**
 * Of all subschemas: what ajv writes as code for a schema, in units of about 20 µs, goes in one slice that nothing can
 * interrupt. Annotations cost nothing.
 */
const MAX_CODE = 1000;
const CODE_OF_SUBSCHEMA = 5;
const CODE_OF_KEYWORD = 3;
const CODE_OF_DEPENDENCY = 10;
const MAX_ALTERNATIVES = 100;
const MAX_ENUM_VALUES = 5000;
const MAX_PATTERNS = 100;
/** Of all patterns together: compiling an instruction takes some microseconds. */
const MAX_INSTRUCTIONS = 10_000;
const STEPS_PER_SUBSCHEMA = 15;
const STEPS_PER_MEMBER = 2;

const one = [
  'additionalProperties',
  'unevaluatedProperties',
  'propertyNames',
  'contains',
  'unevaluatedItems',
  'additionalItems',
  'not',
  'if',
  'then',
  'else',
];
const lists = ['allOf', 'anyOf', 'oneOf', 'prefixItems'];
const maps = ['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas'];
/** What names or moves a schema: not needed where references are pointers into the same document. */
const dropped: ReadonlySet<string> = new Set([
  '$id',
  '$schema',
  '$anchor',
  '$dynamicAnchor',
  '$recursiveAnchor',
  '$comment',
  'default',
  'examples',
  'title',
  'description',
  // It stands in the types.
  'nullable',
]);
const refused: ReadonlySet<string> = new Set([
  '$dynamicRef',
  '$recursiveRef',
  '$vocabulary',
  STEPS_KEYWORD,
  TYPE_KEYWORD,
]);

class Unbounded extends Error {}

type Walk = { places: Set<string>; references: string[]; enumerated: number; patterns: Set<string>; code: number };

/**
 * A copy of a JSON Schema in which every subschema carries `STEPS_KEYWORD`, without annotations. Undefined when it is
 * over a bound, or refers to anything but its own subschemas by pointer. The texts of its regular expressions are added
 * to `patterns`.
 */
export function prepareSchema(schema: unknown, patterns = new Set<string>()): JsonSchema | undefined {
  const walk: Walk = { places: new Set(), references: [], enumerated: 0, patterns, code: 0 };
  try {
    if (isDeeperThan(schema, MAX_DEPTH) || JSON.stringify(schema).length > MAX_CHARACTERS) return undefined;
    const prepared = subschema(schema, '', walk);
    if (typeof prepared === 'boolean' || walk.references.some((reference) => !walk.places.has(reference)))
      return undefined;
    if (!arePatternsBounded(patterns)) return undefined;
    return prepared;
  } catch (error) {
    if (error instanceof Unbounded) return undefined;
    throw error;
  }
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((member) => isDeeperThan(member, levels - 1));
}

function subschema(schema: unknown, at: string, walk: Walk): JsonSchema | boolean {
  addCode(CODE_OF_SUBSCHEMA, walk);
  if (typeof schema === 'boolean') return schema;
  if (!isObject(schema) || isNullableWithoutType(schema)) throw new Unbounded();
  walk.places.add(at);
  const members: [string, unknown][] = [];
  let steps = STEPS_PER_SUBSCHEMA;
  for (const [key, value] of Object.entries(schema)) {
    if (refused.has(key) || (key === '$id' && at !== '')) throw new Unbounded();
    if (dropped.has(key)) continue;
    addCode(CODE_OF_KEYWORD + codeOfMembers(key, value), walk);
    addPatterns(key, value, walk);
    members.push(
      key === 'type' ? [TYPE_KEYWORD, knownType(schema)] : [key, keyword(key, value, pointerTo(at, key), walk)],
    );
    steps += STEPS_PER_MEMBER * sizeOf(value);
  }
  return { ...Object.fromEntries(members), [STEPS_KEYWORD]: steps };
}

const isNullableWithoutType = (schema: object): boolean => 'nullable' in schema && !('type' in schema);

/** The types of a subschema; `nullable`, which OpenAPI has beside `type`, adds one, as ajv does it. */
function knownType({ type, nullable }: Readonly<{ type?: unknown; nullable?: unknown }>): unknown {
  const types: readonly unknown[] = Array.isArray(type) ? type : [type];
  const hasNull = types.includes('null');
  if (typeTest(type) === undefined || (hasNull && nullable === false)) throw new Unbounded();
  return nullable === true && !hasNull ? [...types, 'null'] : type;
}

function sizeOf(value: unknown): number {
  return typeof value === 'object' && value !== null ? Object.keys(value).length : 1;
}

function addCode(code: number, walk: Walk): void {
  walk.code += code;
  if (walk.code > MAX_CODE) throw new Unbounded();
}

/** What ajv writes for each member of a keyword, beside subschemas. */
function codeOfMembers(key: string, value: unknown): number {
  if (Array.isArray(value)) return unrolled.includes(key) && value.length <= MAX_UNROLLED_LENGTH ? value.length : 0;
  if (!isObject(value) || (key !== 'dependentRequired' && key !== 'dependencies')) return 0;
  return Object.values(value).reduce<number>(
    (sum, names) => sum + CODE_OF_DEPENDENCY + (Array.isArray(names) ? names.length : 0),
    0,
  );
}

/** Keywords of which ajv writes each member out, up to 200; beyond it writes a loop. */
const unrolled = ['required', 'enum', 'type'];
const MAX_UNROLLED_LENGTH = 200;

/** Takes note of the regular expressions that stand under a keyword. */
function addPatterns(key: string, value: unknown, { patterns }: Walk): void {
  if (key === 'pattern' && typeof value === 'string') patterns.add(value);
  if (key === 'patternProperties' && isObject(value)) for (const source of Object.keys(value)) patterns.add(source);
}

function arePatternsBounded(patterns: ReadonlySet<string>): boolean {
  if (patterns.size > MAX_PATTERNS) return false;
  let instructions = 0;
  for (const source of patterns) instructions += patternSize(source);
  return instructions <= MAX_INSTRUCTIONS;
}

function keyword(key: string, value: unknown, at: string, walk: Walk): unknown {
  if (one.includes(key)) return subschema(value, at, walk);
  if (lists.includes(key) || (key === 'items' && Array.isArray(value))) return listOf(value, at, walk);
  if (key === 'items') return subschema(value, at, walk);
  if (maps.includes(key)) return mapOf(value, at, (member, place) => subschema(member, place, walk));
  if (key === 'dependencies')
    return mapOf(value, at, (member, place) => (Array.isArray(member) ? member : subschema(member, place, walk)));
  if (key === '$ref') return reference(value, walk);
  if (key === 'enum' && Array.isArray(value)) walk.enumerated += value.length;
  if (walk.enumerated > MAX_ENUM_VALUES) throw new Unbounded();
  return value;
}

function listOf(value: unknown, at: string, walk: Walk): unknown {
  if (!Array.isArray(value) || value.length > MAX_ALTERNATIVES) throw new Unbounded();
  return value.map((member, index) => subschema(member, pointerTo(at, index), walk));
}

function mapOf(value: unknown, at: string, member: (value: unknown, at: string) => unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Unbounded();
  // ajv does not look at a member of this name.
  if (Object.hasOwn(value, '__proto__')) throw new Unbounded();
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, member(one, pointerTo(at, key))]));
}

function reference(value: unknown, walk: Walk): unknown {
  if (typeof value !== 'string' || !/^#(?:\/|$)/.test(value)) throw new Unbounded();
  const pointer = decoded(value.slice(1));
  walk.references.push(pointer);
  return value;
}

// A pointer in a URI fragment is percent-encoded (RFC 6901 section 6).
function decoded(fragment: string): string {
  try {
    return decodeURIComponent(fragment);
  } catch {
    throw new Unbounded();
  }
}
