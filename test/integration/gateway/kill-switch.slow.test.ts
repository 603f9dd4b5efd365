import { describe, expect } from 'vitest';
import type { Toolgate } from '../../../src/app/toolgate.js';
import { modernClient } from '../../support/modern-client.js';
import { tenantTest } from '../../support/product-test.js';
import { openSession, request, signUp, type Grant } from '../../support/tenant.js';
import { startBeside } from '../../support/toolgate.js';
import { aTool, startUpstream, type Upstream } from '../../support/upstream.js';
import { countPolls, ROUNDS_IN_A_SECOND, roundsUntil } from '../../support/poll-rounds.js';

const ROUNDS = process.env['FAULTS'] === 'full' ? 10 : 3;

const { test, toolgate: here, tenant } = tenantTest();
let others: readonly Toolgate[];
let upstream: Upstream;
let serverId: string;
let identityId: string;
let grant: Grant;

const gateway = (): Promise<Toolgate> => startBeside(here);

test.beforeAll(async () => {
  upstream = await startUpstream({
    tools: [aTool('echo'), aTool('wait')],
    call: async ({ name }, { sendNotification, signal }) => {
      if (name === 'wait') {
        await sendNotification({ method: 'notifications/progress', params: { progressToken: 1, progress: 1 } });
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      }
      return { content: [{ type: 'text', text: 'done' }] };
    },
  });
  others = [await gateway(), await gateway()];
  serverId = await tenant.server(upstream.url);
  identityId = await tenant.identity('bot');
  grant = await tenant.grant({
    serverId,
    identityId,
    policyId: await tenant.policy(serverId, { version: '1', default: 'allow' }),
  });
  await until(() =>
    Promise.all(others.map((node) => openSession(on(node)))).then(
      () => true,
      () => false,
    ),
  );
});
test.afterAll(async () => {
  await Promise.all(others.map((node) => node.close()));
  await upstream.close();
});

const on = ({ url }: Readonly<{ url: string }>): Grant => ({ ...grant, mcpUrl: grant.mcpUrl.replace(here.url, url) });
const call = (name: string) => ({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name, arguments: {}, _meta: { progressToken: 1 } },
});

/** What can be switched off, and the request that does it. */
const switches = {
  grant: () => `/v1/grants/${grant.id}`,
  identity: () => `/v1/identities/${identityId}`,
  tool: () => `/v1/servers/${serverId}/tools/echo`,
  server: () => `/v1/servers/${serverId}`,
  organization: () => '/v1/organization',
} as const;
const named = Object.entries(switches);

const turn = async (path: string, disabled: boolean): Promise<void> => {
  const { status, body } = await tenant.api('PATCH', path, { disabled });
  expect([status, body['disabled']], path).toEqual([200, disabled]);
};

const until = (holds: () => Promise<boolean>): Promise<number> => roundsUntil(here.db, holds);

describe('the kill switch', () => {
  const every = Object.keys(switches).join(', ');
  test(`thrown on one node refuses on two others in under a second, ${ROUNDS} times for each of ${every}`, async () => {
    const sessions = await Promise.all(others.map((node) => openSession(on(node))));
    const refuses = async ({ post }: (typeof sessions)[number]): Promise<boolean> =>
      /"code":"disabled"/.test(await (await post(call('echo'))).text());
    const took: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const [, path] of named) {
        await turn(path(), true);
        took.push(...(await Promise.all(sessions.map((session) => until(() => refuses(session))))));
        await turn(path(), false);
        await Promise.all(sessions.map((session) => until(async () => !(await refuses(session)))));
      }
    }
    expect(Math.max(...took)).toBeLessThan(ROUNDS_IN_A_SECOND);
  }, 60_000);

  test.each(named)(
    'refuses the next call on the node that took it with code disabled and nothing upstream: %s',
    async (what, path) => {
      const session = await openSession(grant);
      await turn(path(), true);
      const before = upstream.seenOf('tools/call').length;
      const answer = await (await session.post(call('echo'))).text();
      expect(answer).toMatch(/\[POLICY DENIED\] .*disabled/);
      expect(answer).toContain('"code":"disabled","rule":null');
      expect(upstream.seenOf('tools/call')).toHaveLength(before);
      const other = await (await session.post(call('nothing'))).text();
      expect(other.includes('"code":"disabled"')).toBe(what !== 'tool');
      await turn(path(), false);
      expect(await (await session.post(call('echo'))).text()).toContain('done');
    },
  );

  test.each(named)('refuses clients of 2026-07-28 the same: %s', async (_what, path) => {
    const client = modernClient(grant);
    const answer = async (): Promise<string> =>
      JSON.stringify((await client.ask('tools/call', { name: 'echo', arguments: {} })).body);
    await turn(path(), true);
    const refused = await answer();
    await turn(path(), false);
    expect(refused).toContain('"code":"disabled","rule":null');
    expect(refused).toContain('"resultType":"complete"');
    expect(await answer()).toContain('done');
  });

  test('lets go of a call that waits for its approval, and approving it afterwards runs nothing', async () => {
    const policyId = await tenant.policy(serverId, {
      version: '1',
      default: 'deny',
      approval: { wait: 20 },
      tools: { echo: { action: 'require_approval' } },
    });
    const held = await tenant.grant({ serverId, policyId });
    const session = await openSession(held);
    const before = upstream.seenOf('tools/call').length;
    const ended = session
      .post(call('echo'))
      .then((response) => response.text())
      .catch(() => undefined);
    const pending = async (): Promise<string | undefined> =>
      (
        (await tenant.api('GET', '/v1/approvals?status=pending')).body['items'] as { id: string; grantId: string }[]
      ).find(({ grantId }) => grantId === held.id)?.id;
    await expect.poll(pending, { timeout: 5000 }).toBeDefined();
    const id = await pending();
    const polls = countPolls(here.db);
    await turn(`/v1/grants/${held.id}`, true);
    await ended;
    expect(polls()).toBeLessThan(ROUNDS_IN_A_SECOND);
    const { api } = await tenant.person('approver');
    expect((await api('POST', `/v1/approvals/${String(id)}/approve`, {})).status).toBe(200);
    expect(await (await session.post(call('echo'))).text()).toContain('"code":"disabled"');
    expect(upstream.seenOf('tools/call')).toHaveLength(before);
  });

  test('leaves a disabled tool in the list, like one that is denied', async () => {
    await turn(switches.tool(), true);
    const listed = await (
      await (await openSession(grant)).post({ jsonrpc: '2.0', id: 1, method: 'tools/list' })
    ).text();
    await turn(switches.tool(), false);
    expect(listed).toContain('"name":"echo"');
  });

  test.each(named.filter(([what]) => what !== 'tool'))(
    'closes standing streams on another node within a second: %s',
    async (_what, path) => {
      const there = on(others[0] as Toolgate);
      await until(() =>
        openSession(there).then(
          () => true,
          () => false,
        ),
      );
      const session = await openSession(there);
      const stream = await fetch(there.mcpUrl, {
        headers: { authorization: `Bearer ${there.token}`, accept: 'text/event-stream', 'mcp-session-id': session.id },
      });
      expect(stream.status).toBe(200);
      const closed = stream.text().catch(() => undefined);
      const polls = countPolls(here.db);
      await turn(path(), true);
      await closed;
      expect(polls()).toBeLessThan(ROUNDS_IN_A_SECOND);
      await turn(path(), false);
    },
  );

  test('of a tool closes the streams of its calls and no other', async () => {
    const session = await openSession(grant);
    const [wait, standing] = await Promise.all([
      session.post(call('wait')),
      fetch(grant.mcpUrl, {
        headers: { authorization: `Bearer ${grant.token}`, accept: 'text/event-stream', 'mcp-session-id': session.id },
      }),
    ]);
    let open = true;
    void standing.text().then(
      () => (open = false),
      () => (open = false),
    );
    const ended = wait.text().catch(() => undefined);
    const polls = countPolls(here.db);
    await turn(`/v1/servers/${serverId}/tools/wait`, true);
    await ended;
    expect(polls()).toBeLessThan(ROUNDS_IN_A_SECOND);
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(open).toBe(true);
    await turn(`/v1/servers/${serverId}/tools/wait`, false);
    await turn(switches.grant(), true);
    await expect.poll(() => open).toBe(false);
    await turn(switches.grant(), false);
  });

  test('is on record with who threw it', async () => {
    const me = ((await tenant.api('GET', '/v1/me')).body['user'] as { id: string }).id;
    for (const type of ['grant', 'identity', 'tool', 'organization'].flatMap((noun) => [
      `${noun}.disabled`,
      `${noun}.enabled`,
    ])) {
      await expect
        .poll(async () => (await tenant.events(`&type=${type}`)).length, { timeout: 10_000 })
        .toBeGreaterThan(0);
      for (const event of await tenant.events(`&type=${type}`))
        expect(event).toMatchObject({ type, actor: { type: 'member', id: me } });
    }
    expect((await tenant.events('&type=tool.disabled&tool=echo'))[0]).toMatchObject({ serverId, tool: 'echo' });
    expect((await tenant.events('&type=server.changed')).map(({ disabled }) => disabled)).toContain(true);
  });

  test('of the organization leaves its API on: members sign in and an admin turns it back on', async () => {
    const other = await signUp(here.url);
    const { email } = (await other.api('GET', '/v1/me')).body['user'] as { email: string };
    const key = (await other.api('POST', '/v1/api-keys', { name: 'viewer', role: 'viewer' })).body['secret'] as string;
    expect((await other.api('PATCH', '/v1/organization', { disabled: true })).status).toBe(200);
    const signedIn = await request(`${here.url}/v1/login`, 'POST', { email, password: 'correct horse battery' });
    expect(signedIn).toMatchObject({
      status: 200,
      body: { organization: { id: other.organizationId, disabled: true } },
    });
    const as = (token: string, method: string, body?: unknown) =>
      request(`${here.url}/v1/organization`, method, body, { authorization: `Bearer ${token}` });
    expect((await as(key, 'GET')).body).toMatchObject({ id: other.organizationId, disabled: true });
    expect((await as(key, 'PATCH', { disabled: false })).status).toBe(403);
    expect((await as(signedIn.body['token'] as string, 'PATCH', { disabled: false })).body).toMatchObject({
      disabled: false,
    });
    expect((await tenant.api('GET', '/v1/organization')).body['disabled']).toBe(false);
  });
});
