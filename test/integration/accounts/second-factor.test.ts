import { expect } from 'vitest';
import { endSecondFactorOf } from '../../../src/control-plane/accounts/totp.store.js';
import { productTest } from '../../support/product-test.js';
import { earlierCode, shownCode } from '../../support/authenticator.js';
import { call, join, PASSWORD, signUp, type Answer, type Person } from './client.js';

const { test, toolgate } = productTest();

const as = ({ token }: Person, what: string, body?: unknown): Promise<Answer> =>
  call(toolgate.url, what, { token, body });
const login = ({ user }: Person, code?: string, password = PASSWORD): Promise<Answer> =>
  call(toolgate.url, 'POST /v1/login', {
    body: { email: user.email, password, ...(code === undefined ? {} : { code }) },
  });

/** Turns on the second factor of a person; the code of the step before was used for that. */
const turnOn = async (person: Person): Promise<Readonly<{ secret: string; recoveryCodes: readonly string[] }>> => {
  const { body } = await as(person, 'POST /v1/me/totp', { current: PASSWORD });
  const confirmed = await as(person, 'POST /v1/me/totp/confirm', { code: await earlierCode(body.secret) });
  expect(confirmed.status).toBe(200);
  return { secret: body.secret as string, recoveryCodes: confirmed.body.recoveryCodes as readonly string[] };
};

test('a person with a second factor signs in with a code, each code once', async () => {
  const person = await signUp(toolgate.url);
  const { secret } = await turnOn(person);
  const without = await login(person);
  expect([without.status, without.body.code]).toEqual([401, 'second_factor_needed']);
  expect([(await login(person, '000000')).body.code, (await login(person, shownCode(secret, 5))).status]).toEqual([
    'unauthorized',
    401,
  ]);
  const [now, next] = [shownCode(secret), shownCode(secret, 1)];
  expect((await login(person, now, 'a wrong password')).status).toBe(401);
  expect([(await login(person, now)).status, (await login(person, now)).status]).toEqual([200, 401]);
  expect((await login(person, next)).status).toBe(200);
});

test('a recovery code signs in once', async () => {
  const person = await signUp(toolgate.url);
  const { recoveryCodes } = await turnOn(person);
  const [first = ''] = recoveryCodes;
  expect((await as(person, 'GET /v1/me/totp')).body).toEqual({ enabled: true, recoveryCodesLeft: 10 });
  expect([(await login(person, first.toUpperCase())).status, (await login(person, first)).status]).toEqual([200, 401]);
  expect((await as(person, 'GET /v1/me/totp')).body).toEqual({ enabled: true, recoveryCodesLeft: 9 });
});

test('a secret that no code confirmed asks nobody, and needs the password of the person', async () => {
  const person = await signUp(toolgate.url);
  const wrong = await as(person, 'POST /v1/me/totp', { current: 'a wrong password' });
  expect([wrong.status, wrong.body.errors[0].code]).toEqual([400, 'wrong_password']);
  await as(person, 'POST /v1/me/totp', { current: PASSWORD });
  expect((await as(person, 'POST /v1/me/totp/confirm', { code: '000000' })).body.errors[0].code).toBe('wrong_code');
  expect((await login(person)).status).toBe(200);
});

test('a second factor ends with a code, and a session alone does not end or replace it', async () => {
  const person = await signUp(toolgate.url);
  const { secret } = await turnOn(person);
  expect((await as(person, 'POST /v1/me/totp', { current: PASSWORD })).status).toBe(409);
  expect((await as(person, 'POST /v1/me/totp/disable', { code: '123456' })).status).toBe(400);
  expect((await as(person, 'POST /v1/me/totp/disable', { code: shownCode(secret) })).status).toBe(204);
  expect((await login(person)).status).toBe(200);
});

test('who guesses codes is held up, and the right code does not help then', async () => {
  const person = await signUp(toolgate.url);
  const { secret } = await turnOn(person);
  const statuses = [];
  for (let guess = 0; guess < 11; guess += 1) statuses.push((await login(person, String(100_000 + guess))).status);
  expect([statuses[0], statuses.at(-1), (await login(person, shownCode(secret))).status]).toEqual([401, 429, 429]);
});

test('an invitation of a person with a second factor is accepted with a code', async () => {
  const [admin, person] = [await signUp(toolgate.url), await signUp(toolgate.url)];
  const { secret } = await turnOn(person);
  const invitation = await as(admin, 'POST /v1/invitations', { email: person.user.email, role: 'viewer' });
  const accept = (code?: string): Promise<Answer> =>
    call(toolgate.url, 'POST /v1/invitations/accept', {
      body: { token: invitation.body.token, password: PASSWORD, ...(code === undefined ? {} : { code }) },
    });
  expect((await accept()).body.code).toBe('second_factor_needed');
  expect((await accept(shownCode(secret))).status).toBe(201);
});

test('an admin ends the second factor of a member who lost their authenticator, and it is on record', async () => {
  const admin = await signUp(toolgate.url);
  const member = await join(toolgate.url, admin, 'viewer');
  await turnOn(member);
  const end = (by: Person): Promise<Answer> => as(by, `DELETE /v1/members/${member.user.id}/totp`);
  expect([(await end(member)).status, (await login(member)).body.code]).toEqual([403, 'second_factor_needed']);
  expect([(await end(admin)).status, (await end(admin)).status, (await login(member)).status]).toEqual([204, 404, 200]);
  const { rows } = await toolgate.db.worker.query(
    `select event->'actor'->>'id' as by, event->>'enabled' as enabled from events
      where type = 'member.secondFactorChanged' and event->>'userId' = $1 order by position`,
    [member.user.id],
  );
  expect(rows).toEqual([
    { by: member.user.id, enabled: 'true' },
    { by: admin.user.id, enabled: 'false' },
  ]);
});

test('an admin ends by that way neither their own second factor nor that of a guest', async () => {
  const [admin, host] = [await signUp(toolgate.url), await signUp(toolgate.url)];
  const both = await join(toolgate.url, host, 'viewer', admin.user.email);
  await turnOn(admin);
  const end = (by: Person): Promise<Answer> => as(by, `DELETE /v1/members/${both.user.id}/totp`);
  expect([(await end(admin)).status, (await end(host)).status]).toEqual([409, 409]);
  expect((await as(admin, `DELETE /v1/members/${host.user.id}/totp`)).status).toBe(404);
  expect((await login(admin)).body.code).toBe('second_factor_needed');
});

test('whoever runs Toolgate ends the second factor of anybody by their address', async () => {
  const [person, other] = [await signUp(toolgate.url), await signUp(toolgate.url)];
  await turnOn(person);
  await turnOn(other);
  const end = (email: string): Promise<boolean> => endSecondFactorOf(toolgate.db, toolgate.toolgate.store, email);
  expect(await end(person.user.email.toUpperCase())).toBe(true);
  expect([await end(person.user.email), await end('nobody@example.com')]).toEqual([false, false]);
  expect([(await login(person)).status, (await login(other)).body.code]).toEqual([200, 'second_factor_needed']);
});

test('no secret of a second factor is in a table as it is, or in an event', async () => {
  const admin = await signUp(toolgate.url);
  const person = await join(toolgate.url, admin, 'viewer');
  const { secret, recoveryCodes } = await turnOn(person);
  const { rows } = await toolgate.db.worker.query<{ row: string }>(
    'select row_to_json(t)::text as row from user_totp t union all select event::text from events',
  );
  const text = rows.map(({ row }) => row).join('\n');
  expect([secret, ...recoveryCodes].filter((one) => text.includes(one))).toEqual([]);
  expect(text).toContain('member.secondFactorChanged');
});
