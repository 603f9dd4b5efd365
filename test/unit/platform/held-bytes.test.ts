import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ChunkList } from '../../../src/platform/runtime/chunk-list.js';
import { HeldBytes } from '../../../src/platform/fair-shares/held-bytes.js';
import { Quota } from '../../../src/platform/fair-shares/quota.js';

test('no grant and no organization holds more than its limit, and what is released is free again', () => {
  const step = fc.record({ holder: fc.nat(5), bytes: fc.integer({ min: 0, max: 120 }), releases: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const limit = (bytes: number) => ({ count: 100, bytes });
      const quota = new Quota({ total: limit(10_000), organization: limit(150), grant: limit(100) });
      const holderOf = (grantId: string) => new HeldBytes(quota, { organizationId: 'org', grantId });
      const holders = Array.from({ length: 6 }, (_, index) => ({
        owner: `grant ${index % 3}`,
        held: holderOf(`grant ${index % 3}`),
        bytes: 0,
        released: false,
      }));
      const sum = (of: typeof holders): number => of.reduce((all, { bytes }) => all + bytes, 0);
      for (const { holder, bytes, releases } of steps) {
        const one = holders[holder] as (typeof holders)[number];
        if (releases) {
          one.held.release();
          [one.bytes, one.released] = [0, true];
        } else {
          const others = holders.filter((other) => other !== one);
          const fits =
            bytes <= one.bytes ||
            (sum(others) + bytes <= 150 && sum(others.filter(({ owner }) => owner === one.owner)) + bytes <= 100);
          expect(one.held.hold(bytes)).toBe(fits && !one.released);
          if (fits && !one.released) one.bytes = bytes;
        }
        expect(quota.bytes).toBe(sum(holders));
      }
      for (const { held } of holders) held.release();
      expect(quota.bytes).toBe(0);
    }),
  );
});

test('a list of chunks gives back the bytes that it was given, however they were cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 600 }), { maxLength: 30 }),
      fc.nat(2000),
      fc.nat(8),
      (chunks, singles, count) => {
        const list = new ChunkList();
        const given = [
          ...chunks.map((chunk) => Buffer.from(chunk)),
          ...Array.from({ length: singles }, (_, index) => Buffer.of(index % 256)),
        ];
        for (const chunk of given) list.push(chunk);
        const all = Buffer.concat(given);
        expect(list.length).toBe(all.length);
        const nonEmpty = given.every((chunk) => chunk.length > 0);
        if (nonEmpty && count > 0) expect(list.tail(count).equals(all.subarray(-count))).toBe(true);
        expect(list.take().equals(all)).toBe(true);
        expect(list.length).toBe(0);
      },
    ),
  );
});

test('a million chunks of one byte are kept in few pieces', () => {
  const list = new ChunkList();
  const byte = Buffer.of(1);
  for (let at = 0; at < 1_000_000; at += 1) list.push(byte.subarray());
  expect(list.chunks).toBeLessThan(1_000_000 / 200);
});
