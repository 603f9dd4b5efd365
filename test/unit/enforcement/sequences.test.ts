import { expect, test } from 'vitest';
import { Sequences } from '../../../src/data-plane/enforcement/sequences.js';

test('every number is either used or named as given up, once, and a record names at most five hundred', () => {
  const sequences = new Sequences();
  const lost = Array.from({ length: 1500 }, () => sequences.next('org'));
  for (const numbered of lost) sequences.abandon('org', numbered);
  const kept = Array.from({ length: 4 }, () => sequences.next('org'));
  expect(kept.map(({ abandoned }) => abandoned?.length ?? 0)).toEqual([500, 500, 500, 0]);
  const all = kept
    .flatMap(({ sequence, abandoned = [] }) => [sequence, ...abandoned])
    .toSorted((one, other) => one - other);
  expect(all).toEqual(Array.from({ length: 1504 }, (_, index) => index + 1));
});

test('what a record named that was given up itself is named again', () => {
  const sequences = new Sequences();
  sequences.abandon('org', sequences.next('org'));
  sequences.abandon('org', sequences.next('org'));
  expect(sequences.next('org')).toEqual({ sequence: 3, abandoned: [1, 2] });
});
