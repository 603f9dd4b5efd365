import type { ArgumentMetadata, PipeTransform, Type } from '@nestjs/common';
import { plainToInstance } from 'class-transformer';
import { getMetadataStorage, validate, type ValidationError } from 'class-validator';
import { isObject } from '../json/json-object.js';
import { Problem, type ProblemDetail } from '../runtime/problems.js';
import { pointerTo } from '../json/pointer.js';

type Members = Readonly<Record<string, unknown>>;

/** Whether a value is an object or an array, which the transformer does not get. */
const isNested = (value: unknown): value is object => typeof value === 'object' && value !== null;

const declared = new WeakMap<Type, ReadonlySet<string>>();

/** The members that a DTO class declares; none for a class that is no DTO, such as String. */
const declaredMembers = (dto: Type): ReadonlySet<string> => {
  const known = declared.get(dto);
  if (known) return known;
  const rules = getMetadataStorage().getTargetValidationMetadatas(dto, '', false, false);
  const members = new Set(rules.map(({ propertyName }) => propertyName));
  declared.set(dto, members);
  return members;
};

/** The code of a fault by the rule that found it, of which the names are class-validator's and ours. */
const CODES: Readonly<Record<string, string>> = {
  isString: 'wrong_type',
  isInt: 'wrong_type',
  isBoolean: 'wrong_type',
  isObject: 'wrong_type',
  isIn: 'not_one_of',
  isId: 'not_an_id',
  isInstant: 'not_a_time',
  isLength: 'wrong_length',
  maxLength: 'wrong_length',
  min: 'out_of_range',
  max: 'out_of_range',
  matches: 'wrong_characters',
};
/** Of several faults of a member, the one that says most. */
const FIRST = ['isString', 'isInt', 'isBoolean', 'isObject'];

/** One error for each member, whatever is wrong there. */
const errorOf = ({ property, constraints = {} }: ValidationError, given: Members): ProblemDetail => {
  const pointer = pointerTo('', property);
  if (!Object.hasOwn(given, property))
    return { pointer, code: 'missing', message: `${property} is missing: ${Object.values(constraints).join('; ')}` };
  const rules = Object.keys(constraints);
  const rule = FIRST.find((name) => rules.includes(name)) ?? rules[0] ?? '';
  return { pointer, code: CODES[rule] ?? 'invalid', message: Object.values(constraints).join('; ') };
};

const unknownMember = (member: string): ProblemDetail => ({
  pointer: pointerTo('', member),
  code: 'unknown_key',
  message: `${member} is not known here`,
});

/**
 * An instance of a DTO class with the members of `sent` that the class declares. Only texts, numbers and the like go
 * through the transformer: its cost grows with the square of an object's members, and it drops members called
 * `constructor`. What lies deeper stays as it was sent.
 */
const instanceOf = (dto: Type, sent: Members, members: ReadonlySet<string>): object => {
  const given = [...members]
    .filter((member) => Object.hasOwn(sent, member))
    .map((member) => [member, sent[member]] as const);
  const instance = plainToInstance(dto, Object.fromEntries(given.filter(([, value]) => !isNested(value)))) as object;
  return Object.assign(instance, Object.fromEntries(given.filter(([, value]) => isNested(value))));
};

/**
 * Checks what was sent against a DTO class, in time linear in its members: those that the class does not declare are
 * refused here, before class-validator sees them, whose cost grows with their square. Every error is told at once, no
 * value is repeated.
 * @throws Problem `invalid_body`
 */
export const checkMembers = async (dto: Type, sent: unknown): Promise<object> => {
  const members = declaredMembers(dto);
  if (sent !== undefined && !isObject(sent)) throw new Problem('invalid_body', 'Send a JSON object.');
  const given: Members = { ...sent };
  const unknown = Object.keys(given).filter((member) => !members.has(member));
  const instance = instanceOf(dto, given, members);
  const wrong = await validate(instance, {
    forbidUnknownValues: false,
    validationError: { target: false, value: false },
  });
  if (unknown.length === 0 && wrong.length === 0) return instance;
  throw new Problem('invalid_body', 'Correct what errors[] names and send the request again.', {
    errors: [...wrong.map((error) => errorOf(error, given)), ...unknown.map(unknownMember)],
  });
};

/** The pipe of every body and query: see `checkMembers`. Parameters that are no DTO pass as they are. */
export const bodyValidation = (): PipeTransform => ({
  transform: (value: unknown, { metatype, type }: ArgumentMetadata): unknown =>
    metatype && type !== 'custom' && declaredMembers(metatype).size > 0 ? checkMembers(metatype, value) : value,
});

/**
 * The pipe of a body whose parameter is declared as a plain type, which tells the usual pipe nothing: see
 * `checkMembers`.
 */
export const bodyOf = (dto: Type): PipeTransform<unknown, Promise<object>> => ({
  transform: async (value) => ({ ...(await checkMembers(dto, value)) }),
});
