import { describe, expect } from 'vitest';
import { newToken } from '../../../src/platform/crypto/tokens.js';
import { newId } from '../../../src/platform/crypto/ids.js';
import { productTest } from '../../support/product-test.js';
import { startTestToolgate } from '../../support/toolgate.js';
import { call, join, newEmail, PASSWORD, signUp, type Answer } from './client.js';

const { test, toolgate } = productTest();

const logIn = (email: string, password = PASSWORD, more: object = {}): Promise<Answer> =>
  call(toolgate.url, 'POST /v1/login', { body: { email, password, ...more } });
const me = (headers: Readonly<Record<string, string>>): Promise<Answer> =>
  call(toolgate.url, 'GET /v1/me', { headers });

describe('login', () => {
  test('answers organization, user and a new token, and sets the cookie', async () => {
    const person = await signUp(toolgate.url);
    const { status, headers, body } = await logIn(person.user.email.toUpperCase());
    expect(status).toBe(200);
    expect(body).toEqual({
      organization: person.organization,
      user: person.user,
      token: expect.stringMatching(/^tg_session_/),
    });
    expect(body.token).not.toBe(person.token);
    expect(headers.get('set-cookie')).toContain(`toolgate_session=${body.token}`);
  });

  test('gives one answer for an unknown e-mail address and a wrong password', async () => {
    const { user } = await signUp(toolgate.url);
    const wrong = await logIn(user.email, 'not this one');
    const unknown = await logIn(newEmail(), 'not this one');
    expect([wrong.status, wrong.body.code]).toEqual([401, 'unauthorized']);
    expect(unknown.body).toEqual(wrong.body);
    expect(wrong.headers.get('www-authenticate')).toBe('Bearer realm="toolgate"');
    expect(wrong.headers.get('set-cookie')).toBeNull();
  });

  test('takes e-mail and password from the body only', async () => {
    const { user } = await signUp(toolgate.url);
    const query = new URLSearchParams({ email: user.email, password: PASSWORD });
    expect((await call(toolgate.url, `POST /v1/login?${query}`, { body: {} })).status).toBe(400);
  });

  test('signs in to the organization joined first, or to the one asked for, and to no other', async () => {
    const [one, two, stranger] = [await signUp(toolgate.url), await signUp(toolgate.url), await signUp(toolgate.url)];
    await join(toolgate.url, two, 'viewer', one.user.email);
    expect((await logIn(one.user.email)).body.organization).toEqual(one.organization);
    const other = await logIn(one.user.email, PASSWORD, { organizationId: two.organization.id });
    expect(other.body.organization).toEqual(two.organization);
    expect((await call(toolgate.url, 'GET /v1/me', { token: other.body.token })).body.role).toBe('viewer');
    expect((await logIn(one.user.email, PASSWORD, { organizationId: stranger.organization.id })).status).toBe(401);
  });

  test(
    'after ten failures of one e-mail address refuses also the right password, says when to come ' +
      'back, and lets others in',
    async () => {
      const [attacked, other] = [await signUp(toolgate.url), await signUp(toolgate.url)];
      for (let i = 0; i < 10; i += 1) expect((await logIn(attacked.user.email, `guess number ${i}`)).status).toBe(401);
      const { status, headers, body } = await logIn(attacked.user.email);
      expect([status, body.code]).toEqual([429, 'too_many_requests']);
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
      expect(Number(headers.get('retry-after'))).toBeLessThanOrEqual(900);
      expect((await logIn(attacked.user.email.toUpperCase())).status).toBe(429);
      expect((await logIn(other.user.email)).status).toBe(200);
      expect((await call(toolgate.url, 'GET /v1/me', { token: attacked.token })).status).toBe(200);
    },
  );

  test('guesses sent all at once get no further than those sent one by one', async () => {
    const { user } = await signUp(toolgate.url);
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => logIn(user.email, `guess number ${i}`)));
    expect(answers.filter((answer) => answer.status === 401).length).toBeLessThanOrEqual(11);
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([401, 429]));
  });

  test('forgets the failures of who then signs in', async () => {
    const { user } = await signUp(toolgate.url);
    for (let round = 0; round < 2; round += 1) {
      for (let i = 0; i < 9; i += 1) await logIn(user.email, `guess number ${i}`);
      expect((await logIn(user.email)).status).toBe(200);
    }
  });
});

describe('a session', () => {
  test('ends with logout, at once and alone, and the cookie is cleared', async () => {
    const { token, user } = await signUp(toolgate.url);
    const { token: other } = (await logIn(user.email)).body;
    const { status, headers, body } = await call(toolgate.url, 'POST /v1/logout', { token });
    expect([status, body]).toEqual([204, undefined]);
    expect(headers.get('set-cookie')).toMatch(/^toolgate_session=; Path=\/; Expires=Thu, 01 Jan 1970/);
    expect((await call(toolgate.url, 'GET /v1/me', { token })).status).toBe(401);
    expect((await call(toolgate.url, 'GET /v1/me', { token: other })).status).toBe(200);
  });

  test('ends after 30 days', async () => {
    const { token, user } = await signUp(toolgate.url);
    const { rows } = await toolgate.db.worker.query(
      "select expires_at - created_at = interval '30 days' as month from sessions where user_id = $1",
      [user.id],
    );
    expect(rows).toEqual([{ month: true }]);
    await toolgate.db.worker.query('update sessions set expires_at = now() where user_id = $1', [user.id]);
    expect((await call(toolgate.url, 'GET /v1/me', { token })).status).toBe(401);
  });

  test('by cookie counts only with the Origin of the public URL', async () => {
    const { token } = await signUp(toolgate.url);
    const cookie = `theme=dark; toolgate_session=${token}`;
    expect((await me({ cookie, origin: toolgate.url })).status).toBe(200);
    for (const origin of [
      'http://evil.example',
      'null',
      `${toolgate.url}.evil.example`,
      toolgate.url.replace('http:', 'https:'),
    ]) {
      expect([origin, (await me({ cookie, origin })).status]).toEqual([origin, 401]);
    }
    expect((await me({ cookie })).status).toBe(401);
  });

  test('by cookie without an Origin counts for reading only, and only when the page says that it is ours', async () => {
    const { token } = await signUp(toolgate.url);
    const cookie = `toolgate_session=${token}`;
    const says: readonly Readonly<Record<string, string>>[] = [
      { 'sec-fetch-site': 'same-origin' },
      { 'x-toolgate-console': '1' },
    ];
    for (const header of says) {
      expect((await me({ cookie, ...header })).status).toBe(200);
      expect((await me({ cookie, ...header, origin: 'http://evil.example' })).status).toBe(401);
      expect((await call(toolgate.url, 'POST /v1/logout', { headers: { cookie, ...header } })).status).toBe(401);
    }
    for (const value of ['same-site', 'cross-site', 'none', ''])
      expect((await me({ cookie, 'sec-fetch-site': value })).status).toBe(401);
    for (const value of ['0', '', 'true']) expect((await me({ cookie, 'x-toolgate-console': value })).status).toBe(401);
  });

  test('by cookie can be ended', async () => {
    const { token } = await signUp(toolgate.url);
    const headers = { cookie: `toolgate_session=${token}`, origin: toolgate.url };
    expect((await call(toolgate.url, 'POST /v1/logout', { headers })).status).toBe(204);
    expect((await me(headers)).status).toBe(401);
  });

  test('an Authorization header wins over the cookie, also a wrong one', async () => {
    const [one, two] = [await signUp(toolgate.url), await signUp(toolgate.url)];
    const cookie = { cookie: `toolgate_session=${one.token}`, origin: toolgate.url };
    expect((await me({ ...cookie, authorization: `Bearer ${two.token}` })).body.user).toEqual(two.user);
    expect((await me({ ...cookie, authorization: 'Bearer wrong' })).status).toBe(401);
    expect((await me({ ...cookie, authorization: '' })).status).toBe(401);
  });

  test('is not taken from the query, from the body or under another scheme', async () => {
    const { token } = await signUp(toolgate.url);
    expect((await call(toolgate.url, `GET /v1/me?access_token=${token}`)).status).toBe(401);
    expect((await call(toolgate.url, 'POST /v1/logout', { body: { access_token: token } })).status).toBe(401);
    expect((await me({ authorization: `Basic ${token}` })).status).toBe(401);
    expect((await me({ authorization: `bearer ${token}` })).status).toBe(200);
  });

  test('of a known id with another secret, or of no known id, is refused', async () => {
    const { token, user } = await signUp(toolgate.url);
    const { rows } = await toolgate.db.worker.query<{ id: string }>('select id from sessions where user_id = $1', [
      user.id,
    ]);
    for (const wrong of [
      newToken('session', rows[0]!.id),
      newToken('session', newId('ses')),
      newToken('key', rows[0]!.id),
      `${token.slice(0, -1)}${token.endsWith('0') ? '1' : '0'}`,
    ]) {
      expect((await call(toolgate.url, 'GET /v1/me', { token: wrong })).status).toBe(401);
    }
  });
});

describe('on an installation behind TLS', () => {
  test('the cookie is Secure and counts with that origin', async () => {
    const secure = await startTestToolgate({ PUBLIC_URL: 'https://toolgate.example' });
    const inside = `http://127.0.0.1:${secure.toolgate.port}`;
    try {
      const { headers, body } = await call(inside, 'POST /v1/signup', {
        body: { email: newEmail(), password: PASSWORD, organizationName: 'TLS' },
      });
      expect(headers.get('set-cookie')).toMatch(/; Secure/);
      const cookie = `toolgate_session=${body.token}`;
      expect(
        (await call(inside, 'GET /v1/me', { headers: { cookie, origin: 'https://toolgate.example' } })).status,
      ).toBe(200);
      expect((await call(inside, 'GET /v1/me', { headers: { cookie, origin: inside } })).status).toBe(401);
    } finally {
      await secure.close();
    }
  });
});
