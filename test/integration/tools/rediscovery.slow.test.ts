import { expect, vi } from 'vitest';
import { SeenTools } from '../../../src/control-plane/servers/tools/seen-tools.js';
import { tenantTest } from '../../support/product-test.js';
import { decisionOf, connect, openSession, textOf } from '../../support/tenant.js';
import { aTool, startUpstream, type Upstream } from '../../support/upstream.js';
import { until } from '../audit/audit-support.js';

type Json = Record<string, unknown>;

const { test, toolgate, tenant } = tenantTest();

const upstreams: Upstream[] = [];
test.afterAll(async () => {
  for (const upstream of upstreams) await upstream.close();
});

const build = async (options: Parameters<typeof startUpstream>[0] = {}) => {
  const upstream = await startUpstream({ json: true, tools: [aTool('echo')], ...options });
  upstreams.push(upstream);
  const serverId = await tenant.server(upstream.url);
  return {
    upstream,
    serverId,
    grant: await tenant.grant({
      serverId,
      policyId: await tenant.policy(serverId, { version: '1', default: 'allow' }),
    }),
  };
};

/** Makes it a server's turn now, and waits until the turn is taken and over. */
const turn = async (serverId: string, upstream: Upstream): Promise<void> => {
  const [lists, open] = [upstream.seenOf('tools/list').length, upstream.openSessions()];
  await toolgate.db.worker.query(
    `insert into discovery_turns(organization_id, server_id, due_at) values ($1, $2, now())
      on conflict (organization_id, server_id) do update set due_at = now(), changes = 0`,
    [tenant.organizationId, serverId],
  );
  await until(() => upstream.seenOf('tools/list').length > lists && upstream.openSessions() === open);
};

const versionOf = async (serverId: string): Promise<number> =>
  (await toolgate.db.worker.query<{ version: number }>('select version from servers where id = $1', [serverId])).rows[0]
    ?.version ?? 0;
const codeOf = async (session: Awaited<ReturnType<typeof openSession>>): Promise<unknown> => {
  const { result } = (await (
    await session.post({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo', arguments: {} } })
  ).json()) as { result: Json };
  return '_meta' in result ? decisionOf(result)['code'] : 'allowed';
};

test(
  'a definition that changed is noticed by the next turn although nobody lists, and a turn that ' +
    'finds nothing new records nothing',
  async () => {
    const { upstream, serverId, grant } = await build();
    const before = await versionOf(serverId);
    await turn(serverId, upstream);
    upstream.setTools([aTool('echo', { description: 'changed' })]);
    const session = await openSession(grant);
    expect([await codeOf(session), await versionOf(serverId)]).toEqual(['allowed', before]);
    const lists = upstream.seenOf('tools/list').length;
    await toolgate.db.worker.query('update discovery_turns set due_at = now() where server_id = $1', [serverId]);
    await until(async () => (await codeOf(session)) === 'tool_changed');
    expect(upstream.seenOf('tools/list').length).toBe(lists + 1);
    let events: readonly Json[] = [];
    await until(async () => (events = await tenant.events(`&serverId=${serverId}&type=tool.changed`)).length > 0);
    expect(events).toMatchObject([{ tool: 'echo', actor: { type: 'system', id: 'discovery' } }]);
    const turns = await toolgate.db.worker.query('select changes from discovery_turns where server_id = $1', [
      serverId,
    ]);
    expect(turns.rows).toMatchObject([{ changes: 1 }]);
  },
);

test('a server that says that its tools changed is discovered within seconds', async () => {
  const { upstream, grant } = await build({ json: false });
  const client = await connect(grant);
  expect(textOf(await client.callTool({ name: 'echo', arguments: {} }))).toContain('echo');
  upstream.setTools([aTool('echo', { description: 'changed' })]);
  await until(async () => {
    await upstream.announceTools();
    const result = await client.callTool({ name: 'echo', arguments: {} });
    return '_meta' in result && decisionOf(result)['code'] === 'tool_changed';
  });
  await client.close();
});

test('a server that is down shows so after its turn, once, and is there again after another', async () => {
  let down = false;
  const { upstream, serverId } = await build({
    intercept: (_request, response) => down && Boolean(response.writeHead(503).end()),
  });
  await turn(serverId, upstream);
  const [version, statuses] = [await versionOf(serverId), [] as unknown[]];
  for (down of [true, true, false]) {
    const requests = upstream.seen.length;
    await toolgate.db.worker.query('update discovery_turns set due_at = now(), changes = 0 where server_id = $1', [
      serverId,
    ]);
    await until(
      async () =>
        upstream.seen.length > requests &&
        (await tenant.api('GET', `/v1/servers/${serverId}`)).body['status'] === (down ? 'unreachable' : 'ready'),
    );
    const { status, toolCount } = (await tenant.api('GET', `/v1/servers/${serverId}`)).body;
    statuses.push([status, toolCount, (await versionOf(serverId)) - version]);
  }
  expect(statuses).toEqual([
    ['unreachable', 1, 1],
    ['unreachable', 1, 1],
    ['ready', 1, 2],
  ]);
});

test('a tool that only some clients are shown stays, as a turn does not see it', async () => {
  const { upstream, serverId, grant } = await build();
  upstream.setTools([aTool('echo'), aTool('for_some')]);
  const client = await connect(grant);
  expect((await client.listTools()).tools).toHaveLength(2);
  await client.close();
  upstream.setTools([aTool('echo')]);
  const version = await versionOf(serverId);
  await turn(serverId, upstream);
  expect([await versionOf(serverId), (await tenant.api('GET', `/v1/servers/${serverId}`)).body['toolCount']]).toEqual([
    version,
    2,
  ]);
});

test('definitions that are noticed after the wall clock was set back are recorded as before', async () => {
  const { serverId } = await build();
  const noticed = new SeenTools(toolgate.toolgate.store, toolgate.db);
  const notice = (name: string): Promise<void> =>
    noticed.notice({
      organizationId: tenant.organizationId,
      serverId,
      tools: [{ name, definitionHash: name, definition: { name, inputSchema: { type: 'object' } } }],
    });
  const before = await versionOf(serverId);
  await notice('first');
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 24 * 3_600_000 });
  try {
    await notice('second');
    await until(async () => (await versionOf(serverId)) === before + 2);
  } finally {
    vi.useRealTimers();
    noticed.stop();
  }
});
