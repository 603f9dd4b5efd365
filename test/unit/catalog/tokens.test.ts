import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cpuMs } from '../../support/cpu.js';
import { TokenCounter } from '../../../src/control-plane/catalog/tokens/count-tokens.js';

const count = (text: string): number => new TokenCounter().count(text);

test('The tokens of plain text are those of the vocabulary o200k_base', () => {
  expect(count('')).toBe(0);
  expect(count('hello world')).toBe(2);
  expect(count('<|endoftext|>')).toBeGreaterThan(1);
});

test('Any text has tokens, at most one for each byte', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary', maxLength: 2000 }), fc.string({ maxLength: 2000 })), (text) => {
      const tokens = count(text);
      expect(tokens > 0).toBe(text !== '');
      expect(tokens).toBeLessThanOrEqual(Buffer.byteLength(text));
    }),
    { numRuns: 100 },
  );
});

test('After 150,000 tokens the rest of a text costs next to nothing', () => {
  const words = Array.from({ length: 60_000 }, (_, at) => (at * 7919 * 104_729).toString(36)).join(' ');
  expect(count(words)).toBeGreaterThan(150_000);
  const once = cpuMs(() => count(words));
  expect(cpuMs(() => count(words.repeat(4)))).toBeLessThan(2 * once);
});
