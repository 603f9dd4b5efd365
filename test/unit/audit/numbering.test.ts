import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  missingSince,
  noteNumber,
  withoutRange,
  type Missing,
  type Numbering,
} from '../../../src/record/audit/numbering.js';

const BOOT = 'boot_1';
const members = (missing: readonly Missing[] = []): readonly number[] =>
  missing
    .flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, index) => from + index))
    .sort((a, b) => a - b);

test(
  'whatever the order, and however often numbers come or are named as given up, what is missing is ' +
    'what neither came nor was given up',
  () => {
    const history = fc.record({
      last: fc.integer({ min: 1, max: 60 }),
      lost: fc.array(fc.integer({ min: 1, max: 60 })),
      abandoned: fc.array(fc.integer({ min: 1, max: 60 })),
      seed: fc.infiniteStream(fc.nat(1000)),
      again: fc.array(fc.integer({ min: 1, max: 60 })),
    });
    fc.assert(
      fc.property(history, ({ last, lost, abandoned, seed, again }) => {
        const all = Array.from({ length: last }, (_, index) => index + 1);
        const came = all.filter((n) => n === last || (!lost.includes(n) && !abandoned.includes(n)));
        const order = new Map(came.map((n) => [n, seed.next().value as number]));
        const delivered = [
          ...came.sort((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0)),
          ...again.filter((n) => came.includes(n)),
        ];
        const numbering: Numbering = {};
        for (const sequence of delivered) noteNumber(numbering, { bootId: BOOT, sequence, abandoned: [] }, 5);
        noteNumber(numbering, { bootId: BOOT, sequence: last + 1, abandoned: abandoned.filter((n) => n <= last) }, 6);
        expect(numbering[BOOT]?.next).toBe(last + 2);
        expect(members(numbering[BOOT]?.missing)).toEqual(
          all.filter((n) => n !== last && lost.includes(n) && !abandoned.includes(n)),
        );
      }),
    );
  },
);

test('numbers are taken out of the middle, the ends and the whole of a hole', () => {
  expect(withoutRange([[3, 9, 1]], 5, 6)).toEqual([
    [3, 4, 1],
    [7, 9, 1],
  ]);
  expect(
    withoutRange(
      [
        [3, 9, 1],
        [12, 12, 2],
      ],
      1,
      3,
    ),
  ).toEqual([
    [4, 9, 1],
    [12, 12, 2],
  ]);
  expect(
    withoutRange(
      [
        [3, 9, 1],
        [12, 12, 2],
      ],
      9,
      20,
    ),
  ).toEqual([[3, 8, 1]]);
  expect(withoutRange([[3, 9, 1]], 10, 11)).toEqual([[3, 9, 1]]);
});

test('boots are numbered apart, and the oldest hole of any of them is the one that counts', () => {
  const numbering: Numbering = {};
  noteNumber(numbering, { bootId: 'boot_1', sequence: 3, abandoned: [] }, 2000);
  noteNumber(numbering, { bootId: 'boot_2', sequence: 2, abandoned: [] }, 1000);
  expect(missingSince(numbering)).toEqual(new Date(1000));
  noteNumber(numbering, { bootId: 'boot_2', sequence: 1, abandoned: [] }, 3000);
  expect(missingSince(numbering)).toEqual(new Date(2000));
  noteNumber(numbering, { bootId: 'boot_1', sequence: 4, abandoned: [1, 2] }, 3000);
  expect(missingSince(numbering)).toBeNull();
});

test('more holes than can be kept are reported as too much, never as too little', () => {
  const numbering: Numbering = {};
  for (let n = 1; n <= 11_000; n += 1) noteNumber(numbering, { bootId: BOOT, sequence: 2 * n, abandoned: [] }, n);
  const missing = numbering[BOOT]?.missing ?? [];
  expect(missing).toHaveLength(10_000);
  const found = new Set(members(missing));
  expect(Array.from({ length: 11_000 }, (_, index) => 2 * index + 1).filter((n) => !found.has(n))).toEqual([]);
});
