import { describe, expect } from 'vitest';
import { productTest } from '../../support/product-test.js';
import { startTestToolgate } from '../../support/toolgate.js';
import { call, newEmail, PASSWORD, signUp } from './client.js';

const { test, toolgate } = productTest();

describe('signing in', () => {
  test(
    'refuses strangers after thirty failures from all addresses together, and lets the owner in from ' +
      'where they signed in before',
    async () => {
      const own = await startTestToolgate({ TRUSTED_PROXIES: '127.0.0.1' });
      try {
        const from = (address: string, email: string, password: string) =>
          call(own.url, 'POST /v1/login', { body: { email, password }, headers: { 'x-forwarded-for': address } });
        const { user } = await signUp(own.url);
        const nobody = newEmail();
        for (const email of [user.email, nobody]) {
          for (let i = 0; i < 30; i += 1) expect((await from(`203.0.113.${i}`, email, `guess ${i}`)).status).toBe(401);
          const { status, headers } = await from('198.51.100.1', email, PASSWORD);
          expect(status).toBe(429);
          expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
        }
        expect((await from('127.0.0.1', user.email, PASSWORD)).status).toBe(200);
        expect((await from('127.0.0.1', user.email, 'a typo')).status).toBe(401);
        expect((await from('127.0.0.1', user.email, PASSWORD)).status).toBe(200);
      } finally {
        await own.close();
      }
    },
  );

  test('limits one network address with ever new e-mail addresses', async () => {
    const own = await startTestToolgate();
    try {
      const guess = () => call(own.url, 'POST /v1/login', { body: { email: newEmail(), password: PASSWORD } });
      for (let round = 0; round < 5; round += 1) await Promise.all(Array.from({ length: 20 }, guess));
      const { status, headers } = await guess();
      expect(status).toBe(429);
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    } finally {
      await own.close();
    }
  });
});

describe('a flood of passwords to hash', () => {
  test('is taken up to a bounded line; the rest is told when to come back', async () => {
    const body = () => ({ email: newEmail(), password: PASSWORD, organizationName: 'Flood' });
    const answers = await Promise.all(
      Array.from({ length: 90 }, () => call(toolgate.url, 'POST /v1/signup', { body: body() })),
    );
    const refused = answers.filter((answer) => answer.status === 429);
    expect([...new Set(answers.map(({ status }) => status))].toSorted()).toEqual([201, 429]);
    for (const answer of refused) expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
  });
});
