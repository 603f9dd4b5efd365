import { describe, expect, test } from 'vitest';
import { mirroredHeaders, paramHeadersOf } from '../../../src/mcp/protocol/param-headers.js';

const marked = (name: unknown, type: unknown = 'string') => ({ type, 'x-mcp-header': name });
const object = (properties: object, more: object = {}) => ({ type: 'object', properties, ...more });

describe('the marks of an input schema', () => {
  test('the marks of an input schema are found wherever a chain of properties leads', () => {
    const schema = object(
      {
        region: marked('Region'),
        deep: object({ count: marked('X-Count', 'integer'), on: marked('on', 'boolean') }),
        'x-mcp-header': { type: 'string' },
      },
      { required: ['region'] },
    );
    expect(paramHeadersOf(schema)).toEqual([
      { header: 'mcp-param-region', path: ['region'] },
      { header: 'mcp-param-x-count', path: ['deep', 'count'] },
      { header: 'mcp-param-on', path: ['deep', 'on'] },
    ]);
    expect(paramHeadersOf(undefined)).toEqual([]);
  });

  test.each([
    ['no text', object({ a: marked(7) })],
    ['empty', object({ a: marked('') })],
    ['no token', object({ a: marked('A B') })],
    ['a line end', object({ a: marked('A\r\nB') })],
    ['twice, in another case', object({ a: marked('A'), b: marked('a') })],
    ['on an object', object({ a: marked('A', 'object') })],
    ['on a list of types', object({ a: marked('A', ['string', 'null']) })],
    ['without a type', object({ a: { 'x-mcp-header': 'A' } })],
    ['at the root', { ...object({}), 'x-mcp-header': 'A' }],
    ['in items', object({ a: { type: 'array', items: marked('A') } })],
    ['in a choice', object({ a: { anyOf: [{ type: 'null' }, marked('A')] } })],
    ['in properties of a choice', { anyOf: [object({ a: marked('A') })] }],
    ['in a definition', { ...object({}), $defs: { a: marked('A') } }],
    ['in additionalProperties', { ...object({}), additionalProperties: marked('A') }],
    ['in a condition', { ...object({}), if: object({ a: marked('A') }) }],
  ])('the marks of an input schema make the tool invalid where one is %s', (_what, schema) => {
    expect(paramHeadersOf(schema)).toBeUndefined();
  });

  test('the marks of an input schema are no marks in data', () => {
    expect(
      paramHeadersOf(object({ a: { type: 'string', default: { 'x-mcp-header': '' }, enum: [{ 'x-mcp-header': 1 }] } })),
    ).toEqual([]);
  });

  test('the marks of an input schema become headers of the values that are there', () => {
    const params = ['s', 'i', 'f', 'b', 'n', 'none', 'o'].map((name) => ({
      header: `mcp-param-${name}`,
      path: ['in', name],
    }));
    expect(mirroredHeaders(params, { in: { s: ' padded ', i: -7, f: 1.5, b: false, n: null, o: {} } })).toEqual({
      'mcp-param-s': '=?base64?IHBhZGRlZCA=?=',
      'mcp-param-i': '-7',
      'mcp-param-f': '1.5',
      'mcp-param-b': 'false',
    });
    expect(
      mirroredHeaders([{ header: 'mcp-param-p', path: ['__proto__', 'x'] }], JSON.parse('{"__proto__":{"x":"own"}}')),
    ).toEqual({ 'mcp-param-p': 'own' });
    expect(mirroredHeaders([{ header: 'mcp-param-p', path: ['constructor', 'name'] }], {})).toEqual({});
  });
});
