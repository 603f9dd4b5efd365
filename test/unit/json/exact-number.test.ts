import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalJson } from '../../../src/platform/json/canonical-json.js';
import { exactNumber, isExactNumber, toJsonText } from '../../../src/platform/json/exact-number.js';
import { isObject } from '../../../src/platform/json/json-object.js';
import { readStrictJson } from '../../../src/platform/json/strict-json.js';
import { costInParses } from '../../support/cpu.js';

const read = (text: string): unknown => {
  const json = readStrictJson(Buffer.from(text), 'as_written');
  return json.ok ? json.value : json.reason;
};

const NUMBERS = ['9007199254740993', '-9007199254740993', '1e400', '3.14159265358979323846', '1E-400', '1.5e+999'];

test.each(NUMBERS)('The strict reader keeps %s, which no double holds, as it was written', (number) => {
  const value = read(`{"a":[${number},1],"b":{"c":${number}},"d":"${number}"}`);
  expect(toJsonText(value)).toBe(`{"a":[${number},1],"b":{"c":${number}},"d":"${number}"}`);
  expect(canonicalJson(value)).toBe(`{"a":[${number},1],"b":{"c":${number}},"d":"${number}"}`);
  expect(read(number)).toSatisfy(isExactNumber);
});

test('No check of a type takes an exact number for another kind of value, and JSON.stringify throws on one', () => {
  const number = exactNumber('9007199254740993');
  expect(typeof number).not.toBe('number');
  expect([isObject(number), Array.isArray(number)]).toEqual([false, false]);
  expect(() => JSON.stringify({ number })).toThrow(/toJsonText/);
  expect(canonicalJson({ id: number })).not.toBe(canonicalJson({ id: '9007199254740993' }));
});

test('The strict reader refuses a number that no double holds over 400 characters, and nothing shorter', () => {
  expect(read(`{"a":${'9'.repeat(400)}}`)).toBeTypeOf('object');
  expect(read(`{"a":${'9'.repeat(401)}}`)).toMatch(/over 400 characters/);
  expect(read(`{"a":0.${'0'.repeat(500)}}`)).toEqual({ a: 0 });
});

test('The strict reader keeps 100,000 numbers that no double holds, and refuses a text with more', () => {
  const list = (length: number): string => `[${Array.from({ length }, () => '1e400').join()}]`;
  expect(toJsonText(read(list(100_000)))).toBe(list(100_000));
  expect(read(list(100_001))).toMatch(/over 100000 numbers/);
});

test.each(['1e400', '9007199254740993'])(
  'A mebibyte of the number %s costs the strict reader less than fifty parses of a mebibyte',
  (number) => {
    const body = Buffer.from(`[${`${number},`.repeat(2 ** 20 / (number.length + 1) - 1)}0]`);
    expect(costInParses(() => readStrictJson(body, 'as_written'))).toBeLessThan(50);
  },
);

test.each(['01234567890123456789', '1.2.3e45678', '1-2e4000', '-', '1e', '.5e1000', '+1e400'])(
  'The strict reader takes no part of %s for a number',
  (text) => expect(read(`{"a":${text}}`)).toBe('not JSON'),
);

test('Text with exact numbers that was read and written again is the same text', () => {
  const numbers = fc.constantFrom(...NUMBERS.map(exactNumber));
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof({ maxDepth: 4 }, numbers, fc.string(), fc.integer(), tie('list'), tie('object')),
    list: fc.array(tie('tree')),
    object: fc.dictionary(
      fc.string({ minLength: 1 }).filter((key) => key !== '__proto__' && key !== 'constructor'),
      tie('tree'),
    ),
  }));
  fc.assert(
    fc.property(tree, (value) => {
      const text = toJsonText(value);
      expect(toJsonText(read(text))).toBe(text);
    }),
  );
});
