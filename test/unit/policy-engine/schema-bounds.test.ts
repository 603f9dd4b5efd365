import { describe, expect, test } from 'vitest';
import { prepareSchema, STEPS_KEYWORD, TYPE_KEYWORD } from '../../../src/policy-engine/schema-bounds.js';

type Prepared = Readonly<Record<string, unknown>>;

/** What one pass over a prepared subschema costs; undefined when nothing bounds it. */
const stepsOf = (schema: unknown): unknown => (schema as Prepared | undefined)?.[STEPS_KEYWORD];

describe('every subschema says what one pass over it costs:', () => {
  const single = [
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
    'items',
  ];
  const listed = ['allOf', 'anyOf', 'oneOf', 'prefixItems', 'items'];
  const named = ['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas', 'dependencies'];

  test.each(single)('the one of %s', (key) => {
    expect(stepsOf(prepareSchema({ [key]: { type: 'string' } })?.[key])).toBe(17);
    expect(prepareSchema({ [key]: false })?.[key]).toBe(false);
  });

  test.each(listed)('each of %s', (key) => {
    const of = prepareSchema({ [key]: [{}, true] })?.[key];
    expect(of).toEqual([{ [STEPS_KEYWORD]: 15 }, true]);
  });

  test.each(named)('each of %s', (key) => {
    const of = prepareSchema({ [key]: { a: {}, 'b/c': true } })?.[key] as Prepared;
    expect([Object.keys(of), stepsOf(of['a']), of['b/c']]).toEqual([['a', 'b/c'], 15, true]);
  });

  test('names that depend on others are no schemas', () => {
    expect(prepareSchema({ dependencies: { a: ['b'] } })?.['dependencies']).toEqual({ a: ['b'] });
  });

  test('the more members a keyword has, the more it costs', () => {
    const costs = [
      {},
      { const: null },
      { minimum: 1 },
      { enum: [1, 2, 3] },
      { required: ['a'], enum: [1, 2, 3] },
      { properties: { a: {}, b: {} } },
    ].map((schema) => stepsOf(prepareSchema(schema)));
    expect(costs).toEqual([15, 17, 17, 21, 23, 19]);
  });
});

test.each([
  '$schema',
  '$anchor',
  '$dynamicAnchor',
  '$recursiveAnchor',
  '$comment',
  'default',
  'examples',
  'title',
  'description',
  '$id',
])('%s is left out: it checks nothing', (key) => {
  expect(prepareSchema({ [key]: 'https://example.org/', type: 'object' })).toEqual({
    [TYPE_KEYWORD]: 'object',
    [STEPS_KEYWORD]: 17,
  });
});

test.each([
  ['the whole', '#', true],
  ['a subschema', '#/$defs/a', true],
  ['a subschema in a map', '#/$defs/a/properties/b', true],
  ['an escaped name', '#/$defs/c~1d', true],
  ['a name with a space', '#/$defs/e%20f', true],
  ['what is no subschema', '#/$defs', false],
  ['nothing', '#/$defs/x', false],
  ['an anchor', '#a', false],
  ['a fragment of another file', 'x#/$defs/a', false],
  ['a whole file', 'x', false],
  ['a broken escape', '#/%', false],
  ['a number', 1, false],
])('a reference to %s', (_name, $ref, isTaken) => {
  const $defs = { a: { properties: { b: {} } }, 'c/d': {}, 'e f': {} };
  expect(prepareSchema({ $defs, properties: { r: { $ref } } }) !== undefined).toBe(isTaken);
});

test.each([
  ['true', true],
  ['null', null],
  ['a text', 'a'],
  ['a subschema that is null', { not: null }],
  ['a subschema that is a list', { not: [] }],
  ['a list that is an object', { allOf: {} }],
  ['a map that is null', { properties: null }],
  ['a map that is a list', { properties: [] }],
  ['a member named __proto__', JSON.parse('{"properties":{"__proto__":{}}}')],
  ['a base below the top', { not: { $id: 'https://example.org/' } }],
  ['a dynamic reference', { $dynamicRef: '#a' }],
  ['a recursive reference', { $recursiveRef: '#' }],
  ['a vocabulary', { $vocabulary: {} }],
  ['our own keyword', { [STEPS_KEYWORD]: 1 }],
  ['our own keyword for types', { [TYPE_KEYWORD]: 'string' }],
  ['an unknown type', { type: 'text' }],
  ['a list of no types', { type: [] }],
  ['a type twice', { type: ['string', 'string'] }],
  ['nullable without a type', { properties: { a: { nullable: true } } }],
  ['null that is not nullable', { type: 'null', nullable: false }],
] as const)('%s is no schema whose cost is known', (_name, schema) => {
  expect(prepareSchema(schema)).toBeUndefined();
});

test('a schema of 256 KiB is taken, one that is longer is not', () => {
  const ofLength = (length: number) => ({ title: 'x'.repeat(length - '{"title":""}'.length) });
  expect(prepareSchema(ofLength(256 * 1024))).toBeDefined();
  expect(prepareSchema(ofLength(256 * 1024 + 1))).toBeUndefined();
});
