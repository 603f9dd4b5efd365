import { isObject, type Json } from '../../../platform/json/json-object.js';
import { pointerTo } from '../../../platform/json/pointer.js';
import type { ProblemDetail } from '../../../platform/runtime/problems.js';

/** Takes what is wrong: a pointer into the request's body, and a message without the value. */
export type Wrong = (pointer: string, message: string) => void;

/** What stands in answers in place of a secret. */
export const SET = { set: true } as const;

/**
 * One member of a config. `read` tells `wrong` what is wrong and then may answer anything; it is not called for an
 * optional member that is absent or null.
 */
export type ConfigField<T> = Readonly<{
  optional: boolean;
  read: (value: unknown, at: string, wrong: Wrong) => T;
  /** As answers and events show it: secrets as `SET`. */
  show: (value: T) => unknown;
  /** The texts in it that no answer, event or log may hold. */
  secrets: (value: T) => readonly string[];
  /** Where it leads, when it says so: a kept secret never goes to another place. */
  place: (value: T) => string;
}>;

/** The fields of a config, by member. An optional member is absent or a value, never null. */
export type ConfigFields<Config> = Readonly<{
  [Name in keyof Config]-?: ConfigField<Exclude<Config[Name], undefined>>;
}>;

type AnyFields = Readonly<Record<string, ConfigField<unknown>>>;

const fieldsOf = (fields: object): AnyFields => fields as AnyFields;

/** A field that is optional. */
export const optional = <T>(field: ConfigField<T>): ConfigField<T> => ({ ...field, optional: true });

/** Reads an object of fields; a member that no field names is refused. */
export const readFields = <Config>(
  fields: ConfigFields<Config>,
  value: unknown,
  { at, wrong }: Readonly<{ at: string; wrong: (detail: ProblemDetail) => void }>,
): Config => {
  const known = fieldsOf(fields);
  const refuse: Wrong = (pointer, message) => wrong({ pointer, code: 'invalid', message });
  if (!isObject(value)) {
    refuse(at, 'takes an object');
    return {} as Config;
  }
  for (const name of Object.keys(value))
    if (!Object.hasOwn(known, name))
      wrong({ pointer: pointerTo(at, name), code: 'unknown_key', message: `takes ${Object.keys(known).join(', ')}` });
  const read: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(known)) {
    const given = Object.hasOwn(value, name) ? value[name] : undefined;
    if (given !== undefined && given !== null) read[name] = field.read(given, pointerTo(at, name), refuse);
    else if (!field.optional) refuse(pointerTo(at, name), 'is required');
  }
  return read as Config;
};

const collect = <Config, T>(
  fields: ConfigFields<Config>,
  config: Config,
  of: (field: ConfigField<unknown>, value: unknown, name: string) => T,
): readonly T[] =>
  Object.entries(fieldsOf(fields)).flatMap(([name, field]) => {
    const value = (config as Json)[name];
    return value === undefined ? [] : [of(field, value, name)];
  });

/** A config as answers and events show it. */
export const showConfig = <Config>(fields: ConfigFields<Config>, config: Config): Json =>
  Object.fromEntries(collect(fields, config, (field, value, name) => [name, field.show(value)] as const));

/** Every secret text of a config. */
export const secretsOf = <Config>(fields: ConfigFields<Config>, config: Config): readonly string[] =>
  collect(fields, config, (field, value) => field.secrets(value)).flat();

/** Where a config's connections go. */
export const placeOf = <Config>(fields: ConfigFields<Config>, config: Config): string =>
  JSON.stringify(collect(fields, config, (field, value, name) => [name, field.place(value)]));

const NOTHING = (): readonly string[] => [];
const NOWHERE = (): string => '';
const same = (value: unknown): unknown => value;
const plain = { optional: false, show: same, secrets: NOTHING, place: NOWHERE } as const;

const CONTROL = /[\p{Cc}\p{Cs}]/u;

/** What a text has to be, in words for `errors[]`, and a pattern for it. */
type TextRule = Readonly<{ max: number; pattern?: RegExp; takes?: string }>;

const readText =
  ({ max, pattern, takes }: TextRule) =>
  (value: unknown, at: string, wrong: Wrong): string => {
    const isText = typeof value === 'string' && value !== '' && value.length <= max && !CONTROL.test(value);
    if (!isText) wrong(at, `takes a text of 1 to ${max} characters without control characters`);
    else if (pattern?.test(value) === false) wrong(at, takes ?? 'is not valid');
    return isText ? value : '';
  };

/** A text that anybody may see. */
export const textField = (rule: TextRule = { max: 200 }): ConfigField<string> => ({ ...plain, read: readText(rule) });

/** A text that says where connections go, such as a host or a site. */
export const placeField = (rule: TextRule): ConfigField<string> => ({ ...textField(rule), place: (value) => value });

/** A secret: write-only, at most 4096 characters of printable ASCII unless a rule says otherwise. */
export const secretField = (
  rule: TextRule = { max: 4096, pattern: /^[\x20-\x7e]*$/, takes: 'takes printable ASCII' },
): ConfigField<string> => ({
  ...plain,
  read: readText(rule),
  show: () => SET,
  secrets: (value) => [value],
});

/** True or false. */
export const flagField = (): ConfigField<boolean> => ({
  ...plain,
  read: (value, at, wrong) => {
    if (typeof value !== 'boolean') wrong(at, 'takes true or false');
    return value === true;
  },
});

/** A whole number. */
export const wholeField = (min: number, max: number): ConfigField<number> => ({
  ...plain,
  read: (value, at, wrong) => {
    const isWhole = Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max;
    if (!isWhole) wrong(at, `takes a whole number from ${min} to ${max}`);
    return isWhole ? Number(value) : min;
  },
});

/** One of a few words. */
export const oneOfField = <T extends string>(...words: readonly [T, ...T[]]): ConfigField<T> => ({
  ...plain,
  read: (value, at, wrong) => {
    const word = words.find((one) => one === value);
    if (word === undefined) wrong(at, `takes one of ${words.join(', ')}`);
    return word ?? words[0];
  },
});

/** A list of 1 to `max` values that one field reads. */
export const listField = <T>(item: ConfigField<T>, max: number): ConfigField<readonly T[]> => ({
  optional: false,
  read: (value, at, wrong) => {
    const isList = Array.isArray(value) && value.length > 0 && value.length <= max;
    if (!isList) wrong(at, `takes a list of 1 to ${max}`);
    return isList ? value.map((one: unknown, index) => item.read(one, pointerTo(at, index), wrong)) : [];
  },
  show: (values) => values.map(item.show),
  secrets: (values) => values.flatMap(item.secrets),
  place: (values) => values.map(item.place).join(),
});

/** An object with fields of its own. */
export const objectField = <T>(fields: ConfigFields<T>): ConfigField<T> => ({
  optional: false,
  read: (value, at, wrong) =>
    readFields(fields, value, { at, wrong: ({ pointer, message }) => wrong(pointer, message) }),
  show: (value) => showConfig(fields, value),
  secrets: (value) => secretsOf(fields, value),
  place: (value) => placeOf(fields, value),
});
