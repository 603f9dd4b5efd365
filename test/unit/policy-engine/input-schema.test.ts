import { describe, expect, test } from 'vitest';
import { compileInputSchema } from '../../../src/policy-engine/input-schema.js';
import { costInParses } from '../../support/cpu.js';

const draft07 = 'http://json-schema.org/draft-07/schema#';
const wrong = async (schema: unknown, args: unknown) => (await compileInputSchema(schema))?.validate(args);
const object = (properties: object, more: object = {}) => ({ type: 'object', properties, ...more });

describe('arguments', () => {
  const issue = object(
    {
      title: { type: 'string', minLength: 1, pattern: '^[a-z]+$' },
      weight: { type: 'integer' },
      labels: { type: 'array', items: { type: 'string' }, uniqueItems: true },
    },
    { required: ['title'] },
  );

  test.each([
    ['that fit', { title: 'a', weight: 1, labels: ['a', 'b'] }, []],
    ['without one that is required', {}, ['/title']],
    ['of a wrong type', { title: 'a', weight: '1' }, ['/weight']],
    ['that a pattern does not match', { title: 'A' }, ['/title']],
    ['with a wrong element', { title: 'a', labels: ['a', 1] }, ['/labels/1']],
    ['with an element twice', { title: 'a', labels: ['a', 'a'] }, ['/labels']],
    ['that the schema does not declare', { title: 'a', body: 'x' }, ['/body']],
    ['with a name that a pointer escapes', { title: 'a', 'b/~': 1 }, ['/b~1~0']],
    ['named __proto__', JSON.parse('{"title":"a","__proto__":1}') as unknown, ['/__proto__']],
    ['that are no object', [], ['']],
    ['that are null', null, ['']],
  ])('%s', async (_name, args, expected) => {
    expect(await wrong(issue, args)).toEqual(expected);
    expect(await wrong({ ...issue, $schema: draft07 }, args)).toEqual(expected);
  });

  test('an inherited member is not an argument', async () => {
    expect(await wrong(object({ constructor: { type: 'number' } }), {})).toEqual([]);
    expect(await wrong(object({}, { required: ['toString'] }), {})).toEqual(['/toString']);
  });

  test('a pointer is cut, and three are told at most', async () => {
    const [first] = (await wrong(object({}), { ['x'.repeat(500)]: 1 })) ?? [];
    expect(first).toHaveLength(101);
    expect(await wrong(object({}), { ['x'.repeat(99)]: 1 })).toEqual([`/${'x'.repeat(99)}`]);
    const several = { anyOf: ['a', 'b', 'c', 'd'].map((name) => ({ required: [name] })) };
    expect(await wrong(object({}, several), {})).toEqual(['/a', '/b', '/c']);
  });
});

describe('what a schema does not declare', () => {
  test.each([
    ['is refused when additionalProperties is not stated', object({}), ['/x']],
    ['is refused when there are no properties', { type: 'object' }, ['/x']],
    ['is allowed by additionalProperties', object({}, { additionalProperties: true }), []],
    ['is judged by additionalProperties', object({}, { additionalProperties: { type: 'string' } }), ['/x']],
    ['is allowed by unevaluatedProperties', object({}, { unevaluatedProperties: true }), []],
    ['is declared by a pattern', object({}, { patternProperties: { '^x': {} } }), []],
    ['is declared in allOf', object({}, { allOf: [{ properties: { x: {} } }] }), []],
    ['is declared by reference', object({}, { $ref: '#/$defs/more', $defs: { more: { properties: { x: {} } } } }), []],
    [
      'is declared in a branch that does not hold',
      object({}, { anyOf: [{ properties: { x: {} }, required: ['y'] }, {}] }),
      ['/x'],
    ],
  ])('%s', async (_name, schema, expected) => {
    expect(await wrong(schema, { x: 1 })).toEqual(expected);
  });

  test('is allowed below the top, as JSON Schema has it', async () => {
    expect(await wrong(object({ a: object({}) }), { a: { x: 1 } })).toEqual([]);
  });
});

describe('dialects', () => {
  const tuple = object({ a: { items: [{ type: 'number' }], additionalItems: false } }, { dependencies: { b: ['a'] } });

  test('draft-07 has tuples and dependencies', async () => {
    const schema = { ...tuple, $schema: draft07, properties: { ...tuple.properties, b: {} } };
    expect(await wrong(schema, { a: [1] })).toEqual([]);
    expect(await wrong(schema, { a: ['x'] })).toEqual(['/a/0']);
    expect(await wrong(schema, { a: [1, 2] })).toEqual(['/a']);
    expect(await wrong(schema, { b: 1 })).toEqual(['/a']);
  });

  test('2020-12 has prefixItems, stated or not', async () => {
    for (const $schema of [undefined, 'https://json-schema.org/draft/2020-12/schema']) {
      const schema = {
        ...object({ a: { prefixItems: [{ type: 'number' }] } }),
        ...($schema === undefined ? {} : { $schema }),
      };
      expect(await wrong(schema, { a: ['x'] })).toEqual(['/a/0']);
    }
  });

  test('tuples of the one are no schemas of the other', async () => {
    expect(await compileInputSchema(tuple)).toBeUndefined();
    expect(
      await wrong({ ...object({ a: { prefixItems: [{ type: 'number' }] } }), $schema: draft07 }, { a: ['x'] }),
    ).toEqual([]);
  });

  test.each([
    'http://json-schema.org/draft-04/schema#',
    'https://json-schema.org/draft/2019-09/schema',
    'https://example.org/x',
    'urn:https://json-schema.org/draft-07/schema',
    'https://json-schema.org/draft-07/#schema',
    7,
  ])('%s is not known', async ($schema) => {
    expect(await compileInputSchema({ ...object({}), $schema })).toBeUndefined();
  });
});

test.each([
  ['email', 'a@b.example', 'a'],
  ['date', '2028-02-29', '2027-02-29'],
  ['date-time', '2026-01-01T00:00:00Z', '2026-13-01T00:00:00Z'],
  ['uri', 'https://example.org/a', 'a'],
  ['uuid', '123e4567-e89b-12d3-a456-426614174000', 'x'],
  ['ipv4', '10.0.0.1', '10.0.0.256'],
  ['ipv6', '2001:db8::1', '2001:db8::g'],
  ['time', '12:30:00Z', '25:00:00Z'],
  ['duration', 'P1DT2H', '1 day'],
  ['hostname', 'a.example', '-a.example'],
  ['uri-reference', '/a?b#c', '\\\\a'],
  ['no-such-format', 'x', undefined],
])('format %s is held', async (format, good, bad) => {
  const schema = object({ a: { type: 'string', format } });
  expect(await wrong(schema, { a: good })).toEqual([]);
  if (bad !== undefined) expect(await wrong(schema, { a: bad })).toEqual(['/a']);
  if (bad !== undefined) expect(await wrong(schema, { a: `${good}${'x'.repeat(1000)}` })).toEqual(['/a']);
});

test('a formatted text may have 1000 characters', async () => {
  const schema = object({ a: { format: 'uri-reference' } });
  expect(await Promise.all([1000, 1001].map((length) => wrong(schema, { a: 'x'.repeat(length) })))).toEqual([
    [],
    ['/a'],
  ]);
});

test('a long text, a long list and an object of many members take more steps than a short one', async () => {
  const schema = object({ a: { allOf: Array.from({ length: 100 }, () => ({ minimum: 0 })) } });
  const members = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 0]));
  for (const [short, long] of [
    ['x', 'x'.repeat(50_000)],
    [[0], Array.from({ length: 3000 }, () => 0)],
    [members(1), members(3000)],
  ]) {
    expect(await wrong(schema, { a: short })).toEqual([]);
    expect(await wrong(schema, { a: long })).toEqual(['']);
  }
  expect(await wrong(schema, { a: null })).toEqual([]);
});

test('unique means different by content', async () => {
  expect(await wrong(object({ a: { uniqueItems: true } }), { a: 'xx' })).toEqual([]);
  const schema = object({ a: { uniqueItems: true } });
  expect(
    await wrong(schema, {
      a: [
        { x: 1, y: [2] },
        { y: [2], x: 1 },
      ],
    }),
  ).toEqual(['/a']);
  expect(await wrong(schema, { a: [1, '1', [1], ['1'], null, 'null'] })).toEqual([]);
  expect(await wrong(object({ a: { uniqueItems: false } }), { a: [1, 1] })).toEqual([]);
});

test('a reference to itself is followed as deep as the arguments go', async () => {
  const json = {
    anyOf: [
      { type: 'string' },
      { type: 'array', items: { $ref: '#/$defs/json' } },
      { type: 'object', additionalProperties: { $ref: '#/$defs/json' } },
    ],
  };
  const schema = object({ a: { $ref: '#/$defs/json' } }, { $defs: { json } });
  expect(await wrong(schema, { a: [['x'], { b: ['y'] }] })).toEqual([]);
  expect(await wrong(schema, { a: [['x'], { b: [1] }] })).toEqual(['/a', '/a/1', '/a/1/b']);
});

describe('not compiled:', () => {
  const nested = (levels: number): object => (levels === 0 ? { type: 'number' } : object({ a: nested(levels - 1) }));
  const many = (count: number, make: (index: number) => unknown) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`p${index}`, make(index)]));
  const nothing: readonly [string, unknown][] = [
    ['true', true],
    ['null', null],
    ['a list', []],
    ['nothing', undefined],
    ['a type that is none', object({ a: { type: 'text' } })],
    ['required that is no list', { type: 'object', required: 'a' }],
    ['properties that are a list', { type: 'object', properties: [] }],
    ['properties that are null', { type: 'object', properties: null }],
    ['properties that are a text', { type: 'object', properties: 'a' }],
    ['a list of schemas where one is wanted', { type: 'object', not: [] }],
    ['a subschema that is a text', object({ a: 'string' })],
    ['allOf that is no list', { allOf: {} }],
    ['a remote reference', object({ a: { $ref: 'https://example.org/x.json' } })],
    ['a reference to another file', object({ a: { $ref: 'x.json#/a' } })],
    ['a reference to an anchor', object({ a: { $ref: '#a' } }, { $defs: { x: { $anchor: 'a' } } })],
    ['a reference to nothing', object({ a: { $ref: '#/$defs/x' } })],
    ['a reference to what is no schema', object({ a: { $ref: '#/required/0' } }, { required: ['a'] })],
    ['a broken reference', object({ a: { $ref: '#/%' } })],
    ['a dynamic reference', object({ a: { $dynamicRef: '#a' } })],
    ['another base', object({ a: { $id: 'https://example.org/', $ref: '#' } })],
    ['a vocabulary', object({}, { $vocabulary: {} })],
    ['our own keyword', object({ a: { toolgateSteps: -1e9 } })],
    ['a pattern with look-ahead', object({ a: { pattern: '(?=a)' } })],
    ['a pattern with a back reference', object({ a: { pattern: '(a)\\1' } })],
    ['a pattern that repeats too much', object({ a: { pattern: '(a{50}){50}' } })],
    ['a pattern for names that is none', object({}, { patternProperties: { '(': {} } })],
    ['a member named __proto__', JSON.parse('{"properties":{"__proto__":{}}}')],
    ['65 levels', nested(32)],
    ['over 200 subschemas', object(many(200, () => ({})))],
    ['over 200 subschemas that are true', object(many(200, () => true))],
    [
      'over 330 keywords',
      object(many(20, () => Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`x${index}`, 1])))),
    ],
    ['names that depend on over 100 others', object({}, { dependentRequired: many(100, () => ['a']) })],
    [
      'lists of over 1000 names in all',
      object(many(10, () => ({ required: Array.from({ length: 100 }, (_, index) => `n${index}`) }))),
    ],
    ['over 5000 values in enums', object({ a: { enum: Array.from({ length: 5001 }, (_, index) => index) } })],
    ['over 100 alternatives', { anyOf: Array.from({ length: 101 }, () => ({})) }],
    ['over 256 KiB', object({ a: { description: 'x'.repeat(256 * 1024) } })],
  ];

  test.each(nothing)('%s', async (_name, schema) => {
    expect(await compileInputSchema(schema)).toBeUndefined();
  });

  test('what is just inside the bounds is', async () => {
    const inside = [
      nested(31),
      object(many(190, () => ({}))),
      object({ a: { enum: Array.from({ length: 5000 }, (_, index) => index) } }),
      { anyOf: Array.from({ length: 100 }, () => ({})) },
      object(
        { a: { enum: Array.from({ length: 3000 }, (_, index) => index) } },
        { required: Array.from({ length: 3000 }, (_, index) => `p${index}`) },
      ),
    ];
    for (const schema of inside) expect(await compileInputSchema(schema)).toBeDefined();
    expect(
      await compileInputSchema({
        $id: 'https://example.org/tool',
        ...object({ a: { $ref: '#/properties/b' }, b: {} }),
      }),
    ).toBeDefined();
  });
});

describe('hostile schemas take bounded time and count as wrong:', () => {
  const hostile: readonly [string, object, unknown][] = [
    [
      'a reference that doubles',
      object(
        { a: { $ref: '#/$defs/n' } },
        { $defs: { n: { allOf: [1, 2].map(() => ({ properties: { a: { $ref: '#/$defs/n' } } })) } } },
      ),
      JSON.parse(`${'{"a":'.repeat(60)}1${'}'.repeat(60)}`),
    ],
    [
      'a reference to itself',
      object({ a: { $ref: '#/$defs/n' } }, { $defs: { n: { anyOf: [{ $ref: '#/$defs/n' }, { $ref: '#/$defs/n' }] } } }),
      { a: 1 },
    ],
    [
      'many rules for many elements',
      object({ a: { items: { allOf: Array.from({ length: 90 }, () => ({ minimum: 0 })) } } }),
      { a: Array.from({ length: 30_000 }, () => 1) },
    ],
    [
      'a pattern with 32,768 states',
      object({ a: { pattern: '[ab]*a[ab]{15}$' } }),
      {
        a: Array.from({ length: 60_000 }, (_, index) => ((index * index) % 7 < 3 ? 'a' : 'b'))
          .map((one, index) => (index % 11 === 3 ? 'a' : one))
          .join(''),
      },
    ],
    [
      'unique among large elements',
      object({ a: { uniqueItems: true } }),
      { a: Array.from({ length: 300 }, (_, index) => `${index}${'x'.repeat(2000)}`) },
    ],
  ];

  test.each(hostile)('%s', async (_name, schema, args) => {
    const compiled = await compileInputSchema(schema);
    expect(compiled?.validate(args)).toBeDefined();
    expect(costInParses(() => compiled?.validate(args))).toBeLessThan(40);
    expect(compiled?.validate({})).toEqual([]);
  });

  test.each(hostile.filter(([name]) => !name.startsWith('a pattern')))('%s is wrong', async (_name, schema, args) => {
    expect((await compileInputSchema(schema))?.validate(args)).toEqual(['']);
  });
});
