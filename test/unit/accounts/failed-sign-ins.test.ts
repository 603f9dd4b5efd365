import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FailedSignInCounts } from '../../../src/control-plane/accounts/failed-sign-ins.js';

const failed = (userId: string, address = '198.51.100.7', organizationId = 'org_1') => ({
  organizationId,
  userId,
  email: `${userId}@example.com`,
  address,
});

test('the first failure at an account is told at once, and all others of the window together', () => {
  const counts = new FailedSignInCounts();
  expect(counts.add(failed('ana'), 1000)).toMatchObject({ userId: 'ana', count: 1, addresses: ['198.51.100.7'] });
  for (let ms = 2000; ms < 12_000; ms += 1000)
    expect(counts.add(failed('ana', `10.0.0.${ms / 1000}`), ms)).toBeUndefined();
  const [one, ...others] = counts.take();
  expect(others).toEqual([]);
  expect(one?.failed).toMatchObject({
    userId: 'ana',
    count: 10,
    addressCount: 11,
    from: '1970-01-01T00:00:02.000Z',
    to: '1970-01-01T00:00:11.000Z',
  });
  expect(one?.failed.addresses).toHaveLength(10);
  expect(counts.take()).toEqual([]);
});

test('whatever accounts are tried, an organization gets at most 41 events a window, and all failures count', () => {
  const attempts = fc.array(fc.nat({ max: 60 }), { minLength: 1, maxLength: 400 });
  fc.assert(
    fc.property(attempts, (users) => {
      const counts = new FailedSignInCounts();
      const first = users.flatMap((user, ms) => counts.add(failed(`user-${user}`), ms) ?? []);
      const last = counts.take().map((one) => one.failed);
      expect(first.length + last.length).toBeLessThanOrEqual(41);
      expect([...first, ...last].reduce((sum, { count }) => sum + count, 0)).toBe(users.length);
    }),
  );
});
