import { expect, test } from 'vitest';
import { definitionHash } from '../../../src/mcp/upstream/tool-definition.js';

const hashOf = (text: string): string => definitionHash(JSON.parse(text) as Record<string, unknown>, text);
const withMaximum = (maximum: string): string =>
  hashOf(`{"name":"a","inputSchema":{"type":"object","properties":{"n":{"maximum":${maximum}}}}}`);

test('an ordinary definition has the hash that it always had, however it is written', () => {
  const HASH = '03c7fea73ba53d5e9b6959dc6c7c399e222a3e369a02582adc9e1c4233c0d0c5';
  for (const text of [
    '{"name":"search","description":"Find 1234567890123456789 ' +
      'things","inputSchema":{"type":"object","properties":{"n":{"maximum":100,"default":1.5}}}}',
    '{ "inputSchema":{"properties":{"n":{"default":1.50,"maximum":1e2}},"type":"object"}, ' +
      '"description":"Find 1234567890123456789 things",\n"name":"se\\u0061rch", "_meta":{"id":9007199254740993} }',
  ])
    expect(hashOf(text)).toBe(HASH);
});

test('numbers that a double rounds to one give different hashes', () => {
  const numbers = ['9007199254740993', '9007199254740992', '1e400', '1e401', '0.30000000000000004', '0.3'];
  expect(new Set(numbers.map(withMaximum)).size).toBe(numbers.length);
});

test('a text that can be read in two ways has a hash of its own where it holds such a number', () => {
  const twice = (first: string): string =>
    hashOf(`{"name":"a","inputSchema":{"maximum":${first},"maximum":9007199254740993}}`);
  expect(twice('1')).not.toBe(twice('2'));
});
