import { describe, expect } from 'vitest';
import { newId } from '../../../src/platform/crypto/ids.js';
import { newToken } from '../../../src/platform/crypto/tokens.js';
import { call, join, signUp, type Answer, type Person } from './client.js';
import { productTest } from '../../support/product-test.js';

const { test, toolgate } = productTest();
let admin: Person;
test.beforeAll(async () => {
  admin = await signUp(toolgate.url);
});

const issue = (body: unknown, key?: string, token = admin.token): Promise<Answer> =>
  call(toolgate.url, 'POST /v1/api-keys', { token, body, ...(key ? { headers: { 'idempotency-key': key } } : {}) });
const remove = (id: string, token = admin.token): Promise<Answer> =>
  call(toolgate.url, `DELETE /v1/api-keys/${id}`, { token });
const me = (token: string): Promise<Answer> => call(toolgate.url, 'GET /v1/me', { token });
const eventsOf = async (id: string) =>
  (await toolgate.db.worker.query('select version, event from events where stream_id = $1 order by version', [id]))
    .rows;

describe('an API key', () => {
  test('is shown once with its secret, works with its role, and says who it is', async () => {
    const { status, body } = await issue({ name: 'ci', role: 'auditor' });
    expect(status).toBe(201);
    expect(body).toEqual({
      id: expect.stringMatching(/^key_/),
      name: 'ci',
      role: 'auditor',
      lastUsedAt: null,
      issuedBy: { type: 'member', id: admin.user.id, name: admin.user.email },
      createdAt: expect.stringMatching(/Z$/),
      expiresAt: null,
      secret: expect.stringMatching(/^tg_key_/),
    });
    expect((await me(body.secret)).body).toEqual({
      user: null,
      organization: { id: admin.organization.id, name: 'Example' },
      role: 'auditor',
      apiKey: { id: body.id, name: 'ci' },
    });
    expect((await call(toolgate.url, 'GET /v1/api-keys', { token: body.secret })).status).toBe(403);
  });

  test('deleted is refused on the next request, and is gone', async () => {
    const { body } = await issue({ name: 'short lived', role: 'viewer' });
    expect((await me(body.secret)).status).toBe(200);
    expect((await remove(body.id)).status).toBe(204);
    expect((await me(body.secret)).status).toBe(401);
    expect((await remove(body.id)).status).toBe(404);
  });

  test('ends when it expires, and can be made neither in the past nor without a time zone', async () => {
    const { status, body } = await issue({ name: 'late', role: 'viewer', expiresAt: '2001-01-01T00:00:00Z' });
    expect([status, body.code, body.errors.map((error: { pointer: string }) => error.pointer)]).toEqual([
      400,
      'invalid_body',
      ['/expiresAt'],
    ]);
    expect(
      (await issue({ name: 'vague', role: 'viewer', expiresAt: '2999-01-01T00:00:00' })).body.errors[0].pointer,
    ).toBe('/expiresAt');
    const later = await issue({ name: 'timed', role: 'viewer', expiresAt: '2999-01-01T02:00:00+02:00' });
    expect(later.body.expiresAt).toBe('2999-01-01T00:00:00.000Z');
    expect((await me(later.body.secret)).status).toBe(200);
    await toolgate.db.worker.query('update api_keys set expires_at = now() where id = $1', [later.body.id]);
    expect((await me(later.body.secret)).status).toBe(401);
  });

  test('leaves events of its issue and its end, with who did it and without the secret', async () => {
    const { body } = await issue({ name: 'watched', role: 'viewer' });
    await remove(body.id);
    const events = await eventsOf(body.id);
    expect(events.map(({ version, event }) => [version, event.type])).toEqual([
      [1, 'apiKey.issued'],
      [2, 'apiKey.revoked'],
    ]);
    expect(events[0]?.event).toMatchObject({
      apiKeyId: body.id,
      name: 'watched',
      role: 'viewer',
      expiresAt: null,
      actor: { type: 'member', id: admin.user.id },
    });
    expect(JSON.stringify(events)).not.toContain(body.secret);
  });

  test('with the role admin may do what an admin may, under its own name', async () => {
    const { body } = await issue({ name: 'pipeline', role: 'admin' });
    const made = await issue({ name: 'made by a key', role: 'viewer' }, undefined, body.secret);
    expect([made.status, made.body.issuedBy]).toEqual([201, { type: 'apiKey', id: body.id, name: 'pipeline' }]);
    expect((await eventsOf(made.body.id))[0]?.event.actor).toEqual({ type: 'apiKey', id: body.id, name: 'pipeline' });
  });

  test('with an end of null, as it is shown, never ends', async () => {
    expect(await issue({ name: 'endless', role: 'viewer', expiresAt: null })).toMatchObject({
      status: 201,
      body: { expiresAt: null },
    });
  });

  test('of a known id with another secret, or altered, is refused', async () => {
    const { body } = await issue({ name: 'guessed', role: 'viewer' });
    for (const wrong of [
      newToken('key', body.id),
      newToken('session', body.id),
      body.secret.slice(0, -1),
      `${body.secret}0`,
    ])
      expect((await me(wrong)).status).toBe(401);
  });

  test('has no session to end', async () => {
    const { body } = await issue({ name: 'no session', role: 'viewer' });
    expect((await call(toolgate.url, 'POST /v1/logout', { token: body.secret })).status).toBe(409);
  });

  test.each(['policy_manager', 'approver', 'auditor', 'viewer'])(
    'is nothing that the role %s may make, see or delete',
    async (role) => {
      const { token } = await join(toolgate.url, admin, role);
      const answers = [
        await issue({ name: 'x', role: 'viewer' }, undefined, token),
        await call(toolgate.url, 'GET /v1/api-keys', { token }),
        await remove(newId('key'), token),
      ];
      expect(answers.map((answer) => [answer.status, answer.body.code])).toEqual([
        [403, 'forbidden'],
        [403, 'forbidden'],
        [403, 'forbidden'],
      ]);
    },
  );

  test('without a credential is refused before its body is judged', async () => {
    const { status, headers, body } = await call(toolgate.url, 'POST /v1/api-keys', { body: { wrong: true } });
    expect([status, body.code, headers.get('www-authenticate')]).toEqual([
      401,
      'unauthorized',
      'Bearer realm="toolgate"',
    ]);
  });
});

describe('the API keys of a member', () => {
  const setRole = (id: string, role: string): Promise<Answer> =>
    call(toolgate.url, `PATCH /v1/members/${id}`, { token: admin.token, body: { role } });
  /** A member who issues a key of each of these roles, and one more with the first of them. */
  const withKeys = async (...roles: readonly string[]) => {
    const member = await join(toolgate.url, admin, 'admin');
    const keys: { id: string; secret: string }[] = [];
    for (const role of roles) keys.push((await issue({ name: role, role }, undefined, member.token)).body);
    keys.push((await issue({ name: 'made by a key', role: 'admin' }, undefined, keys[0]?.secret)).body);
    const statuses = (): Promise<readonly number[]> =>
      Promise.all(keys.map(async ({ secret }) => (await me(secret)).status));
    return { member, keys, statuses };
  };

  test('end with the membership, all at once, also those that such a key issued, and no other', async () => {
    const { member, keys, statuses } = await withKeys('admin', 'approver', 'viewer');
    const other = (await issue({ name: 'of another', role: 'admin' })).body;
    expect(await statuses()).toEqual([200, 200, 200, 200]);
    expect((await call(toolgate.url, `DELETE /v1/members/${member.user.id}`, { token: admin.token })).status).toBe(204);
    expect(await statuses()).toEqual([401, 401, 401, 401]);
    expect((await me(other.secret)).status).toBe(200);
    for (const { id } of keys)
      expect((await eventsOf(id)).at(-1)?.event).toMatchObject({
        type: 'apiKey.revoked',
        apiKeyId: id,
        actor: { type: 'member', id: admin.user.id },
      });
    await join(toolgate.url, admin, 'admin', member.user.email);
    expect(await statuses()).toEqual([401, 401, 401, 401]);
  });

  test.each(['member', 'key'])('are not issued by a %s whose end was decided first', async (by) => {
    const { member, keys } = await withKeys('admin');
    const before = (await call(toolgate.url, 'GET /v1/api-keys?limit=1000', { token: admin.token })).body.items.length;
    const waiting = async (count: number): Promise<void> =>
      expect
        .poll(
          async () =>
            (
              await toolgate.db.worker.query(
                `select 1 from pg_locks join pg_stat_activity using (pid) where not granted
                  and datname = current_database()`,
              )
            ).rowCount,
          { timeout: 5000 },
        )
        .toBe(count);
    const answers = await toolgate.db.asWorker(async (tx) => {
      await tx.query('select 1 from event_heads where organization_id = $1 for update', [admin.organization.id]);
      const removed = call(toolgate.url, `DELETE /v1/members/${member.user.id}`, { token: admin.token });
      await waiting(1);
      const issued = issue(
        { name: 'late', role: 'admin' },
        undefined,
        by === 'member' ? member.token : keys[0]?.secret,
      );
      await waiting(2);
      return [removed, issued] as const;
    });
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([204, 401]);
    expect((await call(toolgate.url, 'GET /v1/api-keys?limit=1000', { token: admin.token })).body.items).toHaveLength(
      before - keys.length,
    );
  });

  test('end with the membership however many keys issued one another in between', async () => {
    const member = await join(toolgate.url, admin, 'admin');
    let by = member.token;
    for (let depth = 0; depth < 24; depth += 1)
      by = (await issue({ name: 'link', role: 'admin' }, undefined, by)).body.secret;
    expect((await me(by)).status).toBe(200);
    expect((await call(toolgate.url, `DELETE /v1/members/${member.user.id}`, { token: admin.token })).status).toBe(204);
    expect((await me(by)).status).toBe(401);
  });

  test('end with the key that issued them, and so do the invitations that it sent', async () => {
    const { member, keys } = await withKeys('admin', 'viewer');
    const [first, viewers, made] = keys;
    const invite = (token: string | undefined) =>
      call(toolgate.url, 'POST /v1/invitations', {
        token: token ?? '',
        body: { email: `by-key-${member.user.id}@example.com`, role: 'admin' },
      });
    const { token: invitation } = (await invite(made?.secret)).body;
    expect((await call(toolgate.url, `DELETE /v1/api-keys/${first?.id}`, { token: admin.token })).status).toBe(204);
    expect(await Promise.all([first, made, viewers].map(async (key) => (await me(key?.secret ?? '')).status))).toEqual([
      401, 401, 200,
    ]);
    expect(
      (
        await call(toolgate.url, 'POST /v1/invitations/accept', {
          body: { token: invitation, password: 'correct horse battery' },
        })
      ).status,
    ).toBe(404);
  });

  test('and the invitations that a key makes end with it at the latest, when it expires', async () => {
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
    const { secret } = (await issue({ name: 'for an hour', role: 'admin', expiresAt })).body;
    const sooner = new Date(Date.now() + 60_000).toISOString();
    const ends = [];
    for (const end of [null, '2999-01-01T00:00:00Z', sooner])
      ends.push((await issue({ name: 'made', role: 'viewer', expiresAt: end }, undefined, secret)).body.expiresAt);
    const body = { email: 'for-an-hour@example.com', role: 'viewer' };
    ends.push((await call(toolgate.url, 'POST /v1/invitations', { token: secret, body })).body.expiresAt);
    expect(ends).toEqual([expiresAt, expiresAt, sooner, expiresAt]);
  });

  test('that may more than the member end with the role, and the others stay', async () => {
    const { member, statuses } = await withKeys('admin', 'approver', 'policy_manager', 'viewer');
    await setRole(member.user.id, 'approver');
    expect(await statuses()).toEqual([401, 200, 401, 200, 401]);
    await setRole(member.user.id, 'admin');
    expect(await statuses()).toEqual([401, 200, 401, 200, 401]);
    await setRole(member.user.id, 'viewer');
    expect(await statuses()).toEqual([401, 401, 401, 200, 401]);
  });
});

describe('the list of API keys', () => {
  test('pages through all of them in order, and holds no secret', async () => {
    const owner = await signUp(toolgate.url);
    const issued = [];
    for (let i = 0; i < 5; i += 1)
      issued.push((await issue({ name: `key ${i}`, role: 'viewer' }, undefined, owner.token)).body);
    const seen = [];
    let after = '';
    for (let more = true; more;) {
      const { body } = await call(toolgate.url, `GET /v1/api-keys?limit=2${after && `&after=${after}`}`, {
        token: owner.token,
      });
      seen.push(...body.items);
      ({ nextCursor: after, hasMore: more } = body);
    }
    expect(seen).toEqual(issued.map(({ secret: _secret, ...shown }) => shown));
    expect(JSON.stringify(seen)).not.toContain('tg_key_');
  });

  test('shows and deletes none of another organization', async () => {
    const stranger = await signUp(toolgate.url);
    const { body } = await issue({ name: 'ours', role: 'viewer' });
    expect((await call(toolgate.url, 'GET /v1/api-keys', { token: stranger.token })).body).toEqual({
      items: [],
      nextCursor: null,
      hasMore: false,
    });
    const other = await remove(body.id, stranger.token);
    const never = await remove(newId('key'), stranger.token);
    expect([other.status, other.body]).toEqual([404, never.body]);
    expect((await remove('key_nonsense')).status).toBe(404);
    expect((await me(body.secret)).status).toBe(200);
  });
});

describe('a repeated creation', () => {
  test('with one Idempotency-Key answers the same secret, also when both are sent at once', async () => {
    const order = { name: 'once', role: 'viewer' };
    const answers = await Promise.all([1, 2, 3].map(() => issue(order, 'once')));
    answers.push(await issue(order, 'once'));
    expect(answers.map((answer) => answer.status)).toEqual([201, 201, 201, 201]);
    expect(new Set(answers.map((answer) => JSON.stringify(answer.body))).size).toBe(1);
    const { rows } = await toolgate.db.worker.query("select 1 from api_keys where name = 'once'");
    expect(rows).toHaveLength(1);
  });

  test('with the same values in another order or with blanks is a repeat, and is marked as one', async () => {
    const send = (body: string): Promise<Response> =>
      fetch(`${toolgate.url}/v1/api-keys`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${admin.token}`,
          'content-type': 'application/json',
          'idempotency-key': 'by-value',
        },
        body,
      });
    const [first, second, third] = [
      await send('{"name":"by value","role":"viewer"}'),
      await send('{ "role": "viewer",\n  "name": "by\\u0020value" }'),
      await send('{"name":"by value","role":"auditor"}'),
    ];
    expect([first, second, third].map(({ status }) => status)).toEqual([201, 201, 422]);
    expect(await second.json()).toEqual(await first.json());
    expect([first, second, third].map(({ headers }) => headers.get('idempotency-replayed'))).toEqual([
      null,
      'true',
      null,
    ]);
  });

  test('with another body is refused, and by another caller is a creation of its own', async () => {
    const first = await issue({ name: 'mine', role: 'viewer' }, 'shared');
    expect((await issue({ name: 'changed', role: 'viewer' }, 'shared')).body.code).toBe('idempotency_mismatch');
    const second = await join(toolgate.url, admin, 'admin');
    const other = await issue({ name: 'mine', role: 'viewer' }, 'shared', second.token);
    expect(other.status).toBe(201);
    expect(other.body.id).not.toBe(first.body.id);
  });

  test('answers for 24 hours, and then creates anew', async () => {
    const order = { name: 'aged', role: 'viewer', expiresAt: '2999-01-01T00:00:00Z' };
    const first = await issue(order, 'aged');
    await toolgate.db.worker.query(
      "update idempotent_answers set created_at = now() - interval '23 hours 59 minutes' where key = 'aged'",
    );
    expect((await issue(order, 'aged')).body).toEqual(first.body);
    await toolgate.db.worker.query(
      "update idempotent_answers set created_at = now() - interval '24 hours 1 minute' where key = 'aged'",
    );
    const later = await issue(order, 'aged');
    expect(later.status).toBe(201);
    expect(later.body.secret).not.toBe(first.body.secret);
  });

  test('of a refused one is judged again', async () => {
    expect((await issue({ name: 'late', role: 'viewer', expiresAt: '2001-01-01T00:00:00Z' }, 'refused')).status).toBe(
      400,
    );
    expect((await issue({ name: 'in time', role: 'viewer' }, 'refused')).status).toBe(201);
  });
});
