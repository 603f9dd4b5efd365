import { describe, expect, test } from 'vitest';
import { FAILED_LOGINS, LoginLimits, networkOf } from '../../../src/control-plane/accounts/login-limits.js';
import { sessionCookie, sessionCookieOptions } from '../../../src/control-plane/accounts/session-cookie.js';

describe('the network of an address', () => {
  test.each([
    ['198.51.100.7', '198.51.100.7'],
    ['::ffff:198.51.100.7', '198.51.100.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8:1:2::1', '2001:db8:1:2'],
    ['::1', '0:0:0:0'],
    ['', 'unknown'],
    ['not an address', 'unknown'],
  ])('%j counts as %s', (address, network) => expect(networkOf(address)).toBe(network));
});

describe('login limits', () => {
  const attempt = { target: 'ada@example.com', address: '198.51.100.7' };

  test('admit an e-mail until its tries from one address are used up; other addresses and e-mails go on', async () => {
    const limits = new LoginLimits();
    for (let i = 0; i < FAILED_LOGINS.perTarget; i += 1) {
      await limits.admit(attempt);
      await limits.failed(attempt);
    }
    await expect(limits.admit({ ...attempt, target: 'ADA@example.com' })).rejects.toMatchObject({
      code: 'too_many_requests',
      retryAfterSeconds: 900,
    });
    await limits.admit({ ...attempt, address: '198.51.100.8' });
    await limits.admit({ ...attempt, target: 'bob@example.com' });
  });

  test(
    'refuse strangers of an e-mail after their failures from all addresses together, and let in who ' + 'is known',
    async () => {
      const limits = new LoginLimits();
      for (let i = 0; i < FAILED_LOGINS.perTargetOfStrangers; i += 1)
        await limits.failed({ ...attempt, address: `203.0.113.${i}`, known: false });
      await expect(limits.admit({ ...attempt, target: 'ADA@example.com', known: false })).rejects.toMatchObject({
        code: 'too_many_requests',
      });
      await limits.admit({ ...attempt, known: true });
      await limits.admit({ ...attempt, target: 'bob@example.com', known: false });
    },
  );

  test('refuse an address after its failures with any e-mails; one success does not clear them', async () => {
    const limits = new LoginLimits();
    for (let i = 0; i < FAILED_LOGINS.perAddress; i += 1)
      await limits.failed({ ...attempt, target: `${i}@example.com` });
    await limits.succeeded(attempt);
    await expect(limits.admit(attempt)).rejects.toThrow('too_many_requests');
    await limits.admit({ ...attempt, address: '198.51.100.8' });
  });
});

describe('the session cookie', () => {
  test.each([
    ['toolgate_session=abc', 'abc'],
    ['a=b; toolgate_session=abc; c=d', 'abc'],
    ['xtoolgate_session=abc', undefined],
    ['toolgate_session_2=abc', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('of %j is %j', (header, token) => expect(sessionCookie(header)).toBe(token));

  test('is Secure exactly when the public URL is https', () => {
    expect(sessionCookieOptions('https://toolgate.example')).toEqual({
      httpOnly: true,
      sameSite: 'lax',
      path: '/',
      secure: true,
    });
    expect(sessionCookieOptions('http://127.0.0.1:8080').secure).toBe(false);
  });
});
