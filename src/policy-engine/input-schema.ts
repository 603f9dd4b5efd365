import { Ajv, type ErrorObject, type Options } from 'ajv';
import type { DataValidateFunction, DataValidationCxt } from 'ajv/dist/types/index.js';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats, { type FormatName } from 'ajv-formats';
import { RE2JS } from 're2js';
import { compileInSlices, isUsable, type Pattern } from './conditions/pattern.js';
import { newWork, type Work } from './conditions/work.js';
import { ExactNumbers, UndecidableNumber } from './exact-numbers-in-schemas.js';
import type { CompiledSchema } from './facts.js';
import { typeTest } from './json-types.js';
import { prepareSchema, STEPS_KEYWORD, TYPE_KEYWORD, type JsonSchema } from './schema-bounds.js';
import { inSlices, type Sliced } from './slices.js';
import { pointerTo } from '../platform/json/pointer.js';

const MAX_POINTERS_SHOWN = 3;
const MAX_POINTER_LENGTH = 100;
const MAX_FORMATTED_LENGTH = 1000;
const formats: FormatName[] = [
  'date-time',
  'date',
  'time',
  'duration',
  'uri',
  'uri-reference',
  'email',
  'hostname',
  'ipv4',
  'ipv6',
  'uuid',
];

/** Walking a schema, by its characters, and what ajv writes for the largest: about 20 ms. */
const STEPS_PER_CHARACTER = 1;
const STEPS_OF_CODE = 2_000_000;

/**
 * Compiles a tool's input schema, JSON Schema draft 2020-12 (also when `$schema` is not stated) or draft-07. Arguments
 * that the schema does not declare are wrong unless it states `additionalProperties` or `unevaluatedProperties` itself.
 * Undefined for a schema that can't be checked in bounded time and memory: over 256 KiB or 64 levels, more keywords and
 * subschemas than `prepareSchema` takes, 100 patterns, patterns of more than 10,000 instructions together, remote or
 * dynamic references, a pattern that is not RE2, another dialect, or no JSON Schema at all. It goes on in slices
 * between other work, in the name of `owner` (an organization); the code that ajv writes is one of them. A schema comes
 * from whoever runs the server: validating takes a bounded number of steps, past which arguments are wrong.
 */
export function compileInputSchema(schema: unknown, owner = 'nobody'): Promise<CompiledSchema | undefined> {
  return inSlices(owner, compiling(schema));
}

type Prepared = Readonly<{ dialect: Dialect; schema: JsonSchema; patterns: ReadonlyMap<string, Pattern> }>;

/** A schema that is within all bounds, without the code that ajv writes for it; undefined for any other. */
export function* prepareInputSchema(schema: unknown): Sliced<Prepared | undefined> {
  const dialect = dialectOf(schema);
  const sources = new Set<string>();
  const prepared = dialect && prepareSchema(schema, sources);
  if (dialect === undefined || prepared === undefined) return undefined;
  yield JSON.stringify(prepared).length * STEPS_PER_CHARACTER;
  const patterns = new Map<string, Pattern>();
  for (const source of sources) {
    const compiled = yield* compileInSlices(translated(source));
    if (!isUsable(compiled)) return undefined;
    patterns.set(source, compiled);
  }
  return isSchema(dialect, prepared) ? { dialect, schema: prepared, patterns } : undefined;
}

function* compiling(schema: unknown): Sliced<CompiledSchema | undefined> {
  const prepared = yield* prepareInputSchema(schema);
  if (prepared === undefined) return undefined;
  yield STEPS_OF_CODE;
  const compiled = compiledBy(prepared);
  yield STEPS_OF_CODE;
  // The engine compiles the code when it first runs: here, rather than in the first call.
  compiled?.validate({});
  return compiled;
}

function isSchema(dialect: Dialect, schema: JsonSchema): boolean {
  try {
    return metaOf(dialect).validateSchema(schema) === true;
  } catch {
    return false;
  }
}

function compiledBy({ dialect, schema, patterns }: Prepared): CompiledSchema | undefined {
  const meter: Meter = { work: newWork(), exactNumbers: new ExactNumbers() };
  try {
    const validate = compilerOf(dialect, meter, patterns).compile(closed(schema));
    return {
      validate: (callArguments) => {
        meter.work = newWork();
        meter.exactNumbers.begin(callArguments);
        return judge(() => (validate(callArguments) ? [] : (validate.errors ?? [])));
      },
    };
  } catch {
    return undefined;
  }
}

/** What RE2 has of an ECMAScript pattern, in RE2's words. */
function translated(source: string): string {
  try {
    return RE2JS.translateRegExp(source);
  } catch {
    return source;
  }
}

type Dialect = '2020-12' | 'draft-07';

/** The state of the validation that runs, which is synchronous: the steps left, and its exact numbers. */
type Meter = { work: Work; readonly exactNumbers: ExactNumbers };

class OutOfSteps extends Error {}

function dialectOf(schema: unknown): Dialect | undefined {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return undefined;
  const { $schema: stated } = schema as Readonly<{ $schema?: unknown }>;
  if (stated === undefined) return '2020-12';
  if (typeof stated !== 'string') return undefined;
  const name = stated.replace(/^https?:\/\/json-schema\.org\//, '').replace(/#$/, '');
  return name === 'draft/2020-12/schema' ? '2020-12' : name === 'draft-07/schema' ? 'draft-07' : undefined;
}

const quiet: Options = { strict: false, logger: false, addUsedSchema: false };

const metas = new Map<Dialect, Ajv | Ajv2020>();

function metaOf(dialect: Dialect): Ajv | Ajv2020 {
  const known = metas.get(dialect) ?? (dialect === '2020-12' ? new Ajv2020(quiet) : new Ajv(quiet));
  metas.set(dialect, known);
  return known;
}

/**
 * A compiler of its own for each schema: ajv keeps what it compiled as long as it lives. The one for 2019-09 has all of
 * draft-07, and `unevaluatedProperties`.
 */
function compilerOf(dialect: Dialect, meter: Meter, patterns: ReadonlyMap<string, Pattern>): Ajv2019 | Ajv2020 {
  const options: Options = {
    ...quiet,
    meta: false,
    validateSchema: false,
    unevaluated: true,
    ownProperties: true,
    code: { optimize: false, regExp: regExpOf(meter, patterns) },
  };
  const ajv = dialect === '2020-12' ? new Ajv2020(options) : new Ajv2019(options);
  addFormats.default(ajv, { mode: 'full', formats });
  for (const name of formats) {
    const format = ajv.formats[name];
    ajv.addFormat(name, (text: string) => text.length <= MAX_FORMATTED_LENGTH && fitsFormat(format, text));
  }
  ajv.addKeyword({
    keyword: STEPS_KEYWORD,
    before: '$ref',
    errors: false,
    compile: (steps: number, schema: JsonSchema) => passOver(steps, schema, meter),
  });
  ajv.removeKeyword('uniqueItems');
  ajv.addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    errors: false,
    validate: (wanted: boolean, items: readonly unknown[]) => !wanted || areUnique(items, meter),
  });
  return ajv;
}

/**
 * What comes first in every subschema: its steps, the exact numbers that its keywords can't decide by, and its type.
 */
function passOver(steps: number, schema: JsonSchema, meter: Meter): DataValidateFunction {
  const isOfType = TYPE_KEYWORD in schema ? typeTest(schema[TYPE_KEYWORD]) : undefined;
  const checkNumbers = meter.exactNumbers.checkFor(
    Object.keys(schema).map((keyword) => (keyword === TYPE_KEYWORD ? 'type' : keyword)),
  );
  return (data: unknown, context?: DataValidationCxt) => {
    spend(meter, steps + sizeOf(data));
    checkNumbers(data, context?.instancePath ?? '');
    return isOfType === undefined || isOfType(data);
  };
}

function fitsFormat(format: Ajv['formats'][string], text: string): boolean {
  const test = typeof format === 'object' && 'validate' in format ? format.validate : format;
  if (test instanceof RegExp) return test.test(text);
  return typeof test === 'function' ? (test as (text: string) => unknown)(text) === true : true;
}

function spend({ work }: Meter, steps: number): true {
  work.left -= steps;
  if (work.left < 0) throw new OutOfSteps();
  return true;
}

function sizeOf(data: unknown): number {
  if (typeof data === 'string') return data.length >> 2;
  if (typeof data !== 'object' || data === null) return 0;
  return (Array.isArray(data) ? data.length : Object.keys(data).length) * 4;
}

/** Compares by content, in time that grows with the size; ajv's own compares every two. */
function areUnique(items: readonly unknown[], meter: Meter): boolean {
  const seen = new Set<string>();
  for (const item of items) {
    const key = JSON.stringify(item, (_, value: unknown) => sorted(value));
    spend(meter, 100 + key.length * 4);
    if (seen.has(key)) return false;
    seen.add(key);
  }
  return true;
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** Patterns of a schema are ECMAScript's; what RE2 has of them is searched in bounded steps. */
function regExpOf(meter: Meter, patterns: ReadonlyMap<string, Pattern>): NonNullable<Options['code']>['regExp'] {
  const regExp = (source: string) => {
    const pattern = patterns.get(source);
    if (pattern === undefined) throw new Error('a pattern of the schema is not where patterns are looked for');
    return {
      test: (text: string) => {
        const found = pattern.search(text, meter.work);
        if (found === 'undecidable') throw new OutOfSteps();
        return found;
      },
    };
  };
  return Object.assign(regExp, { code: 'regExp' });
}

function closed(schema: JsonSchema): JsonSchema {
  return 'additionalProperties' in schema || 'unevaluatedProperties' in schema
    ? schema
    : { ...schema, unevaluatedProperties: false };
}

function judge(errorsOf: () => readonly ErrorObject[]): readonly string[] {
  try {
    return [...new Set(errorsOf().map(pointerOf))].slice(0, MAX_POINTERS_SHOWN);
  } catch (error) {
    if (error instanceof UndecidableNumber) return [shortened(error.pointer)];
    // Out of steps, or nested deeper than the stack: not known to be right, so wrong.
    if (error instanceof OutOfSteps || error instanceof RangeError) return [''];
    throw error;
  }
}

/** Where an error is: the member itself when it is missing or too many. Never a value. */
function pointerOf({ instancePath, params }: ErrorObject): string {
  const { missingProperty, additionalProperty, unevaluatedProperty } = params as Readonly<Record<string, unknown>>;
  const member = missingProperty ?? additionalProperty ?? unevaluatedProperty;
  const pointer = typeof member === 'string' ? pointerTo(instancePath, member) : instancePath;
  return shortened(pointer);
}

function shortened(pointer: string): string {
  return pointer.length <= MAX_POINTER_LENGTH ? pointer : `${pointer.slice(0, MAX_POINTER_LENGTH)}…`;
}
