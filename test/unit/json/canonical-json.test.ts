import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalJson } from '../../../src/platform/json/canonical-json.js';

const shuffled = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(shuffled);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, member]) => [key, shuffled(member)]),
  );
};

test('canonical JSON says the same value, whatever the order of its keys', () =>
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      expect(canonicalJson(shuffled(value))).toBe(canonicalJson(value));
    }),
  ));

test('canonical JSON sorts keys by code units and leaves undefined members out', () =>
  expect(canonicalJson({ b: 1, a: undefined, ﬀ: 0, '😀': 0, B: '"' })).toBe('{"B":"\\"","b":1,"😀":0,"ﬀ":0}'));
