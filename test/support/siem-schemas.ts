import { readFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

type Json = Readonly<Record<string, unknown>>;

const read = (name: string): Json =>
  JSON.parse(readFileSync(new URL(`../cases/siem/${name}`, import.meta.url), 'utf8')) as Json;

const ocsf = read('ocsf-1.8.0.schema.json') as Readonly<{ classes: Readonly<Record<string, Json>>; $defs: Json }>;
const compiled = new Map<number, ValidateFunction>();

const compile = (classUid: number): ValidateFunction => {
  const schema = ocsf.classes[String(classUid)];
  if (!schema) throw new Error(`no class ${classUid}`);
  const validate = new Ajv2020({ strict: false, allErrors: true }).compile({ ...schema, $defs: ocsf.$defs });
  compiled.set(classUid, validate);
  return validate;
};

/** What is wrong with an event by the schema of its own class in OCSF 1.8.0. */
export const ocsfFaults = (event: Json): readonly string[] => {
  const classUid = event['class_uid'] as number;
  const validate = compiled.get(classUid) ?? compile(classUid);
  return validate(event) ? [] : (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message}`);
};

type EcsField = Readonly<{ type: string; allowed?: readonly string[]; array?: boolean }>;
const ecs = read('ecs-9.5.fields.json') as Readonly<Record<string, EcsField>>;

const KINDS: Readonly<Record<string, (value: unknown) => boolean>> = {
  long: (value) => Number.isSafeInteger(value),
  float: (value) => typeof value === 'number',
  boolean: (value) => typeof value === 'boolean',
  date: (value) => typeof value === 'string' && new Date(value).toISOString() === value,
  ip: (value) => typeof value === 'string' && /^[0-9a-f.:]+$/i.test(value),
};

const faultsOfValue = (name: string, value: unknown): readonly string[] => {
  const field = ecs[name];
  if (!field) return [`${name} is no field of ECS`];
  const isRight = KINDS[field.type] ?? ((one: unknown): boolean => typeof one === 'string');
  if (!isRight(value)) return [`${name} is not a ${field.type}`];
  return field.allowed && !field.allowed.includes(value as string) ? [`${name} may not be ${String(value)}`] : [];
};

/** What is wrong with a document by the field list of ECS 9.5; labels hold anything flat. */
export const ecsFaults = (document: Json, prefix = ''): readonly string[] =>
  Object.entries(document).flatMap(([key, value]) => {
    const name = `${prefix}${key}`;
    if (name === 'labels')
      return Object.entries(value as Json).flatMap(([label, one]) =>
        ['string', 'number', 'boolean'].includes(typeof one) && !label.includes('.') ? [] : [`label ${label}`],
      );
    if (Array.isArray(value))
      return ecs[name]?.array ? value.flatMap((one) => faultsOfValue(name, one)) : [`${name} takes no list`];
    return typeof value === 'object' && value !== null
      ? ecsFaults(value as Json, `${name}.`)
      : faultsOfValue(name, value);
  });
