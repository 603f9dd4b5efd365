import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, expect } from 'vitest';
import { TestBrowser, formOf, optionsOf } from '../../support/browser.js';
import { OauthClient, pkce } from '../../support/oauth-client.js';
import { tenantTest } from '../../support/product-test.js';
import { request, signUp } from '../../support/tenant.js';
import { adminOf, probe, signInWorld, type SignInWorld } from './oauth-support.js';

const { test, toolgate, tenant } = tenantTest({ UPSTREAM_ALLOW: '127.0.0.1' });
let world: SignInWorld;

test.beforeAll(async () => {
  world = await signInWorld(toolgate.url, tenant);
});
test.afterAll(async () => {
  await world.upstream.close();
});

/** The registrations of an address are counted: those of other tests are made those of nobody. */
const forgetNetworks = (): Promise<unknown> => toolgate.db.worker.query('update oauth_records set network = null');
test.beforeEach(forgetNetworks);

const client = (): Promise<OauthClient> => OauthClient.register(toolgate.url);
const age = (interval: string): Promise<unknown> =>
  toolgate.db.worker.query(`update oauth_records set consumed_at = consumed_at - interval '${interval}'`);

/** A client at the point where it has a code. */
const withCode = async () => {
  const one = await client();
  const { verifier, challenge } = pkce();
  const url = one.authorizeUrl(world.mcpUrl, { code_challenge: challenge });
  const params = await one.authorize(url, world.admin);
  return { one, verifier, code: params.get('code') ?? '', params };
};

/** The error in a query or a fragment. */
const toldIn = (url: string): string | null => new URL(url.replace('#', '?')).searchParams.get('error');

/** What a client is told at its redirect URI, of a request with these parameters; else the page. */
const refusedAt = async (more: Readonly<Record<string, string | undefined>>) => {
  const one = await client();
  const page = await one.browser.open(one.authorizeUrl(world.mcpUrl, more));
  const toClient = page.url.startsWith(one.redirectUri);
  return { status: page.status, toClient, error: toClient ? toldIn(page.url) : page.html };
};

describe('a token', () => {
  test('of one server is not good for another of the same organization', async () => {
    const { access } = await (await client()).tokens(world.mcpUrl, world.admin);
    const other = await tenant.server(world.upstream.url, { clientAuth: 'both' });
    const refused = await request(`${toolgate.url}/mcp/${other}`, 'POST', {}, { authorization: `Bearer ${access}` });
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toContain(`/mcp/${other}", scope="mcp", error="invalid_token"`);
    expect(await probe(world.mcpUrl, access)).not.toBe(401);
  });

  test('of either kind ends when its server takes the other kind alone', async () => {
    const serverId = await tenant.server(world.upstream.url, { clientAuth: 'both' });
    const mcpUrl = `${toolgate.url}/mcp/${serverId}`;
    const { access } = await (await client()).tokens(mcpUrl, world.admin);
    const { token } = await tenant.grant({ serverId });
    const both = async (): Promise<readonly boolean[]> =>
      Promise.all([access, token].map(async (one) => (await probe(mcpUrl, one)) !== 401));
    expect(await both()).toEqual([true, true]);
    await tenant.api('PATCH', `/v1/servers/${serverId}`, { clientAuth: 'token' });
    expect(await both()).toEqual([false, true]);
    await tenant.api('PATCH', `/v1/servers/${serverId}`, { clientAuth: 'oauth' });
    expect(await both()).toEqual([true, false]);
  });
});

describe('a code', () => {
  test('that is used twice ends all tokens of its sign-in', async () => {
    const { one, verifier, code } = await withCode();
    const { body } = await one.exchange(code, verifier);
    expect(await probe(world.mcpUrl, String(body['access_token']))).not.toBe(401);
    expect(await one.exchange(code, verifier)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    expect(await probe(world.mcpUrl, String(body['access_token']))).toBe(401);
    expect((await one.refresh(String(body['refresh_token']))).status).toBe(400);
  });

  test('that two redeem at the same time gives tokens to one at most', async () => {
    const { one, verifier, code } = await withCode();
    const answers = await Promise.all([0, 1, 2, 3].map(() => one.exchange(code, verifier)));
    expect(answers.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1);
  });

  test('is of no use without its verifier, at another redirect URI, or to another client', async () => {
    const { one, verifier, code } = await withCode();
    const stranger = await client();
    const tries = [
      await one.exchange(code, pkce().verifier),
      await one.token({ grant_type: 'authorization_code', code, redirect_uri: one.redirectUri }),
      await one.exchange(code, verifier, { redirect_uri: 'http://127.0.0.1:1/callback' }),
      await stranger.exchange(code, verifier),
      await one.exchange(code, verifier, { resource: `${toolgate.url}/mcp/srv_01h2xcejqtf2nbrexx3vqjhp41` }),
    ];
    expect(tries.map(({ status }) => status)).toEqual([400, 400, 400, 400, 400]);
  });

  test('comes with the name of its issuer', async () => {
    const { params } = await withCode();
    expect(Object.fromEntries(params)).toMatchObject({ iss: toolgate.url, state: 'st4te' });
  });
});

describe('an authorization request', () => {
  test.for([
    ['without PKCE', { code_challenge: undefined, code_challenge_method: undefined }],
    ['with plain PKCE', { code_challenge: 'x'.repeat(43), code_challenge_method: 'plain' }],
    ['with PKCE whose method is left out', { code_challenge_method: undefined }],
    ['for tokens at once', { response_type: 'token' }],
  ] as const)('%s is refused to the client', async ([, more]) => {
    const { toClient, error } = await refusedAt(more);
    expect({ toClient, error }).toMatchObject({
      toClient: true,
      error: expect.stringMatching(/^(invalid|unsupported)/),
    });
  });

  test.for([
    ['a server that does not exist', { resource: 'PUBLIC/mcp/srv_01h2xcejqtf2nbrexx3vqjhp41' }],
    ['the gateway as a whole', { resource: 'PUBLIC' }],
    ['a resource elsewhere', { resource: 'https://elsewhere.example/mcp' }],
  ] as const)('for %s is refused', async ([, { resource }]) => {
    const { error } = await refusedAt({ resource: resource.replace('PUBLIC', toolgate.url) });
    expect(error).toBe('invalid_target');
  });

  test.for([
    'http://127.0.0.1:45454/other',
    'https://elsewhere.example/',
    'http://localhost:45454/callback',
    'nothing',
  ])('that asks to be answered at %s is told to the member alone', async (redirectUri) => {
    const { status, toClient, error } = await refusedAt({ redirect_uri: redirectUri });
    expect({ status, toClient }).toEqual({ status: 400, toClient: false });
    expect(error).toContain('did not register');
  });

  test('of a client that nobody knows is told to the member alone', async () => {
    const { status, error } = await refusedAt({ client_id: 'somebody' });
    expect(status).toBe(400);
    expect(error).toContain('not known here');
  });
});

describe('a redirect URI', () => {
  test.for(['javascript:alert(1)', 'data:text/html,x', 'http://elsewhere.example/', 'https://a.example/#x', ''])(
    'that could run or leak is not registered: %s',
    async (uri) => {
      await expect(OauthClient.register(toolgate.url, { redirect_uris: [uri] })).rejects.toThrow(/answered 400/);
    },
  );
});

describe('a refresh token', () => {
  test('that comes again within a minute gets a sibling, and later ends the sign-in with both', async () => {
    const one = await client();
    const { refresh } = await one.tokens(world.mcpUrl, world.admin);
    const [first, sibling] = [await one.refresh(refresh), await one.refresh(refresh)];
    expect([first.status, sibling.status]).toEqual([200, 200]);
    const access = String(sibling.body['access_token']);
    expect(await probe(world.mcpUrl, access)).not.toBe(401);
    await age('61 seconds');
    expect(await one.refresh(refresh)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    expect(await probe(world.mcpUrl, access)).toBe(401);
    for (const { body } of [first, sibling])
      expect((await one.refresh(String(body['refresh_token']))).status).toBe(400);
  });

  test('is of no use to another client', async () => {
    const { refresh } = await (await client()).tokens(world.mcpUrl, world.admin);
    expect((await (await client()).refresh(refresh)).status).toBe(400);
  });

  test('that its client gives back ends the sign-in', async () => {
    const one = await client();
    const { access, refresh } = await one.tokens(world.mcpUrl, world.admin);
    const body = new URLSearchParams({ client_id: one.id, token: refresh });
    expect((await fetch(`${toolgate.url}/oauth/revoke`, { method: 'POST', body })).status).toBe(200);
    expect(await probe(world.mcpUrl, access)).toBe(401);
  });

  test('of a member who was removed gives nothing', async () => {
    const person = await tenant.person('viewer');
    const { body } = await person.api('GET', '/v1/me');
    const { email } = body['user'] as { email: string };
    await tenant.api('POST', '/v1/identities', { name: email, kind: 'human', memberId: person.id });
    const one = await client();
    const { refresh } = await one.tokens(world.mcpUrl, { email, password: world.admin.password });
    await tenant.api('DELETE', `/v1/members/${person.id}`);
    expect(await one.refresh(refresh)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
  });
});

describe('the page that asks for consent', () => {
  const consent = async () => {
    const one = await client();
    return { one, page: await one.signIn(one.authorizeUrl(world.mcpUrl), world.admin) };
  };

  test('can not be framed, and its form leads to this installation and the client alone', async () => {
    const { page } = await consent();
    expect(page.headers.get('x-frame-options')).toBe('DENY');
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).toContain("form-action 'self' http://127.0.0.1:45454;");
    expect(page.html).toContain('delete_group');
  });

  test('counts only with its own token, from this origin, and in the browser that began', async () => {
    const { one, page } = await consent();
    const { action, fields } = formOf(page);
    const [identity = fields['identity'] ?? ''] = Object.values(optionsOf(page));
    const allow = { ...fields, identity, answer: 'allow' };
    const other = await one.browser.send(action, { ...allow, csrf: 'x' });
    expect(other.html).toContain('has expired');
    expect((await one.browser.send(action, allow, { origin: 'https://elsewhere.example' })).status).toBe(403);
    const elsewhere = new TestBrowser(toolgate.url);
    expect((await elsewhere.send(action, allow)).html).toContain('has expired');
    expect((await one.browser.send(action, allow)).url).toContain('code=');
  });

  test('sends a client that is not let in its error', async () => {
    const { one, page } = await consent();
    const end = await one.browser.submit(page, { answer: 'cancel' });
    expect(Object.fromEntries(new URL(end.url).searchParams)).toMatchObject({
      error: 'access_denied',
      state: 'st4te',
      iss: toolgate.url,
    });
  });

  test('does not show a server to members of other organizations', async () => {
    const stranger = await adminOf(await signUp(toolgate.url));
    const one = await client();
    const page = await one.signIn(one.authorizeUrl(world.mcpUrl), stranger);
    expect(page.status).toBe(403);
    expect(page.html).not.toContain('delete_group');
  });

  test('shows names of clients as text', async () => {
    const one = await OauthClient.register(toolgate.url, { client_name: '<script>x</script>\u202eevil' });
    const page = await one.signIn(one.authorizeUrl(world.mcpUrl), world.admin);
    expect(page.html).toContain('&lt;script&gt;x&lt;/script&gt; evil');
  });
});

describe('a client metadata document', () => {
  test('is not asked of a host inside, nor of any before somebody signed in', async () => {
    let connections = 0;
    const inside = createServer((socket) => {
      connections += 1;
      socket.destroy();
    });
    inside.listen(0, '127.0.0.2');
    await once(inside, 'listening');
    const { port } = inside.address() as AddressInfo;
    const one = await client();
    const url = one.authorizeUrl(world.mcpUrl, { client_id: `https://127.0.0.2:${port}/client.json` });
    const signIn = await one.browser.open(url);
    expect(signIn.html).toContain('name="password"');
    const refused = await one.browser.submit(signIn, world.admin);
    expect(refused.html).toContain('not known here');
    await one.token({
      client_id: `https://127.0.0.2:${port}/client.json`,
      grant_type: 'authorization_code',
      code: 'x',
    });
    expect(connections).toBe(0);
    inside.close();
  });
});

describe('registrations', () => {
  test('are 20 an hour from an address, whoever asks', async () => {
    for (let made = 0; made < 20; made += 1) await client();
    const refused = await request(`${toolgate.url}/oauth/register`, 'POST', { redirect_uris: ['https://a.example/'] });
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBe('3600');
  });
});
