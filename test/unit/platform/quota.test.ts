import { describe, expect, test } from 'vitest';
import { Quota, type QuotaLimits } from '../../../src/platform/fair-shares/quota.js';

const ANY = Number.MAX_SAFE_INTEGER;
const counts = (total: number, organization: number, grant: number): QuotaLimits => ({
  total: { count: total, bytes: ANY },
  organization: { count: organization, bytes: ANY },
  grant: { count: grant, bytes: ANY },
});

/** Takes until it is refused; answers how many places there were, and why there were no more. */
const fill = (
  quota: Quota,
  organization: string,
  grant = (index: number): string => `grant ${organization} ${index}`,
) => {
  for (let taken = 0; ; taken += 1) {
    const exceeded = quota.take(organization, grant(taken));
    if (exceeded !== undefined) return [taken, exceeded];
  }
};

describe('a quota', () => {
  test('a quota refuses a grant past its own limit and goes on serving the other grants of its organization', () => {
    const quota = new Quota(counts(1000, 10, 3));
    expect(fill(quota, 'a', () => 'one')).toEqual([3, 'grant']);
    expect(fill(quota, 'a', () => 'two')).toEqual([3, 'grant']);
    expect(fill(quota, 'a')).toEqual([4, 'organization']);
    expect(fill(quota, 'b', () => 'other')).toEqual([3, 'grant']);
  });

  test('a quota has a place again when one is given back', () => {
    const quota = new Quota(counts(1000, 2, 2));
    expect(fill(quota, 'a', () => 'one')).toEqual([2, 'grant']);
    quota.free('a', 'one');
    expect(fill(quota, 'a', () => 'one')).toEqual([1, 'grant']);
  });

  test(
    'gives one organization that is alone up to half of the process, and refuses whoever has more ' +
      'than a fair share once that half is full',
    () => {
      const quota = new Quota(counts(400, 300, 300));
      expect(fill(quota, 'a')).toEqual([200, 'process']);
      expect(fill(quota, 'b')).toEqual([100, 'process']);
      expect(quota.take('a', 'grant a')).toBe('process');
      for (let index = 0; index < 150; index += 1) quota.free('a', `grant a ${index}`);
      expect(fill(quota, 'a')[0]).toBe(50);
    },
  );

  test('never refuses sixteen things of an organization for what others have, however many they are', () => {
    const quota = new Quota(counts(400, 300, 300));
    for (let index = 0; index < 100; index += 1) fill(quota, `hostile ${index}`);
    expect(fill(quota, 'honest')).toEqual([16, 'process']);
  });

  test('weighs bytes too: those of a grant, of an organization and of all', () => {
    const quota = new Quota({
      total: { count: 100, bytes: 100 },
      organization: { count: 100, bytes: 60 },
      grant: { count: 100, bytes: 40 },
    });
    expect([
      quota.take('a', 'one', 41),
      quota.take('a', 'one', 40),
      quota.take('a', 'two', 21),
      quota.take('a', 'two', 10),
    ]).toEqual(['grant', undefined, 'organization', undefined]);
    expect([quota.take('b', 'three', 26), quota.take('b', 'three', 25)]).toEqual(['process', undefined]);
    expect([quota.grow('b', 'three', 1), quota.grow('a', 'two', 1)]).toEqual(['process', 'process']);
    quota.free('a', 'one', 40);
    expect([quota.grow('b', 'three', 15), quota.exceededBy('b', 'three', 1)]).toEqual([undefined, 'grant']);
  });

  test('forgets owners of whom nothing is held, and keeps the counts of the others', () => {
    const quota = new Quota(counts(1_000_000, 2, 2));
    expect(quota.take('kept', 'kept')).toBeUndefined();
    for (let index = 0; index < 50_000; index += 1) {
      quota.take(`organization ${index}`, `grant ${index}`);
      quota.free(`organization ${index}`, `grant ${index}`);
    }
    expect(fill(quota, 'kept')).toEqual([1, 'organization']);
  });
});
