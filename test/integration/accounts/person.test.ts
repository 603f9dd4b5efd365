import { expect } from 'vitest';
import { productTest } from '../../support/product-test.js';
import { startTestToolgate } from '../../support/toolgate.js';
import { call, join, PASSWORD, signUp, type Answer, type Person } from './client.js';

const { test, toolgate } = productTest();

const organizations = async (token: string): Promise<Answer['body']> =>
  (await call(toolgate.url, 'GET /v1/me/organizations', { token })).body;
const create = (token: string, headers = {}): Promise<Answer> =>
  call(toolgate.url, 'POST /v1/me/organizations', { token, body: { organizationName: 'Second' }, headers });

test('a person sees the organizations that they are a member of, with their roles, and no other', async () => {
  const [person, host] = [await signUp(toolgate.url), await signUp(toolgate.url)];
  await join(toolgate.url, host, 'auditor', person.user.email);
  const { items } = await organizations(person.token);
  expect(items).toMatchObject([
    { id: person.organization.id, name: 'Example', role: 'admin', current: true },
    { id: host.organization.id, name: 'Example', role: 'auditor', current: false },
  ]);
  await call(toolgate.url, `DELETE /v1/members/${person.user.id}`, { token: host.token });
  expect((await organizations(person.token)).items).toHaveLength(1);
});

test('a signed-in person makes a second organization, and is its admin', async () => {
  const person = await signUp(toolgate.url);
  const { status, body } = await create(person.token);
  expect([status, body.user, body.organization.name]).toEqual([201, person.user, 'Second']);
  const me = await call(toolgate.url, 'GET /v1/me', { token: body.token });
  expect(me.body).toMatchObject({ role: 'admin', organization: { id: body.organization.id } });
  expect((await organizations(person.token)).items).toHaveLength(2);
});

test(
  'a repeated creation of an organization answers the same to the same person, and nothing of it ' + 'to another',
  async () => {
    const [one, other] = [await signUp(toolgate.url), await signUp(toolgate.url)];
    const key = { 'idempotency-key': 'second' };
    const [first, repeated, others] = [
      await create(one.token, key),
      await create(one.token, key),
      await create(other.token, key),
    ];
    expect(repeated.body).toEqual(first.body);
    expect([others.status, others.body.user]).toEqual([201, other.user]);
    expect(others.body.organization.id).not.toBe(first.body.organization.id);
  },
);

test('a person who makes many organizations at once keeps nobody else from signing in', async () => {
  const [busy, other] = [await signUp(toolgate.url), await signUp(toolgate.url)];
  let refused = 0;
  const [made, status] = await toolgate.db.asWorker(async (tx) => {
    await tx.query('lock table organizations in share row exclusive mode');
    const flood = Array.from({ length: 250 }, async () => {
      if ((await create(busy.token)).status !== 201) refused += 1;
    });
    await expect.poll(() => refused, { timeout: 10_000 }).toBeGreaterThan(40);
    const body = { email: other.user.email, password: PASSWORD };
    return [flood, (await call(toolgate.url, 'POST /v1/login', { body })).status] as const;
  });
  await Promise.all(made);
  expect(status).toBe(200);
});

test('an API key has no organizations of its own, and makes none', async () => {
  const { token } = await signUp(toolgate.url);
  const key = await call(toolgate.url, 'POST /v1/api-keys', { token, body: { name: 'ci', role: 'admin' } });
  expect((await organizations(key.body.secret)).items).toEqual([]);
  expect((await create(key.body.secret)).status).toBe(409);
});

test('where sign-up is closed, nobody makes an organization', async () => {
  const closed = await startTestToolgate({ SIGNUP: 'first' });
  try {
    const person: Person = await signUp(closed.url);
    const { status, body } = await call(closed.url, 'POST /v1/me/organizations', {
      token: person.token,
      body: { organizationName: 'Second' },
    });
    expect([status, body.code]).toEqual([403, 'signup_closed']);
  } finally {
    await closed.close();
  }
});
