import { expect } from 'vitest';
import { productTest } from '../../support/product-test.js';
import { call, join, PASSWORD, signUp, type Answer, type Person } from './client.js';

const { test, toolgate } = productTest();

type Session = Readonly<{ id: string; organizationId: string; current: boolean; lastUsedAt: string | null }>;

const sessions = async ({ token }: Pick<Person, 'token'>): Promise<readonly Session[]> =>
  (await call(toolgate.url, 'GET /v1/sessions', { token })).body.items as readonly Session[];
const end = ({ token }: Person, id: string | undefined): Promise<Answer> =>
  call(toolgate.url, `DELETE /v1/sessions/${id}`, { token });
const login = async ({ user }: Person): Promise<Person> =>
  (await call(toolgate.url, 'POST /v1/login', { body: { email: user.email, password: PASSWORD } })).body as Person;

test('a person sees their own sessions in all their organizations, and which one they use', async () => {
  const [person, host] = [await signUp(toolgate.url), await signUp(toolgate.url)];
  const elsewhere = await join(toolgate.url, host, 'viewer', person.user.email);
  const seen = await sessions(person);
  expect(seen.map(({ organizationId, current }) => [organizationId, current])).toEqual([
    [person.organization.id, true],
    [host.organization.id, false],
  ]);
  expect((await sessions(elsewhere)).map(({ current }) => current)).toEqual([false, true]);
  expect(JSON.stringify(seen)).not.toContain('token');
});

test('a session that its owner ends is refused on its next request, and no other is', async () => {
  const person = await signUp(toolgate.url);
  const other = await login(person);
  const id = (await sessions(other)).find(({ current }) => current)?.id;
  expect((await end(person, id)).status).toBe(204);
  expect((await call(toolgate.url, 'GET /v1/me', { token: other.token })).status).toBe(401);
  expect((await call(toolgate.url, 'GET /v1/me', { token: person.token })).status).toBe(200);
  expect((await end(person, id)).status).toBe(404);
});

test('nobody sees or ends the sessions of another person, not even an admin, and API keys have none', async () => {
  const admin = await signUp(toolgate.url);
  const member = await join(toolgate.url, admin, 'viewer');
  const [session] = await sessions(member);
  expect((await end(admin, session?.id)).status).toBe(404);
  const key = await call(toolgate.url, 'POST /v1/api-keys', {
    token: admin.token,
    body: { name: 'ci', role: 'admin' },
  });
  expect(await sessions({ token: key.body.secret })).toEqual([]);
  expect((await end({ ...admin, token: key.body.secret }, session?.id)).status).toBe(404);
  expect((await call(toolgate.url, 'GET /v1/me', { token: member.token })).status).toBe(200);
});

test('sessions and API keys show when they were last used, and one never used says so', async () => {
  const admin = await signUp(toolgate.url);
  const keys = async (): Promise<readonly Session[]> =>
    (await call(toolgate.url, 'GET /v1/api-keys', { token: admin.token })).body.items as readonly Session[];
  const key = await call(toolgate.url, 'POST /v1/api-keys', {
    token: admin.token,
    body: { name: 'ci', role: 'viewer' },
  });
  expect([key.body.lastUsedAt, (await keys())[0]?.lastUsedAt]).toEqual([null, null]);
  await call(toolgate.url, 'GET /v1/me', { token: key.body.secret });
  await expect.poll(async () => (await keys())[0]?.lastUsedAt).not.toBeNull();
  await expect.poll(async () => (await sessions(admin))[0]?.lastUsedAt).not.toBeNull();
  const [before] = await keys();
  await call(toolgate.url, 'GET /v1/me', { token: key.body.secret });
  expect((await keys())[0]).toEqual(before);
});
