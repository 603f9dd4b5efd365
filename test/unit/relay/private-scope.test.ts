import fc from 'fast-check';
import { expect, test } from 'vitest';
import { forcePrivateScope } from '../../../src/data-plane/relay/private-scope.js';

const passed = (chunks: readonly Buffer[]): string => {
  const out: Buffer[] = [];
  const sink = forcePrivateScope({
    head: () => undefined,
    data: (chunk) => out.push(chunk) > 0,
    end: () => undefined,
    fail: () => undefined,
  });
  sink.head(200, { 'content-length': '1' });
  for (const chunk of chunks) sink.data(chunk);
  sink.end();
  return Buffer.concat(out).toString();
};

test('whatever the chunks, a public scope becomes a private one and nothing else changes', () => {
  const piece = fc.constantFrom(
    '"cacheScope":"public"',
    '"cacheScope" :\n "public"',
    '"cacheScope":"private"',
    '"cacheScope"',
    'public',
    '"text":"\\"cacheScope\\":\\"public\\""',
    '"é☃"',
    ',',
    '"cacheSco',
    'x'.repeat(100),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), fc.array(fc.nat(), { maxLength: 12 }), (pieces, places) => {
      const bytes = Buffer.from(pieces.join(''));
      const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((one, other) => one - other);
      const chunks = [0, ...at].map((from, index) => bytes.subarray(from, at[index] ?? bytes.length));
      expect(passed(chunks)).toBe(bytes.toString().replace(/("cacheScope"\s*:\s*)"public"/g, '$1"private"'));
    }),
    { numRuns: 2000 },
  );
});

test('the length that no longer holds is left out', () => {
  const heads: unknown[] = [];
  forcePrivateScope({
    head: (status, headers) => heads.push([status, headers]),
    data: () => true,
    end: () => undefined,
    fail: () => undefined,
  }).head(200, { 'content-length': '9', 'content-type': 'application/json' });
  expect(heads).toEqual([[200, { 'content-type': 'application/json' }]]);
});
