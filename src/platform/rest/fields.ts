import { applyDecorators } from '@nestjs/common';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Transform, Type } from 'class-transformer';
import {
  isEmail,
  IsBoolean,
  IsIn,
  IsInt,
  IsObject,
  IsString,
  Length,
  Matches,
  Max,
  Min,
  ValidateBy,
  ValidateIf,
} from 'class-validator';
import { isId, type IdPrefix } from '../crypto/ids.js';
import { canonicalEmail } from './email.js';

type Field = Readonly<{ optional?: boolean; nullable?: boolean; description?: string }>;

const present = (field: Field): PropertyDecorator[] => {
  if (field.nullable)
    return [ValidateIf((_object, value) => value !== null && value !== undefined) as PropertyDecorator];
  return field.optional ? [ValidateIf((_object, value) => value !== undefined) as PropertyDecorator] : [];
};

const documented = (field: Field, schema: Readonly<Record<string, unknown>>): PropertyDecorator => {
  const options = {
    ...schema,
    ...(field.description ? { description: field.description } : {}),
    ...(field.nullable ? { nullable: true } : {}),
  };
  return field.optional || field.nullable ? ApiPropertyOptional(options) : ApiProperty(options);
};

/** A text of `min` to `max` characters without control characters. */
export const Text = (min: number, max: number, field: Field = {}): PropertyDecorator =>
  applyDecorators(
    documented(field, { type: String, minLength: min, maxLength: max }),
    ...present(field),
    IsString(),
    Length(min, max),
    Matches(/^[^\p{Cc}\p{Cs}]*$/u, { message: '$property must not hold control characters' }),
  );

/** A text of `min` to `max` characters in lines; of control characters it may hold tabs and ends of lines. */
export const LongText = (min: number, max: number, field: Field = {}): PropertyDecorator =>
  applyDecorators(
    documented(field, { type: String, minLength: min, maxLength: max }),
    ...present(field),
    IsString(),
    Length(min, max),
    Matches(/^(?:[\t\n\r]|[^\p{Cc}\p{Cs}])*$/u, { message: '$property must not hold control characters' }),
  );

/** A secret text; it may hold anything printable and is never trimmed. */
export const SecretText = (min: number, max: number, field: Field = {}): PropertyDecorator =>
  applyDecorators(
    documented(field, { type: String, format: 'password', minLength: min, maxLength: max }),
    ...present(field),
    IsString(),
    Length(min, max),
  );

const MAX_EMAIL_LENGTH = 254;

/** Whether a value is an e-mail address. The library's check throws on lone surrogates, so they are kept from it. */
const isEmailAddress = (value: unknown): boolean =>
  typeof value === 'string' && value.length <= MAX_EMAIL_LENGTH && !/\p{Cs}/u.test(value) && isEmail(value);

const checked = (validate: (value: unknown) => boolean, message: string): PropertyDecorator =>
  ValidateBy({ name: 'isValid', validator: { validate, defaultMessage: () => message } });

/** An e-mail address, which becomes its one spelling: see `canonicalEmail`. */
export const Email = (field: Field = {}): PropertyDecorator =>
  applyDecorators(
    Transform(({ value }: { value: unknown }) => (isEmailAddress(value) ? canonicalEmail(String(value)) : value)),
    documented(field, { type: String, format: 'email', maxLength: MAX_EMAIL_LENGTH }),
    ...present(field),
    checked(isEmailAddress, '$property must be an email'),
  );

/** What a list may hold: `isItem` judges one item, `message` completes "… must be". `schema` describes the items. */
type Items = Readonly<{ isItem: (value: unknown) => boolean; message: string; schema: object }>;

/** E-mail addresses as the items of a list. */
export const EMAILS: Items = {
  isItem: isEmailAddress,
  message: 'e-mail addresses',
  schema: { type: 'string', format: 'email', maxLength: MAX_EMAIL_LENGTH },
};

/**
 * A list of at most `max` different items. The size is judged first, and of a list that is too long nothing else: what
 * is judged of a list otherwise, item by item or item against item, must not grow with what somebody sends. The
 * library's own rules for lists don't stop.
 */
export const ListOf = ({ isItem, message, schema }: Items, max: number, field: Field = {}): PropertyDecorator =>
  applyDecorators(
    documented(field, { type: 'array', items: schema, maxItems: max, uniqueItems: true }),
    ...present(field),
    checked(
      (value) => isShortList(value, max) && value.every(isItem) && new Set(value).size === value.length,
      `$property must be at most ${max} different ${message}`,
    ),
  );

const isShortList = (value: unknown, max: number): value is readonly unknown[] =>
  Array.isArray(value) && value.length <= max;

/** A list of at most `max` items that are checked elsewhere; `schema` describes the list. */
export const CheckedElsewhere = (schema: object, max: number): PropertyDecorator =>
  applyDecorators(
    ApiProperty({ ...schema, type: 'array', maxItems: max } as never),
    checked((value) => isShortList(value, max), `$property must be a list of at most ${max} items`),
  );

/** The id of an object, checked for shape only. */
export const IdOf = (prefix: IdPrefix, field: Field = {}): PropertyDecorator =>
  applyDecorators(
    documented(field, { type: String, example: `${prefix}_01h2xcejqtf2nbrexx3vqjhp41` }),
    ...present(field),
    ValidateBy({
      name: 'isId',
      validator: {
        validate: (value) => isId(prefix, value),
        defaultMessage: () => `$property must be an id like ${prefix}_…`,
      },
    }),
  );

/** One of a few words. */
export const OneOf = (values: readonly string[], field: Field = {}): PropertyDecorator =>
  applyDecorators(
    documented(field, { enum: values }),
    ...present(field),
    IsIn(values, { message: `$property must be one of ${values.join(', ')}` }),
  );

/** A time in RFC 3339, with `Z` or an offset. */
export const Instant = (field: Field = {}): PropertyDecorator =>
  applyDecorators(
    documented(field, { type: String, format: 'date-time' }),
    ...present(field),
    ValidateBy({
      name: 'isInstant',
      validator: {
        validate: isInstant,
        defaultMessage: (args) =>
          '$property must be a time as RFC 3339, e.g. 2026-11-22T10:00:00Z' +
          (hasLostPlus(args?.value) ? '; in a query, write the + of an offset as %2B' : ''),
      },
    }),
  );

/** Whether a text has a blank where the `+` of an offset belongs: a query string writes a blank as `+`. */
const hasLostPlus = (value: unknown): boolean => typeof value === 'string' && /\d \d{2}:\d{2}$/.test(value);

/** Whether a text is a day of the calendar; Date.parse takes the 30th of February for the 2nd of March. */
const isDay = (text: string): boolean => {
  const ms = Date.parse(text);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text);
};

/** Whether a value is a time in RFC 3339. */
export const isInstant = (value: unknown): boolean =>
  typeof value === 'string' &&
  /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/.test(value) &&
  !Number.isNaN(Date.parse(value)) &&
  isDay(value.slice(0, 10));

/** True or false in a JSON body. */
export const Flag = (field: Field = {}): PropertyDecorator =>
  applyDecorators(documented(field, { type: Boolean }), ...present(field), IsBoolean());

/** A whole number in a JSON body. */
export const Whole = (min: number, max: number, field: Field = {}): PropertyDecorator =>
  applyDecorators(
    documented(field, { type: 'integer', minimum: min, maximum: max }),
    ...present(field),
    IsInt(),
    Min(min),
    Max(max),
  );

/** A whole number in a query string. */
export const QueryWhole = (min: number, max: number, field: Field = {}): PropertyDecorator =>
  applyDecorators(
    Type(() => Number),
    Whole(min, max, { optional: true, ...field }),
  );

/** A comma-separated list of words in a query string. */
export const QueryWords = (values: readonly string[], field: Field = {}): PropertyDecorator =>
  applyDecorators(
    documented({ optional: true, ...field }, { type: String, description: `comma-separated, of ${values.join(', ')}` }),
    Transform(({ value }) => (typeof value === 'string' ? value.split(',', values.length + 1) : value)),
    ...present({ optional: true }),
    checked(
      (value) => isShortList(value, values.length) && value.every((word) => values.includes(String(word))),
      `$property takes any of ${values.join(', ')}`,
    ),
  );

/** A JSON object whose inside is checked elsewhere. */
export const JsonObject = (field: Field = {}): PropertyDecorator =>
  applyDecorators(documented(field, { type: 'object', additionalProperties: true }), ...present(field), IsObject());
