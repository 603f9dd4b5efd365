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

/** One error for each member, whatever is wrong there. */
const errorOf = ({ property, constraints = {} }: ValidationError): ProblemDetail => ({
  pointer: pointerTo('', property),
  code: 'invalid',
  message: Object.values(constraints).join('; '),
});

const unknownMember = (member: string): ProblemDetail => ({
  pointer: pointerTo('', member),
  code: 'unknown_key',
  message: `property ${member} should not exist`,
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
    errors: [...wrong.map(errorOf), ...unknown.map(unknownMember)],
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
