import fc from 'fast-check';
import { expect, test } from 'vitest';
import { exactNumber } from '../../../src/platform/json/exact-number.js';
import { compilePolicy } from '../../../src/policy-engine/compile.js';
import { operatorNames, type Operator } from '../../../src/policy-engine/conditions/operators.js';
import { decide, type Decision } from '../../../src/policy-engine/decide.js';
import type { Condition, PolicyDocument } from '../../../src/policy-engine/document.js';
import { compileInputSchema } from '../../../src/policy-engine/input-schema.js';
import { args, called, configureProperties, enforced, factsOf, leaf, policies } from '../../builders/policies.js';

configureProperties();

const big = exactNumber('9007199254740993');
const huge = exactNumber('1e400');
const ordinary = [0, 1, 5, -3, 0.5, 9007199254740992];

const values: Readonly<Record<Operator, Condition['value']>> = {
  eq: 5,
  neq: 5,
  in: [5],
  not_in: [5],
  lt: 5,
  lte: 5,
  gt: 5,
  gte: 5,
  contains: '9',
  not_contains: '9',
  starts_with: '9',
  ends_with: '9',
  matches: '9',
  exists: true,
  length_lte: 50,
  length_gte: 0,
  cidr: '0.0.0.0/0',
};

const decided = (kind: 'require' | 'deny_if', condition: Condition, given: unknown): Decision => {
  const document: PolicyDocument = { version: '1', default: 'deny', tools: { x: { [kind]: [condition] } } };
  return decide(compilePolicy(document), factsOf('x', given));
};

test.each(operatorNames.filter((op) => op !== 'exists'))(
  '%s can not be decided for a number that no double holds, so a require and a deny_if both refuse',
  (op) => {
    for (const path of ['args.n', 'args.l[*]', 'args.l[0]', 'args.n.below', 'args.n[0]']) {
      for (const kind of ['require', 'deny_if'] as const)
        expect(decided(kind, { path, op, value: values[op] }, { n: big, l: [huge] })).toMatchObject({
          effect: 'deny',
          code: 'argument_rule',
          reason: expect.stringContaining("can't be judged") as unknown,
        });
    }
  },
);

test('A number that no double holds exists, and counts for the length of its list', () => {
  const given = { n: big, l: [big, huge] };
  expect(decided('require', { path: 'args.n', op: 'exists', value: true }, given).effect).toBe('allow');
  expect(decided('deny_if', { path: 'args.n', op: 'exists', value: true }, given).effect).toBe('deny');
  expect(decided('require', { path: 'args.l', op: 'length_lte', value: 2 }, given).effect).toBe('allow');
  expect(decided('require', { path: 'args.l', op: 'length_lte', value: 1 }, given).effect).toBe('deny');
});

test('A rule about another argument does not mind a number that no double holds', () => {
  expect(decided('require', { path: 'args.s', op: 'eq', value: 'a' }, { s: 'a', n: big }).effect).toBe('allow');
});

test('A limit can not spend a number that no double holds, and refuses without showing it', () => {
  const limits = [{ counter: 'c', window: 'hour', max: 1e300, increment_from: 'args.n' }] as const;
  const policy = compilePolicy({ version: '1', default: 'deny', tools: { x: { limits } } });
  expect(decide(policy, factsOf('x', { n: big }))).toMatchObject({
    effect: 'deny',
    code: 'argument_rule',
    reason: 'x: args.n must be a number, 0 or more',
  });
});

const wrong = async (schema: object, given: unknown): Promise<readonly string[] | undefined> =>
  (await compileInputSchema(schema))?.validate(given);
/** A schema of three; spelled like this, as an object with a member `then` looks like a promise. */
const conditional = (...schemas: readonly [unknown, unknown, unknown]): object =>
  Object.fromEntries(['if', 'then', 'else'].map((key, index) => [key, schemas[index]]));
const of = (n: unknown): object => ({ properties: { n } });

test.each([
  ['a type', of({ type: 'integer' })],
  ['another type', of({ type: 'string' })],
  ['several types', of({ type: ['number', 'null'] })],
  ['a nullable type', of({ type: 'number', nullable: true })],
  ['the type object', of({ type: 'object' })],
  ['no type', of({ not: { type: 'string' } })],
  ['a bound', of({ maximum: 1e308 })],
  ['a multiple', of({ multipleOf: 1 })],
  ['a list of values', of({ enum: [1, 'a'] })],
  ['what it must not be', of({ not: { const: 5 } })],
  ['one of two schemas', of({ oneOf: [{ type: 'string' }, {}] })],
  ['a condition', of(conditional({ minimum: 5 }, false, true))],
  ['a reference', { ...of({ $ref: '#/$defs/id' }), $defs: { id: { type: 'integer' } } }],
])('A schema that decides by %s refuses a number that no double holds, by its place', async (_name, schema) => {
  expect(await wrong(schema, { n: big })).toEqual(['/n']);
});

test.each([
  ['different elements', of({ uniqueItems: true })],
  ['elements of a type', of({ items: { type: 'number' } })],
  ['an element that it contains', of({ contains: { const: 7 } })],
  ['lists of values', of({ not: { enum: [[1]] } })],
])('A schema that decides by %s refuses a list with a number that no double holds', async (_name, schema) => {
  const [at] = (await wrong(schema, { n: [1, big] })) ?? [];
  expect(at).toMatch(/^\/n/);
});

test.each([
  ['nothing', of({})],
  ['texts, lists and objects', of({ maxLength: 1, maxItems: 1, required: ['a'], properties: { a: {} } })],
  ['the length of a list', of({ items: {}, maxItems: 5 })],
])('A schema that says %s of it takes a number that no double holds', async (_name, schema) => {
  expect(await wrong(schema, { n: big })).toEqual([]);
  expect(await wrong(schema, { n: [big] })).toEqual(await wrong(schema, { n: [1] }));
});

/** The value with a number, exact or ordinary, in the place of its leaf at an index in order of reading. */
const withNumber = (value: unknown, index: { left: number }, number: unknown): unknown => {
  if (Array.isArray(value)) return value.map((one) => withNumber(one, index, number));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, withNumber(one, index, number)]));
  index.left -= 1;
  return index.left === -1 ? number : value;
};

test('A policy allows no call with a number that no double holds unless it allows every number in its place', () => {
  fc.assert(
    fc.property(policies, called, args, fc.nat(5), (document, tool, given, place) => {
      const policy = compilePolicy(enforced(document));
      const effectFor = (number: unknown): string =>
        decide(policy, factsOf(tool, withNumber(given, { left: place }, number))).effect;
      if (effectFor(big) === 'allow') for (const number of ordinary) expect(effectFor(number)).toBe('allow');
    }),
  );
});

const plain = fc.oneof(
  fc.constantFrom(
    ...['number', 'integer', 'string', 'object', 'array'].map((type) => ({ type })),
    { type: ['number', 'null'] },
    { uniqueItems: true },
    { minItems: 1 },
    { multipleOf: 2 },
    { required: ['n'] },
    {},
  ),
  fc.record({ const: leaf }),
  fc.record({ minimum: fc.nat(9) }),
  fc.record({ enum: fc.array(fc.oneof(leaf, fc.constant([1])), { minLength: 1, maxLength: 3 }) }),
);
const within = (inner: fc.Arbitrary<object>): fc.Arbitrary<object> =>
  fc.oneof(
    inner,
    fc
      .tuple(fc.constantFrom('not', 'contains', 'items', 'additionalProperties'), inner)
      .map(([key, one]) => ({ [key]: one })),
    fc
      .tuple(fc.constantFrom('anyOf', 'oneOf', 'allOf'), fc.array(inner, { minLength: 1, maxLength: 2 }))
      .map(([key, some]) => ({ [key]: some })),
    fc.tuple(inner, inner, inner).map(([one, other, third]) => conditional(one, other, third)),
    inner.map((n) => ({ properties: { n } })),
    fc.tuple(inner, inner).map(([one, other]) => ({ ...one, ...other })),
  );
const schemas = within(within(plain));

const places = fc.constantFrom<(number: unknown) => unknown>(
  (number) => number,
  (number) => [1, number],
  (number) => [number, number],
  (number) => ({ n: number }),
  (number) => [[number]],
);

test('A schema takes no number that no double holds unless it takes every number in its place', async () => {
  await fc.assert(
    fc.asyncProperty(schemas, places, async (schema, at) => {
      const compiled = await compileInputSchema({ properties: { n: schema } });
      if (compiled?.validate({ n: at(big) }).length !== 0) return;
      for (const number of ordinary) expect(compiled.validate({ n: at(number) })).toEqual([]);
    }),
  );
});
