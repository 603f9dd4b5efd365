import fc from 'fast-check';
import { expect, test } from 'vitest';
import { costInParses } from '../../support/cpu.js';
import {
  distinctMembersOf,
  drop,
  editObject,
  elementsOf,
  MAX_MEMBERS_APART,
  membersOf,
  set,
  setText,
  editNested,
} from '../../../src/mcp/wire/json-text.js';

const keys = fc.constantFrom('id', 'params', '_meta', 'a"b', 'a\\', '__proto__', '', '\u00e9\u{1F600}');
const objects = fc.dictionary(keys, fc.jsonValue(), { maxKeys: 6 });
const texts = fc
  .tuple(objects, fc.constantFrom(undefined, 1, '\t'))
  .map(([object, indent]) => [object, JSON.stringify(object, undefined, indent)] as const);

test('the members of an object are those that JSON.parse finds', () => {
  fc.assert(
    fc.property(texts, ([object, text]) => {
      expect([...membersOf(text)].map(([key, value]) => [key, JSON.parse(value)])).toEqual(
        Object.entries(JSON.parse(text) as object),
      );
      expect(membersOf(text).size).toBe(Object.keys(object).length);
    }),
  );
});

test('an edit changes what it names and nothing else', () => {
  fc.assert(
    fc.property(texts, fc.jsonValue(), ([, text], value) => {
      const { id: _id, params: _params, ...rest } = JSON.parse(text) as Record<string, unknown>;
      expect(JSON.parse(editObject(text, { id: set(value), params: drop }))).toEqual({
        ...rest,
        id: JSON.parse(JSON.stringify(value)),
      });
      expect(JSON.parse(editObject(text, {}))).toEqual(JSON.parse(text));
    }),
  );
});

test('what is not edited keeps its very text', () => {
  expect(editObject('{ "n" : 9007199254740993, "id":1,"t":"\\u00e9\\/" , "z":1e400}', { id: setText('"x"') })).toBe(
    '{"n" : 9007199254740993,"id":"x","t":"\\u00e9\\/" , "z":1e400}',
  );
  expect(editObject('{}', { params: editNested({ _meta: editNested({ a: set(1) }) }) })).toBe(
    '{"params":{"_meta":{"a":1}}}',
  );
});

test('of two equal keys the last counts, as for JSON.parse', () => {
  expect(membersOf('{"a":1,"a":2}').get('a')).toBe('2');
  expect(JSON.parse(editObject('{"a":1,"\\u0061":2}', { a: setText('3') }))).toEqual({ a: 3 });
});

test('the elements of an array are those that JSON.parse finds', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), fc.constantFrom(undefined, 2), (array, indent) => {
      expect(elementsOf(JSON.stringify(array, undefined, indent)).map((text) => JSON.parse(text) as unknown)).toEqual(
        JSON.parse(JSON.stringify(array)),
      );
    }),
  );
});

test('any other text ends, and gives nothing that is not in it', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        texts.map(([, text]) => text.slice(0, -1)),
        fc.string().map((text) => `{"a":${text}`),
      ),
      (text) => {
        for (const value of membersOf(text).values()) expect(text).toContain(value);
        expect(editObject(text, {}).length).toBeLessThanOrEqual(text.length + 2);
        elementsOf(text);
      },
    ),
  );
});

test('an object or array of very many members is not told apart, and those within its values do not count', () => {
  const object = (count: number): string =>
    `{${Array.from({ length: count }, (_, index) => `"k${index}":0`).join(',')}}`;
  const array = (count: number): string => `[${Array.from({ length: count }, () => '0').join(',')}]`;
  expect(membersOf(object(MAX_MEMBERS_APART)).size).toBe(MAX_MEMBERS_APART);
  expect(distinctMembersOf(object(MAX_MEMBERS_APART))?.size).toBe(MAX_MEMBERS_APART);
  expect(elementsOf(array(MAX_MEMBERS_APART)).length).toBe(MAX_MEMBERS_APART);
  expect(membersOf(object(MAX_MEMBERS_APART + 1)).size).toBe(0);
  expect(distinctMembersOf(object(MAX_MEMBERS_APART + 1))).toBeUndefined();
  expect(elementsOf(array(MAX_MEMBERS_APART + 1))).toEqual([]);
  const within = `{"a":${object(2 * MAX_MEMBERS_APART)},"b":${array(2 * MAX_MEMBERS_APART)}}`;
  expect([...membersOf(within).keys()]).toEqual(['a', 'b']);
});

test('an object of very many members is edited at the cost of a few parses, and keeps the others', () => {
  const members = (count: number): string => Array.from({ length: count }, (_, index) => `"k${index}":0`).join(',');
  const large = `{"id":1,${members(MAX_MEMBERS_APART + 1)},"last":2}`;
  expect(editObject(large, { id: set(3), last: () => undefined, more: set(4) })).toBe(
    `{"id":3,${members(MAX_MEMBERS_APART + 1)},"more":4}`,
  );
  const mebibyte = `{${members(80_000)}}`;
  expect(costInParses(() => editObject(mebibyte, { id: set(1) }))).toBeLessThan(15);
});
