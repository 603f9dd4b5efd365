import { describe, expect } from 'vitest';
import { newId } from '../../../src/platform/crypto/ids.js';
import { newToken } from '../../../src/platform/crypto/tokens.js';
import { call, join, newEmail, PASSWORD, signUp, type Answer, type Person } from './client.js';
import { productTest } from '../../support/product-test.js';

const { test, toolgate } = productTest();

const list = async ({ token }: Person): Promise<Answer['body']> =>
  (await call(toolgate.url, 'GET /v1/members', { token })).body;
const setRole = (by: Person, id: string, role: string): Promise<Answer> =>
  call(toolgate.url, `PATCH /v1/members/${id}`, { token: by.token, body: { role } });
const remove = (by: Person, id: string): Promise<Answer> =>
  call(toolgate.url, `DELETE /v1/members/${id}`, { token: by.token });
const me = ({ token }: Person): Promise<Answer> => call(toolgate.url, 'GET /v1/me', { token });
const invite = (by: Person, email: string, role = 'viewer', headers = {}): Promise<Answer> =>
  call(toolgate.url, 'POST /v1/invitations', { token: by.token, body: { email, role }, headers });
const invitations = async ({ token }: Person): Promise<Answer['body']> =>
  (await call(toolgate.url, 'GET /v1/invitations', { token })).body;
const accept = (token: string, password = PASSWORD, headers = {}): Promise<Answer> =>
  call(toolgate.url, 'POST /v1/invitations/accept', { body: { token, password }, headers });

describe('members', () => {
  test('are listed by page to admins, with their roles, and to nobody else', async () => {
    const admin = await signUp(toolgate.url);
    const viewer = await join(toolgate.url, admin, 'viewer');
    const body = await list(admin);
    expect(body).toMatchObject({ hasMore: false });
    expect(body.items).toEqual([
      { id: admin.user.id, version: 1, email: admin.user.email, role: 'admin', joinedAt: expect.stringMatching(/Z$/) },
      {
        id: viewer.user.id,
        version: 1,
        email: viewer.user.email,
        role: 'viewer',
        joinedAt: expect.stringMatching(/Z$/),
      },
    ]);
    const page = await call(toolgate.url, 'GET /v1/members?limit=1', { token: admin.token });
    expect([page.body.items.length, page.body.hasMore]).toEqual([1, true]);
    const refused = [
      await call(toolgate.url, 'GET /v1/members', { token: viewer.token }),
      await setRole(viewer, viewer.user.id, 'admin'),
      await remove(viewer, admin.user.id),
      await invite(viewer, newEmail()),
    ];
    expect(refused.map((answer) => answer.status)).toEqual([403, 403, 403, 403]);
  });

  test('are read one by one', async () => {
    const admin = await signUp(toolgate.url);
    const viewer = await join(toolgate.url, admin, 'viewer');
    const get = (id: string): Promise<Answer> => call(toolgate.url, `GET /v1/members/${id}`, { token: admin.token });
    expect((await get(viewer.user.id)).body).toEqual((await list(admin)).items[1]);
    await remove(admin, viewer.user.id);
    expect((await get(viewer.user.id)).status).toBe(404);
  });

  test('get a new role that governs their next request', async () => {
    const admin = await signUp(toolgate.url);
    const member = await join(toolgate.url, admin, 'viewer');
    const { status, body } = await setRole(admin, member.user.id, 'admin');
    expect([status, body]).toEqual([
      200,
      { id: member.user.id, version: 2, email: member.user.email, role: 'admin', joinedAt: expect.any(String) },
    ]);
    expect((await call(toolgate.url, 'GET /v1/members', { token: member.token })).status).toBe(200);
    await setRole(admin, member.user.id, 'viewer');
    expect((await call(toolgate.url, 'GET /v1/members', { token: member.token })).status).toBe(403);
    expect((await setRole(admin, member.user.id, 'owner')).body.errors[0].pointer).toBe('/role');
  });

  test('that are removed lose every session at once and may be invited again', async () => {
    const admin = await signUp(toolgate.url);
    const member = await join(toolgate.url, admin, 'approver');
    expect((await remove(admin, member.user.id)).status).toBe(204);
    expect((await me(member)).status).toBe(401);
    expect(
      (await toolgate.db.worker.query('select 1 from sessions where user_id = $1', [member.user.id])).rows,
    ).toEqual([]);
    expect((await list(admin)).items.map((item: { id: string }) => item.id)).toEqual([admin.user.id]);
    expect(
      (await call(toolgate.url, 'POST /v1/login', { body: { email: member.user.email, password: PASSWORD } })).status,
    ).toBe(401);
    expect((await remove(admin, member.user.id)).status).toBe(404);
    expect((await setRole(admin, member.user.id, 'viewer')).status).toBe(404);
    const back = await join(toolgate.url, admin, 'viewer', member.user.email);
    expect([back.user.id, (await me(back)).body.role]).toEqual([member.user.id, 'viewer']);
    const { rows } = await toolgate.db.worker.query(
      'select version, type from events where stream_id = $1 and organization_id = $2 order by version',
      [member.user.id, admin.organization.id],
    );
    expect(rows.map(({ version, type }) => [version, type])).toEqual([
      [1, 'member.joined'],
      [2, 'member.removed'],
      [3, 'member.joined'],
    ]);
  });

  test('keep their sessions in other organizations when one removes them', async () => {
    const [home, host] = [await signUp(toolgate.url), await signUp(toolgate.url)];
    const guest = await join(toolgate.url, host, 'viewer', home.user.email);
    await remove(host, guest.user.id);
    expect([(await me(guest)).status, (await me(home)).status]).toEqual([401, 200]);
  });

  test('always include an admin: the last one is neither removed nor demoted', async () => {
    const admin = await signUp(toolgate.url);
    await join(toolgate.url, admin, 'viewer');
    const refused = [await remove(admin, admin.user.id), await setRole(admin, admin.user.id, 'viewer')];
    expect(refused.map((answer) => [answer.status, answer.body.code])).toEqual([
      [409, 'conflict'],
      [409, 'conflict'],
    ]);
    expect((await setRole(admin, admin.user.id, 'admin')).status).toBe(200);
  });

  test('of two admins who remove each other at once, one stays', async () => {
    const one = await signUp(toolgate.url);
    const two = await join(toolgate.url, one, 'admin');
    const statuses = (await Promise.all([remove(one, two.user.id), remove(two, one.user.id)])).map(
      (answer) => answer.status,
    );
    expect(statuses.filter((status) => status === 204)).toHaveLength(1);
    const { rows } = await toolgate.db.worker.query(
      "select 1 from members where organization_id = $1 and role = 'admin' and not removed",
      [one.organization.id],
    );
    expect(rows).toHaveLength(1);
  });

  test('of another organization are neither seen nor touched', async () => {
    const [ours, theirs] = [await signUp(toolgate.url), await signUp(toolgate.url)];
    const unknown = await remove(ours, newId('usr'));
    const answers = [
      await remove(ours, theirs.user.id),
      await setRole(ours, theirs.user.id, 'viewer'),
      await remove(ours, 'usr_nonsense'),
    ];
    for (const answer of answers) expect([answer.status, answer.body]).toEqual([404, unknown.body]);
    expect(JSON.stringify(await list(ours))).not.toContain(theirs.user.email);
    expect((await me(theirs)).body.role).toBe('admin');
  });
});

describe('an invitation', () => {
  test('shows its token once, lasts 7 days, makes a member with its role and a session', async () => {
    const admin = await signUp(toolgate.url);
    const email = newEmail();
    const { status, body } = await invite(admin, email, 'approver');
    expect(status).toBe(201);
    expect(body).toEqual({
      id: expect.stringMatching(/^inv_/),
      email,
      role: 'approver',
      invitedBy: { type: 'member', id: admin.user.id, name: admin.user.email },
      createdAt: expect.any(String),
      expiresAt: expect.any(String),
      token: expect.stringMatching(/^tg_invite_/),
    });
    expect(Math.round((Date.parse(body.expiresAt) - Date.now()) / 86_400_000)).toBe(7);
    const joined = await accept(body.token);
    expect([joined.status, joined.body.organization, joined.body.user.email]).toEqual([201, admin.organization, email]);
    expect(joined.headers.get('set-cookie')).toContain(joined.body.token);
    expect((await me(joined.body)).body.role).toBe('approver');
    expect((await call(toolgate.url, 'POST /v1/login', { body: { email, password: PASSWORD } })).status).toBe(200);
  });

  test('that was used, has expired, or never was gets one answer that says to ask for a new one', async () => {
    const admin = await signUp(toolgate.url);
    const used = (await invite(admin, newEmail())).body;
    await accept(used.token);
    const old = (await invite(admin, newEmail())).body;
    await toolgate.db.worker.query('update invitations set expires_at = now() where id = $1', [old.id]);
    const forged = newToken('invite', (await invite(admin, newEmail())).body.id);
    const answers = await Promise.all(
      [used.token, old.token, forged, newToken('invite', newId('inv')), 'nonsense'].map((token) => accept(token)),
    );
    for (const { status, body } of answers)
      expect([status, body.code, body.detail]).toEqual([
        404,
        'not_found',
        expect.stringContaining('Ask for a new one'),
      ]);
  });

  test('accepted twice at once makes one member', async () => {
    const admin = await signUp(toolgate.url);
    const { token } = (await invite(admin, newEmail())).body;
    const statuses = (await Promise.all([accept(token), accept(token)])).map((answer) => answer.status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(1);
    expect((await list(admin)).items).toHaveLength(2);
  });

  test('accepted again with the same Idempotency-Key answers the same', async () => {
    const admin = await signUp(toolgate.url);
    const { token } = (await invite(admin, newEmail())).body;
    const key = { 'idempotency-key': 'accept' };
    const answers = await Promise.all([accept(token, PASSWORD, key), accept(token, PASSWORD, key)]);
    answers.push(await accept(token, PASSWORD, key));
    expect(answers.map((answer) => answer.status)).toEqual([201, 201, 201]);
    expect(new Set(answers.map((answer) => JSON.stringify(answer.body))).size).toBe(1);
    expect((await accept(token, 'another password', key)).status).toBe(422);
  });

  test('of somebody with an account elsewhere needs that password, and keeps the account', async () => {
    const [home, host] = [await signUp(toolgate.url), await signUp(toolgate.url)];
    const { token } = (await invite(host, home.user.email.toUpperCase())).body;
    expect((await accept(token, 'not this one')).status).toBe(401);
    const joined = await accept(token);
    expect([joined.status, joined.body.user, joined.body.organization]).toEqual([201, home.user, host.organization]);
    expect((await me(home)).body.organization.id).toBe(home.organization.id);
  });

  test('of somebody who is a member is refused', async () => {
    const admin = await signUp(toolgate.url);
    expect((await invite(admin, admin.user.email.toUpperCase())).status).toBe(409);
  });

  test('is replaced by a newer one to the same address, which counts with its role alone', async () => {
    const admin = await signUp(toolgate.url);
    const email = newEmail();
    const [first, second] = [
      (await invite(admin, email, 'admin')).body,
      (await invite(admin, email.toUpperCase())).body,
    ];
    expect((await invitations(admin)).items.map(({ id }: { id: string }) => id)).toEqual([second.id]);
    expect((await accept(first.token)).status).toBe(404);
    const joined = (await accept(second.token)).body as Person;
    expect((await me(joined)).body.role).toBe('viewer');
    const { rows } = await toolgate.db.worker.query('select event from events where stream_id = $1 and version = 2', [
      first.id,
    ]);
    expect(rows).toMatchObject([{ event: { type: 'invitation.withdrawn', email, reason: 'replaced' } }]);
  });

  test('is listed while it can be accepted, without its token, and can be withdrawn once', async () => {
    const admin = await signUp(toolgate.url);
    const key = await call(toolgate.url, 'POST /v1/api-keys', {
      token: admin.token,
      body: { name: 'ci', role: 'admin' },
    });
    const sent = [
      (await invite(admin, newEmail())).body,
      (await invite({ ...admin, token: key.body.secret }, newEmail(), 'auditor')).body,
      (await invite(admin, newEmail())).body,
    ];
    await accept(sent[0].token);
    const { items } = await invitations(admin);
    expect(items).toEqual(sent.slice(1).map(({ token: _token, ...shown }) => shown));
    expect(items[0].invitedBy).toEqual({ type: 'apiKey', id: key.body.id, name: 'ci' });
    const withdraw = (id: string): Promise<Answer> =>
      call(toolgate.url, `DELETE /v1/invitations/${id}`, { token: admin.token });
    const statuses = [];
    for (const { id } of [...sent, sent[1]]) statuses.push((await withdraw(id)).status);
    expect(statuses).toEqual([404, 204, 204, 404]);
    expect((await accept(sent[1].token)).status).toBe(404);
    expect((await invitations(admin)).items).toEqual([]);
  });

  test('ends when the invited person is removed', async () => {
    const admin = await signUp(toolgate.url);
    const email = newEmail();
    const member = (await accept((await invite(admin, email)).body.token)).body as Person;
    await remove(admin, member.user.id);
    const again = (await invite(admin, email, 'admin')).body;
    const joined = (await accept(again.token)).body as Person;
    await remove(admin, joined.user.id);
    expect((await accept(again.token)).status).toBe(404);
  });

  test('ends with the right to invite of whoever sent it, by hand or through an API key', async () => {
    const admin = await signUp(toolgate.url);
    const [removed, demoted, other] = [
      await join(toolgate.url, admin, 'admin'),
      await join(toolgate.url, admin, 'admin'),
      await join(toolgate.url, admin, 'admin'),
    ];
    const key = await call(toolgate.url, 'POST /v1/api-keys', {
      token: removed.token,
      body: { name: 'ci', role: 'admin' },
    });
    const sent = [
      await invite(removed, newEmail(), 'admin'),
      await invite({ ...removed, token: key.body.secret }, newEmail(), 'admin'),
      await invite(demoted, newEmail()),
      await invite(other, newEmail()),
    ];
    expect(sent.map(({ status }) => status)).toEqual([201, 201, 201, 201]);
    expect([
      (await remove(admin, removed.user.id)).status,
      (await setRole(admin, demoted.user.id, 'viewer')).status,
    ]).toEqual([204, 200]);
    expect(await Promise.all(sent.map(async ({ body }) => (await accept(body.token)).status))).toEqual([
      404, 404, 404, 201,
    ]);
  });

  test('is recorded without its token, and repeated with it', async () => {
    const admin = await signUp(toolgate.url);
    const email = newEmail();
    const key = { 'idempotency-key': 'invite' };
    const first = await invite(admin, email, 'viewer', key);
    expect((await invite(admin, email, 'viewer', key)).body).toEqual(first.body);
    const { rows } = await toolgate.db.worker.query('select event from events where stream_id = $1', [first.body.id]);
    expect(rows.map(({ event }) => event)).toMatchObject([
      { type: 'invitation.sent', invitationId: first.body.id, email, role: 'viewer', actor: { id: admin.user.id } },
    ]);
    expect(JSON.stringify(rows)).not.toContain(first.body.token);
  });
});
