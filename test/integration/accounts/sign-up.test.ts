import { describe, expect } from 'vitest';
import { productTest } from '../../support/product-test.js';
import { startTestToolgate } from '../../support/toolgate.js';
import { call, newEmail, PASSWORD, signUp } from './client.js';

const { test, toolgate } = productTest();

const request = (email = newEmail(), organizationName = 'Example') => ({ email, password: PASSWORD, organizationName });
const post = (body: unknown, key?: string, url = toolgate.url) =>
  call(url, 'POST /v1/signup', { body, ...(key ? { headers: { 'idempotency-key': key } } : {}) });
const counts = async (db = toolgate.db) =>
  (
    await db.worker.query(
      `select (select count(*) from organizations) as organizations, (select count(*)
        from users) as users, (select count(*) from event_heads) as heads, (select count(*)
        from sessions) as sessions`,
    )
  ).rows[0];

describe('sign-up', () => {
  test(
    'answers the organization, the user and a session token that works at once, and sets the session ' + 'cookie',
    async () => {
      const { status, headers, body } = await post(request('First@Example.com', 'Acme & Söhne'));
      expect(status).toBe(201);
      expect(body).toEqual({
        organization: {
          id: expect.stringMatching(/^org_[0-9a-z]{26}$/),
          name: 'Acme & Söhne',
          disabled: false,
          deletesAt: null,
          createdAt: expect.stringMatching(/^\d{4}-.*Z$/),
        },
        user: { id: expect.stringMatching(/^usr_/), email: 'first@example.com' },
        token: expect.stringMatching(/^tg_session_[0-9a-z]{26}_[0-9A-Za-z]{49}$/),
      });
      const cookie = headers.get('set-cookie') ?? '';
      expect(cookie).toContain(`toolgate_session=${body.token}`);
      expect(cookie).toMatch(/; Path=\/;.*HttpOnly; SameSite=Lax/);
      expect(cookie).not.toContain('Secure');
      const me = await call(toolgate.url, 'GET /v1/me', { token: body.token });
      expect(me.body).toEqual({
        user: body.user,
        organization: { id: body.organization.id, name: 'Acme & Söhne' },
        role: 'admin',
      });
    },
  );

  test('names everything that is wrong at once, and repeats no value', async () => {
    const { status, headers, body } = await post({
      email: 'nobody',
      password: 'short',
      organizationName: '',
      plan: 'free',
    });
    expect(status).toBe(400);
    expect(headers.get('content-type')).toContain('application/problem+json');
    expect(body.code).toBe('invalid_body');
    expect(new Set(body.errors.map((error: { pointer: string }) => error.pointer))).toEqual(
      new Set(['/email', '/password', '/organizationName', '/plan']),
    );
    expect(JSON.stringify(body)).not.toContain('short');
  });

  test.each([
    ['one character under the minimum', 'x'.repeat(7), 400],
    ['the minimum', 'x'.repeat(8), 201],
    ['the maximum', 'x'.repeat(256), 201],
    ['one over the maximum', 'x'.repeat(257), 400],
  ])('a password of %s answers accordingly', async (_name, password, status) => {
    expect((await post({ ...request(), password })).status).toBe(status);
  });

  test('refuses an e-mail address that has an account, however it is capitalised', async () => {
    const { user } = await signUp(toolgate.url);
    const { status, body } = await post(request(user.email.toUpperCase()));
    expect([status, body.code]).toEqual([409, 'conflict']);
  });

  test('of two at once for one e-mail address, one wins and nothing of the other stays', async () => {
    const before = await counts();
    const email = newEmail();
    const answers = await Promise.all([post(request(email, 'One')), post(request(email, 'Two'))]);
    expect(answers.map((answer) => answer.status).sort()).toEqual([201, 409]);
    const after = await counts();
    expect([
      after.organizations - before.organizations,
      after.users - before.users,
      after.heads - before.heads,
    ]).toEqual([1, 1, 1]);
  });

  test('records the organization and its first member as events without a secret', async () => {
    const { organization, user, token } = await signUp(toolgate.url);
    const { rows } = await toolgate.db.worker.query(
      'select position, stream_id, version, type, event from events where organization_id = $1 order by position',
      [organization.id],
    );
    expect(rows.map(({ position, stream_id: stream, version, type }) => [position, stream, version, type])).toEqual([
      [1, organization.id, 1, 'organization.created'],
      [2, user.id, 1, 'member.joined'],
    ]);
    expect(rows[1]?.event).toMatchObject({
      userId: user.id,
      email: user.email,
      role: 'admin',
      actor: { type: 'member', id: user.id },
    });
    expect(JSON.stringify(rows)).not.toContain(token);
  });

  test('keeps neither the password nor the token', async () => {
    const { user, token } = await signUp(toolgate.url);
    const { rows } = await toolgate.db.worker.query(
      'select u.password_hash, s.token_hash from users u join sessions s on s.user_id = u.id where u.id = $1',
      [user.id],
    );
    expect(rows[0]?.password_hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(rows[0]?.token_hash).toHaveLength(32);
    expect(JSON.stringify(rows)).not.toContain(token);
  });
});

describe('a repeated sign-up', () => {
  test('with the same Idempotency-Key answers the same, token included, and signs nobody up again', async () => {
    const body = request();
    const first = await post(body, 'again');
    const before = await counts();
    const second = await post(body, 'again');
    expect(first.status).toBe(201);
    expect([second.status, second.body]).toEqual([201, first.body]);
    expect(second.headers.get('set-cookie')).toContain(first.body.token);
    expect(await counts()).toEqual(before);
  });

  test('sent several times at once makes one organization and the same answer for all', async () => {
    const before = await counts();
    const body = request();
    const answers = await Promise.all([1, 2, 3].map(() => post(body, 'at-once')));
    expect(answers.map((answer) => answer.status)).toEqual([201, 201, 201]);
    expect(new Set(answers.map((answer) => JSON.stringify(answer.body))).size).toBe(1);
    const after = await counts();
    expect([
      after.organizations - before.organizations,
      after.heads - before.heads,
      after.sessions - before.sessions,
    ]).toEqual([1, 1, 1]);
  });

  test('with another body is refused, also when both are sent at once', async () => {
    const before = await counts();
    const answers = await Promise.all([post(request(), 'other-body'), post(request(), 'other-body')]);
    expect(answers.map((answer) => answer.status).sort()).toEqual([201, 422]);
    expect(Number((await counts()).users) - Number(before.users)).toBe(1);
    const { status, body } = await post(request(), 'other-body');
    expect([status, body.code]).toEqual([422, 'idempotency_mismatch']);
  });

  test(
    'gives its answer to nobody who guesses at the body: after ten guesses that key is refused for a ' + 'while',
    async () => {
      const body = request();
      await post(body, 'guessed');
      for (let i = 0; i < 10; i += 1)
        expect((await post({ ...body, password: `guess number ${i}` }, 'guessed')).status).toBe(422);
      const { status, headers } = await post(body, 'guessed');
      expect(status).toBe(429);
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
      expect((await post(request(), 'another-key')).status).toBe(201);
    },
  );

  test('after 24 hours is a new sign-up', async () => {
    const body = request();
    await post(body, 'a-day-later');
    const age = (hours: string) =>
      toolgate.db.worker.query('update idempotent_answers set created_at = now() - $1::interval where key = $2', [
        hours,
        'a-day-later',
      ]);
    await age('23 hours 59 minutes');
    expect((await post(body, 'a-day-later')).status).toBe(201);
    await age('24 hours 1 minute');
    expect((await post(body, 'a-day-later')).status).toBe(409);
    expect((await post(request(), 'a-day-later')).status).toBe(201);
  });

  test('is kept encrypted', async () => {
    const { body } = await post(request(), 'kept');
    const { rows } = await toolgate.db.worker.query<{ sealed_body: Buffer }>(
      "select sealed_body from idempotent_answers where organization_id = 'anonymous' and key = 'kept'",
    );
    expect(rows[0]?.sealed_body.length).toBeGreaterThan(0);
    expect(rows[0]?.sealed_body.includes(body.token)).toBe(false);
    expect(rows[0]?.sealed_body.includes(body.user.email)).toBe(false);
  });

  test.each([
    ['a space', 'a b'],
    ['256 characters', 'k'.repeat(256)],
    ['a letter outside ASCII', 'schlüssel'],
  ])('refuses an Idempotency-Key with %s', async (_name, key) => {
    const { status, body } = await post(request(), key);
    expect([status, body.code]).toEqual([400, 'invalid_body']);
  });
});

describe('with SIGNUP=first', () => {
  test('of two sign-ups at once exactly one wins, nothing of the other stays, and the winner may repeat', async () => {
    const first = await startTestToolgate({ SIGNUP: 'first' });
    try {
      const requests = [request(), request()];
      const answers = await Promise.all(requests.map((body, index) => post(body, `key-${index}`, first.url)));
      expect(answers.map((answer) => [answer.status, answer.body.code]).sort()).toEqual([
        [201, undefined],
        [403, 'signup_closed'],
      ]);
      expect(await counts(first.db)).toMatchObject({ organizations: 1, users: 1, heads: 1, sessions: 1 });
      const won = answers.findIndex((answer) => answer.status === 201);
      expect((await post(requests[won], `key-${won}`, first.url)).body).toEqual(answers[won]?.body);
    } finally {
      await first.close();
    }
  });
});

describe('with SIGNUP=closed', () => {
  test('nobody signs up', async () => {
    const closed = await startTestToolgate({ SIGNUP: 'closed' });
    try {
      const { status, body } = await post(request(), undefined, closed.url);
      expect([status, body.code]).toEqual([403, 'signup_closed']);
    } finally {
      await closed.close();
    }
  });
});
