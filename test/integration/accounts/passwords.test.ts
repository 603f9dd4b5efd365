import { expect } from 'vitest';
import { startMailbox } from '../../support/mailbox.js';
import { productTest } from '../../support/product-test.js';
import { startTestToolgate } from '../../support/toolgate.js';
import { call, join, PASSWORD, signUp, type Answer, type Person } from './client.js';

const { test, toolgate } = productTest();

const NEW = 'another battery staple';

const login = (email: string, password: string, url = toolgate.url): Promise<Answer> =>
  call(url, 'POST /v1/login', { body: { email, password } });
const change = (token: string, current: string, password = NEW): Promise<Answer> =>
  call(toolgate.url, 'POST /v1/me/password', { token, body: { current, password } });
const confirm = (token: string, password = NEW, url = toolgate.url): Promise<Answer> =>
  call(url, 'POST /v1/password-reset/confirm', { body: { token, password } });
const issue = ({ token }: Person, member: Person): Promise<Answer> =>
  call(toolgate.url, `POST /v1/members/${member.user.id}/password-reset`, { token });
const statusOf = async (token: string): Promise<number> => (await call(toolgate.url, 'GET /v1/me', { token })).status;

test(
  'a person who changes their password keeps a new session, and all their others end in every ' + 'organization',
  async () => {
    const [person, host] = [await signUp(toolgate.url), await signUp(toolgate.url)];
    const elsewhere = await join(toolgate.url, host, 'viewer', person.user.email);
    const { status, body } = await change(person.token, PASSWORD);
    expect([status, body.user, body.organization.id]).toEqual([200, person.user, person.organization.id]);
    expect([await statusOf(person.token), await statusOf(elsewhere.token), await statusOf(body.token)]).toEqual([
      401, 401, 200,
    ]);
    expect((await login(person.user.email, PASSWORD)).status).toBe(401);
    expect((await login(person.user.email, NEW)).status).toBe(200);
  },
);

test('a wrong current password changes nothing, and counts as a failed sign-in', async () => {
  const person = await signUp(toolgate.url);
  const { status, body } = await change(person.token, 'not this one');
  expect([status, body.errors[0].pointer, await statusOf(person.token)]).toEqual([400, '/current', 200]);
  const statuses = [];
  for (let tries = 0; tries < 10; tries += 1) statuses.push((await change(person.token, `wrong ${tries}`)).status);
  expect(statuses.at(-1)).toBe(429);
});

test('an API key has no password to change', async () => {
  const { token } = await signUp(toolgate.url);
  const key = await call(toolgate.url, 'POST /v1/api-keys', { token, body: { name: 'ci', role: 'admin' } });
  expect((await change(key.body.secret, PASSWORD)).status).toBe(409);
});

test('an admin gives a member a link where no mail is set; it sets a password once and ends all sessions', async () => {
  const admin = await signUp(toolgate.url);
  const member = await join(toolgate.url, admin, 'viewer');
  const [first, second] = [await issue(admin, member), await issue(admin, member)];
  expect([first.status, first.body.url]).toEqual([200, `${toolgate.url}/app/password-reset#token=${first.body.token}`]);
  expect((await confirm(first.body.token)).body).toEqual(member.user);
  expect(await statusOf(member.token)).toBe(401);
  for (const { body } of [first, second]) expect((await confirm(body.token, PASSWORD)).status).toBe(404);
  expect((await login(member.user.email, NEW)).status).toBe(200);
});

test('an admin gets no link for a member of another organization, nor for one who is in another as well', async () => {
  const [admin, host] = [await signUp(toolgate.url), await signUp(toolgate.url)];
  const stranger = await join(toolgate.url, host, 'viewer');
  expect((await issue(admin, stranger)).status).toBe(404);
  await join(toolgate.url, admin, 'viewer', stranger.user.email);
  expect((await issue(admin, stranger)).status).toBe(409);
});

test('a link that has expired or that nobody got is refused', async () => {
  const admin = await signUp(toolgate.url);
  const { body } = await issue(admin, await join(toolgate.url, admin, 'viewer'));
  await toolgate.db.worker.query('update password_resets set expires_at = now()');
  for (const token of [body.token, `${body.token}x`, admin.token, 'nonsense'])
    expect((await confirm(token)).status).toBe(404);
});

const remove = ({ token }: Person, member: Person): Promise<Answer> =>
  call(toolgate.url, `DELETE /v1/members/${member.user.id}`, { token });

test('a link that an admin issued ends with the admin', async () => {
  const admin = await signUp(toolgate.url);
  const [leaving, member] = [await join(toolgate.url, admin, 'admin'), await join(toolgate.url, admin, 'viewer')];
  const { body } = await issue(leaving, member);
  await remove(admin, leaving);
  expect((await confirm(body.token)).status).toBe(404);
  expect((await login(member.user.email, PASSWORD)).status).toBe(200);
});

test('a link that an admin issued is of no use once the member joins another organization, or is removed', async () => {
  const [admin, host] = [await signUp(toolgate.url), await signUp(toolgate.url)];
  const [joining, removed] = [await join(toolgate.url, admin, 'viewer'), await join(toolgate.url, admin, 'viewer')];
  const links = [(await issue(admin, joining)).body.token, (await issue(admin, removed)).body.token];
  await join(toolgate.url, host, 'viewer', joining.user.email);
  await remove(admin, removed);
  for (const link of links) expect((await confirm(link)).status).toBe(404);
});

test('a sign-in with the old password that is under way while the new one is set opens no session', async () => {
  const admin = await signUp(toolgate.url);
  const member = await join(toolgate.url, admin, 'viewer');
  const signingIn = await toolgate.db.asWorker(async (tx) => {
    await tx.query(
      `select 1 from event_heads where organization_id in (select organization_id from members where user_id = $1)
        for update`,
      [member.user.id],
    );
    const own = await tx.query<{ id: string }>('select pg_current_xact_id()::xid::text as id');
    const answer = login(member.user.email, PASSWORD);
    const waiting = async (): Promise<number> =>
      (
        await toolgate.db.worker.query('select 1 from pg_locks where not granted and transactionid::text = $1', [
          own.rows[0]?.id,
        ])
      ).rows.length;
    await expect.poll(waiting, { timeout: 5000 }).toBe(1);
    await tx.query('update users set password_hash = $2 where id = $1', [member.user.id, 'that of another password']);
    return [answer] as const;
  });
  expect((await signingIn[0]).status).toBe(401);
  // The one that joining opened.
  const { rows } = await toolgate.db.worker.query('select 1 from sessions where user_id = $1', [member.user.id]);
  expect(rows).toHaveLength(1);
});

test(
  'a forgotten password is set anew by mail, three times an hour, and nothing says which ' +
    'addresses have an account',
  async () => {
    const mail = await startMailbox();
    const mailing = await startTestToolgate({
      SMTP_URL: mail.smtpUrl,
      MAIL_FROM: 'Toolgate <accounts@toolgate.example>',
    });
    try {
      const { user, token } = await signUp(mailing.url);
      const ask = (email: string): Promise<Answer> => call(mailing.url, 'POST /v1/password-reset', { body: { email } });
      const answers = [await ask(user.email.toUpperCase()), await ask('nobody@example.com')];
      expect(answers.map(({ status, body }) => [status, body])).toEqual([
        [202, { status: 'accepted' }],
        [202, { status: 'accepted' }],
      ]);
      await expect.poll(() => mail.letters.length).toBe(1);
      const reset = /tg_reset_\w+/.exec(mail.letters[0] ?? '')?.[0] ?? '';
      for (let more = 0; more < 5; more += 1) expect((await ask(user.email)).status).toBe(202);
      await expect.poll(() => mail.letters.length).toBe(3);
      expect((await confirm(reset, NEW, mailing.url)).status).toBe(200);
      expect((await login(user.email, NEW, mailing.url)).status).toBe(200);
      expect((await call(mailing.url, 'GET /v1/me', { token })).status).toBe(401);
      expect(mail.letters).toHaveLength(3);
    } finally {
      await mailing.close();
      await mail.close();
    }
  },
);
