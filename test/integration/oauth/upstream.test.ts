import { describe, expect } from 'vitest';
import { TestBrowser } from '../../support/browser.js';
import { tenantTest } from '../../support/product-test.js';
import { connect, openSession, request, signUp, textOf, type Tenant } from '../../support/tenant.js';
import { startTestToolgate, type TestToolgate } from '../../support/toolgate.js';
import { signInWorld, type SignInWorld } from './oauth-support.js';

const { test, toolgate, tenant } = tenantTest();
/** Another installation, whose gateway is an MCP server that demands OAuth. */
let other: TestToolgate;
let world: SignInWorld;
let theirs: Tenant;

test.beforeAll(async () => {
  other = await startTestToolgate();
  theirs = await signUp(other.url);
  world = await signInWorld(other.url, theirs, 'oauth');
});
test.afterAll(async () => {
  await world.upstream.close();
  await other.close();
});

const register = (more: object = {}): Promise<string> =>
  tenant.server(world.mcpUrl, { auth: { type: 'oauth', ...more } });
const begin = async (serverId: string): Promise<string> => {
  const { status, body } = await tenant.api('POST', `/v1/servers/${serverId}/connect`);
  expect(status, JSON.stringify(body)).toBe(200);
  return body['authorizationUrl'] as string;
};
const shown = async (serverId: string) => (await tenant.api('GET', `/v1/servers/${serverId}`)).body;
const connections = async (serverId: string) =>
  (await tenant.api('GET', `/v1/servers/${serverId}/connections`)).body['items'] as readonly object[];

/** Where the other installation leads back to once its admin has allowed it. */
const allowAt = async (authorizationUrl: string): Promise<string> => {
  const browser = new TestBrowser(other.url);
  const consent = await browser.submit(await browser.open(authorizationUrl), world.admin);
  return (await browser.submit(consent, { answer: 'allow' })).url;
};

const browserOf = ({ token }: Pick<Tenant, 'token'>): TestBrowser => {
  const browser = new TestBrowser(toolgate.url);
  browser.setCookie('toolgate_session', token);
  return browser;
};

const connected = async (): Promise<string> => {
  const serverId = await register();
  const page = await browserOf(tenant).open(await allowAt(await begin(serverId)));
  expect(page.html).toContain('is connected');
  return serverId;
};

const callThrough = async (serverId: string): Promise<string> => {
  const policyId = await tenant.policy(serverId, { version: '1', default: 'allow' });
  const client = await connect(await tenant.grant({ serverId, policyId }));
  const result = await client.callTool({ name: 'list_issues', arguments: {} });
  await client.close();
  return textOf(result);
};

const dueNow = (serverId: string): Promise<unknown> =>
  toolgate.db.worker.query('update connections set refresh_at = now() where server_id = $1', [serverId]);
const sealedOf = async (serverId: string): Promise<string> =>
  (
    await toolgate.db.worker.query<{ sealed: Buffer }>('select sealed from connections where server_id = $1', [
      serverId,
    ])
  ).rows[0]?.sealed.toString('hex') ?? '';

describe('a server that demands OAuth', () => {
  test('is connected from nothing but its URL, discovered, and called', async () => {
    const serverId = await register();
    expect(await shown(serverId)).toMatchObject({ status: 'needs_sign_in', auth: { status: 'needs_sign_in' } });
    const page = await browserOf(tenant).open(await allowAt(await begin(serverId)));
    expect(page.html).toContain('is connected');
    expect(await shown(serverId)).toMatchObject({ status: 'ready', toolCount: 2, auth: { status: 'connected' } });
    expect(await connections(serverId)).toEqual([
      expect.objectContaining({ identityId: null, status: 'connected', account: other.url, scopes: ['mcp'] }),
    ]);
    expect(await callThrough(serverId)).toContain('list_issues');
  });

  test('that nobody is connected to is refused with where to connect it', async () => {
    const serverId = await register();
    const policyId = await tenant.policy(serverId, { version: '1', default: 'allow' });
    await expect(openSession(await tenant.grant({ serverId, policyId }))).rejects.toThrow(/connect it at http/);
  });

  test('is signed in to anew ahead of the end of its token, and is called as before', async () => {
    const serverId = await connected();
    const before = await sealedOf(serverId);
    await dueNow(serverId);
    await expect.poll(() => sealedOf(serverId), { timeout: 10_000 }).not.toBe(before);
    expect(await callThrough(serverId)).toContain('list_issues');
  });

  test('whose sign-in was ended there shows that it needs one', async () => {
    const serverId = await connected();
    const { items } = (await theirs.api('GET', '/v1/grants?q=Toolgate&status=active')).body as {
      items: readonly { id: string }[];
    };
    for (const { id } of items) await theirs.api('POST', `/v1/grants/${id}/revoke`);
    await dueNow(serverId);
    await expect
      .poll(() => connections(serverId), { timeout: 10_000 })
      .toEqual([expect.objectContaining({ status: 'needs_sign_in', account: null })]);
    expect((await shown(serverId))['auth']).toMatchObject({ status: 'needs_sign_in' });
  });
});

describe('an answer of an authorization server', () => {
  test.for([
    ['by nobody', () => new TestBrowser(toolgate.url)],
    ['by an admin of another organization', async () => browserOf(await signUp(toolgate.url))],
    ['by a member who is no admin', async () => browserOf(await tenant.person('viewer'))],
    ['by another admin', async () => browserOf(await tenant.person('admin'))],
  ] as const)('is not taken when it is brought %s', async ([, browser]) => {
    const serverId = await register();
    const back = await allowAt(await begin(serverId));
    expect((await (await browser()).open(back)).status).toBe(400);
    expect((await shown(serverId))['auth']).toMatchObject({ status: 'needs_sign_in' });
  });

  test.for([
    ['names another issuer', 'iss', 'https://elsewhere.example'],
    ['has a state that nobody began', 'state', 'x'],
  ] as const)('is not taken when it %s', async ([, name, value]) => {
    const serverId = await register();
    const back = new URL(await allowAt(await begin(serverId)));
    back.searchParams.set(name, value);
    expect((await browserOf(tenant).open(back.href)).status).toBe(400);
    expect((await shown(serverId))['auth']).toMatchObject({ status: 'needs_sign_in' });
  });

  test('is not taken without the issuer that was promised, nor twice', async () => {
    const serverId = await register();
    const back = new URL(await allowAt(await begin(serverId)));
    back.searchParams.delete('iss');
    expect((await browserOf(tenant).open(back.href)).status).toBe(400);
    expect((await browserOf(tenant).open(back.href)).html).toContain('has expired');
  });
});

describe('credentials of a server', () => {
  test('by OAuth are shown to nobody, and do not go along to another origin', async () => {
    const secret = 'canary-client-secret';
    const serverId = await register({ clientId: 'toolgate', clientSecret: secret, issuer: other.url });
    expect((await shown(serverId))['auth']).toEqual({
      type: 'oauth',
      clientId: 'toolgate',
      issuer: other.url,
      status: 'needs_sign_in',
    });
    expect(JSON.stringify(await tenant.events())).not.toContain(secret);
    const moved = { transport: { type: 'streamable-http', url: 'http://127.0.0.1:9/mcp' } };
    expect((await tenant.api('PATCH', `/v1/servers/${serverId}`, moved)).body).toMatchObject({
      code: 'invalid_body',
      errors: [{ pointer: '/auth' }],
    });
  });

  test('are asked of no host inside', async () => {
    const serverId = await register({ issuer: 'http://10.0.0.1' });
    const refused = await tenant.api('POST', `/v1/servers/${serverId}/connect`);
    expect(refused).toMatchObject({ status: 422, body: { code: 'unsupported' } });
    expect((await request(`${toolgate.url}/oauth/callback`, 'GET')).status).toBe(400);
  });
});
