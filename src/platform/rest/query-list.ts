import { applyDecorators } from '@nestjs/common';
import { ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { ValidateBy, ValidateIf } from 'class-validator';
import { isId, type IdPrefix } from '../crypto/ids.js';

/** What each value of a query parameter must be; `message` completes "must be". */
export type QueryItem = Readonly<{ isItem: (value: unknown) => boolean; message: string; schema: object }>;

/** Ids of one kind, checked for shape only. */
export const idItem = (prefix: IdPrefix): QueryItem => ({
  isItem: (value) => isId(prefix, value),
  message: `an id like ${prefix}_…`,
  schema: { type: 'string', example: `${prefix}_01h2xcejqtf2nbrexx3vqjhp41` },
});

/** One of a set of words; the refusal lists them when they are few. */
export const wordItem = (words: readonly string[]): QueryItem => ({
  isItem: (value) => words.includes(String(value)),
  message: `one of ${words.join(', ')}`,
  schema: { type: 'string', enum: words },
});

/** A text of 1 to `max` characters without control characters. */
export const textItem = (max: number): QueryItem => ({
  isItem: (value) =>
    typeof value === 'string' && value.length >= 1 && value.length <= max && /^[^\p{Cc}\p{Cs}]*$/u.test(value),
  message: `a text of 1 to ${max} characters without control characters`,
  schema: { type: 'string', minLength: 1, maxLength: max },
});

const MAX_VALUES = 100;

/** A query parameter that may be given up to 100 times: any of its values is meant. It is read as a list. */
export const QueryAnyOf = ({ isItem, message, schema }: QueryItem, description?: string): PropertyDecorator =>
  applyDecorators(
    ApiPropertyOptional({
      type: 'array',
      items: schema,
      maxItems: MAX_VALUES,
      ...(description === undefined ? {} : { description }),
    } as never),
    Transform(({ value }) => (value === undefined || Array.isArray(value) ? value : [value])),
    ValidateIf((_object, value) => value !== undefined) as PropertyDecorator,
    ValidateBy({
      name: 'isAnyOf',
      validator: {
        validate: (value) => Array.isArray(value) && value.length <= MAX_VALUES && value.every(isItem),
        defaultMessage: () => `$property must be ${message}, at most ${MAX_VALUES} times`,
      },
    }),
  );
