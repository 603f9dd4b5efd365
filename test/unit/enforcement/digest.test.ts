import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { argumentsDigest } from '../../../src/data-plane/enforcement/digest.js';

const key = Buffer.alloc(32, 7);
const hmac = (text: string, with_: Buffer = key): string => createHmac('sha256', with_).update(text).digest('hex');

test(
  'the digest is the HMAC-SHA-256 of the arguments with their keys in order, whatever their length ' + 'and script',
  () => {
    expect(argumentsDigest(key, { b: [1, { d: null, c: 'é' }], a: true })).toBe(
      hmac('{"a":true,"b":[1,{"c":"é","d":null}]}'),
    );
    expect(argumentsDigest(key, {})).toBe(hmac('{}'));
    for (const length of [4095, 4096, 4097, 100_000]) {
      const text = `"${'ü'.repeat(length / 2)}"`;
      expect(argumentsDigest(key, JSON.parse(text))).toBe(hmac(text));
    }
  },
);

test('a digest depends on its own key and arguments alone, not on those before it', () => {
  const other = Buffer.alloc(32, 8);
  argumentsDigest(key, { long: 'x'.repeat(3000) });
  expect(argumentsDigest(other, { a: 1 })).toBe(hmac('{"a":1}', other));
  expect(argumentsDigest(key, { a: 1 })).toBe(hmac('{"a":1}'));
  expect(argumentsDigest(key, undefined)).toBeNull();
});
