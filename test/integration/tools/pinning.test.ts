import { describe, expect } from 'vitest';
import type { Toolgate } from '../../../src/app/toolgate.js';
import { tenantTest } from '../../support/product-test.js';
import { openSession, request, type Grant } from '../../support/tenant.js';
import { startBeside } from '../../support/toolgate.js';
import { aTool, startUpstream, type Upstream, type UpstreamTool } from '../../support/upstream.js';
import { countPolls, ROUNDS_IN_A_SECOND } from '../../support/poll-rounds.js';
import { until } from '../audit/audit-support.js';

type Json = Record<string, unknown>;
type Diff = Readonly<{ pointer: string; before?: unknown; after?: unknown; text: string }>;
type Tool = Readonly<{
  name: string;
  definitionHash: string;
  pinnedHash: string | null;
  changed: boolean;
  changes: readonly Readonly<{ pinnedHash: string; policyIds: readonly string[]; diff: readonly Diff[] }>[];
}>;
type World = Readonly<{ upstream: Upstream; serverId: string; policyId: string; grant: Grant }>;

const ALLOW = { version: '1', default: 'allow' };
const read = (description: string, more: Json = {}): UpstreamTool => aTool('read_file', { description, ...more });
const GOOD = read('Reads a file.');
const BAD = read('Reads e file.');
const ECHO = aTool('echo');

const { test, toolgate: here, tenant } = tenantTest();
let there: Toolgate;

const upstreams: Upstream[] = [];

test.beforeAll(async () => {
  there = await startBeside(here);
});
test.afterAll(async () => {
  await there.close();
  for (const upstream of upstreams) await upstream.close();
});

/** A server with these tools, a policy for it, and a grant under the policy. */
const build = async (document: Json = ALLOW, tools: readonly UpstreamTool[] = [ECHO, GOOD]): Promise<World> => {
  const upstream = await startUpstream({ tools, json: true });
  upstreams.push(upstream);
  const serverId = await tenant.server(upstream.url);
  const policyId = await tenant.policy(serverId, document);
  return { upstream, serverId, policyId, grant: await tenant.grant({ serverId, policyId }) };
};

const elsewhere = (grant: Grant): Grant => ({ ...grant, mcpUrl: grant.mcpUrl.replace(here.url, there.url) });

/** What an agent sees: names of a list, and of a call the code of its decision. */
const agentOf = async (grant: Grant) => {
  await until(() =>
    openSession(grant).then(
      () => true,
      () => false,
    ),
  );
  const session = await openSession(grant);
  const ask = async (method: string, params: Json): Promise<Json> =>
    ((await (await session.post({ jsonrpc: '2.0', id: 1, method, params })).json()) as { result: Json }).result;
  return {
    list: async (): Promise<readonly string[]> =>
      ((await ask('tools/list', {}))['tools'] as { name: string }[]).map(({ name }) => name),
    call: async (name: string): Promise<unknown> =>
      ((await ask('tools/call', { name, arguments: {} }))['_meta'] as Record<string, Json> | undefined)?.[
        'io.toolgate/decision'
      ]?.['code'] ?? 'allowed',
    reason: async (name: string): Promise<string> =>
      ((await ask('tools/call', { name, arguments: {} }))['content'] as { text: string }[])[0]?.text ?? '',
  };
};

const tool = async (serverId: string, name: string): Promise<Tool> =>
  ((await tenant.api('GET', `/v1/servers/${serverId}/tools`)).body['items'] as Tool[]).find(
    (one) => one.name === name,
  ) as Tool;
const accept = (serverId: string, name: string, body: Json = {}) =>
  tenant.api('POST', `/v1/servers/${serverId}/tools/${encodeURIComponent(name)}/accept`, body);
const decide = async (policyId: string, name: string): Promise<Json> =>
  (await tenant.api('POST', `/v1/policies/${policyId}/decide`, { tool: name })).body;
const discover = (serverId: string) => tenant.api('POST', `/v1/servers/${serverId}/discover`);
const eventsOf = async (serverId: string, type: string): Promise<readonly Json[]> => {
  let events: readonly Json[] = [];
  await until(async () => (events = await tenant.events(`&serverId=${serverId}&type=${type}`)).length > 0);
  return events;
};

describe('a tool whose description changed by one letter', () => {
  test(
    'is refused on every gateway within a second after a client listed it, is kept from the list, and ' +
      'is free again once it is accepted',
    async () => {
      const { upstream, serverId, policyId, grant } = await build();
      const [one, other] = [await agentOf(grant), await agentOf(elsewhere(grant))];
      expect(await one.list()).toEqual(['echo', 'read_file']);
      expect([await one.call('read_file'), await other.call('read_file')]).toEqual(['allowed', 'allowed']);
      const before = await tool(serverId, 'read_file');
      expect(before).toMatchObject({ changed: false, changes: [], pinnedHash: before.definitionHash });

      upstream.setTools([ECHO, BAD]);
      expect(await one.list()).toEqual(['echo']);
      const polls = countPolls(here.db);
      expect(await one.call('read_file')).toBe('tool_changed');
      await until(async () => (await other.call('read_file')) === 'tool_changed');
      expect(polls()).toBeLessThan(ROUNDS_IN_A_SECOND);
      expect([await other.list(), await one.call('echo')]).toEqual([['echo'], 'allowed']);
      expect(await one.reason('read_file')).toMatch(/^\[POLICY DENIED\] the definition of read_file has changed/);
      const calls = upstream.seenOf('tools/call').length;
      await other.call('read_file');
      expect(upstream.seenOf('tools/call')).toHaveLength(calls);

      const changed = await tool(serverId, 'read_file');
      expect(changed.definitionHash).not.toBe(before.definitionHash);
      expect(changed).toMatchObject({
        changed: true,
        pinnedHash: before.definitionHash,
        changes: [
          {
            pinnedHash: before.definitionHash,
            policyIds: [policyId],
            diff: [
              {
                pointer: '/description',
                before: 'Reads a file.',
                after: 'Reads e file.',
                text: 'Reads [-a-]{+e+} file.',
              },
            ],
          },
        ],
      });
      expect(await decide(policyId, 'read_file')).toMatchObject({
        effect: 'deny',
        code: 'tool_changed',
        rule: null,
        trace: [
          { rule: '/pin_tools', outcome: 'refused' },
          { rule: '/default', outcome: 'not_reached' },
        ],
      });

      const answer = await accept(serverId, 'read_file', { definitionHash: changed.definitionHash });
      expect([answer.status, answer.body]).toMatchObject([
        200,
        { name: 'read_file', changed: false, changes: [], pinnedHash: changed.definitionHash },
      ]);
      expect([await one.call('read_file'), await one.list()]).toEqual(['allowed', ['echo', 'read_file']]);
      await until(async () => (await other.call('read_file')) === 'allowed');
      expect(await decide(policyId, 'read_file')).toMatchObject({ effect: 'allow', code: 'allowed' });

      expect(await eventsOf(serverId, 'tool.changed')).toMatchObject([
        {
          tool: 'read_file',
          previousDefinitionHash: before.definitionHash,
          definitionHash: changed.definitionHash,
          actor: { type: 'system', id: 'gateway' },
        },
      ]);
      const me = (await tenant.api('GET', '/v1/me')).body['user'] as Json;
      expect(await eventsOf(serverId, 'tool.accepted')).toMatchObject([
        {
          tool: 'read_file',
          previousDefinitionHash: before.definitionHash,
          definitionHash: changed.definitionHash,
          actor: { type: 'member', id: me['id'], name: me['email'] },
        },
      ]);
    },
  );

  test('is refused again when it changes back after the acceptance', async () => {
    const { upstream, serverId, grant } = await build();
    const agent = await agentOf(grant);
    upstream.setTools([ECHO, BAD]);
    await discover(serverId);
    await accept(serverId, 'read_file');
    expect(await agent.call('read_file')).toBe('allowed');
    upstream.setTools([ECHO, GOOD]);
    expect([await agent.list(), await agent.call('read_file')]).toEqual([['echo'], 'tool_changed']);
  });

  test('is refused whatever part of its definition changed', async () => {
    for (const changed of [
      read('Reads a file.', { title: 'T' }),
      read('Reads a file.', { inputSchema: { type: 'object', properties: { a: {} } } }),
      read('Reads a file.', { annotations: { readOnlyHint: true } }),
      read('Reads a file.', { outputSchema: { type: 'object' } }),
    ]) {
      const { upstream, serverId, grant } = await build();
      upstream.setTools([ECHO, changed]);
      await discover(serverId);
      expect(await (await agentOf(grant)).call('read_file')).toBe('tool_changed');
    }
  });

  test('is not refused for what no model is told: icons and _meta', async () => {
    const { upstream, grant } = await build();
    upstream.setTools([ECHO, read('Reads a file.', { _meta: { revision: 2 }, icons: [] })]);
    const agent = await agentOf(grant);
    expect([await agent.list(), await agent.call('read_file')]).toEqual([['echo', 'read_file'], 'allowed']);
  });
});

describe('a policy', () => {
  test(
    'pins the definitions that are there when it is published; another policy of the server keeps its ' + 'own',
    async () => {
      const { upstream, serverId, policyId, grant } = await build();
      upstream.setTools([ECHO, BAD]);
      await discover(serverId);
      const laterId = await tenant.policy(serverId, ALLOW);
      const [old, later] = [await agentOf(grant), await agentOf(await tenant.grant({ serverId, policyId: laterId }))];
      expect([await old.call('read_file'), await later.call('read_file')]).toEqual(['tool_changed', 'allowed']);
      expect([await old.list(), await later.list()]).toEqual([['echo'], ['echo', 'read_file']]);
      expect((await tool(serverId, 'read_file')).changes).toMatchObject([{ policyIds: [policyId] }]);
      await tenant.api('PUT', `/v1/policies/${policyId}`, { document: ALLOW }, { 'if-match': '*' });
      expect([await old.call('read_file'), (await tool(serverId, 'read_file')).changed]).toEqual(['allowed', false]);
    },
  );

  test('with pin_tools: false asks for no definition', async () => {
    const { upstream, serverId, policyId, grant } = await build({ ...ALLOW, pin_tools: false });
    upstream.setTools([ECHO, BAD]);
    await discover(serverId);
    const agent = await agentOf(grant);
    expect([await agent.call('read_file'), await agent.list(), (await decide(policyId, 'read_file'))['code']]).toEqual([
      'allowed',
      ['echo', 'read_file'],
      'allowed',
    ]);
    expect(await tool(serverId, 'read_file')).toMatchObject({ changed: false, pinnedHash: null });
  });

  test(
    'that says pin_tools: true names that as the rule; in monitor mode it says so and lets the call ' + 'pass',
    async () => {
      const { upstream, serverId, policyId, grant } = await build({ ...ALLOW, pin_tools: true });
      const monitorId = await tenant.policy(serverId, { ...ALLOW, mode: 'monitor', pin_tools: true });
      upstream.setTools([ECHO, BAD]);
      await discover(serverId);
      expect(await decide(policyId, 'read_file')).toMatchObject({ code: 'tool_changed', rule: '/pin_tools' });
      expect(await decide(monitorId, 'read_file')).toMatchObject({
        effect: 'allow',
        would: { effect: 'deny', code: 'tool_changed', rule: '/pin_tools' },
      });
      const watched = await agentOf(await tenant.grant({ serverId, policyId: monitorId }));
      expect([
        await watched.call('read_file'),
        await watched.list(),
        await (await agentOf(grant)).call('read_file'),
      ]).toEqual(['allowed', ['echo', 'read_file'], 'tool_changed']);
    },
  );

  test('of a server that could not be discovered yet pins what is seen first', async () => {
    const upstream = await startUpstream({
      tools: [ECHO, GOOD],
      json: true,
      intercept: (_request, response) => (down ? Boolean(response.writeHead(503).end()) : false),
    });
    upstreams.push(upstream);
    let down = true;
    const serverId = await tenant.server(upstream.url);
    const policyId = await tenant.policy(serverId, ALLOW);
    down = false;
    const agent = await agentOf(await tenant.grant({ serverId, policyId }));
    expect([await agent.list(), await agent.call('read_file')]).toEqual([['echo', 'read_file'], 'allowed']);
    upstream.setTools([ECHO, BAD]);
    expect([await agent.list(), await agent.call('read_file')]).toEqual([['echo'], 'tool_changed']);
  });

  test(
    'judges a tool that is new by its rules, and pins it as it was seen first, also when it went away ' + 'meanwhile',
    async () => {
      const { upstream, serverId, grant } = await build();
      const agent = await agentOf(grant);
      upstream.setTools([ECHO, GOOD, aTool('late')]);
      expect([await agent.list(), await agent.call('late')]).toEqual([['echo', 'read_file', 'late'], 'allowed']);
      upstream.setTools([ECHO, GOOD]);
      await discover(serverId);
      expect((await tool(serverId, 'late')) === undefined).toBe(true);
      upstream.setTools([ECHO, GOOD, aTool('late', { description: 'other' })]);
      expect([await agent.list(), await agent.call('late')]).toEqual([['echo', 'read_file'], 'tool_changed']);
    },
  );
});

describe('accepting', () => {
  test(
    'is for policy managers, wants the definition that was looked at, and says nothing when nothing ' + 'was refused',
    async () => {
      const { upstream, serverId, grant } = await build(ALLOW, [aTool('group/read file', { description: 'a' })]);
      const roles = await Promise.all(
        (['viewer', 'approver', 'auditor', 'policy_manager'] as const).map(async (role) => {
          const { secret } = (await tenant.api('POST', '/v1/api-keys', { name: role, role })).body;
          return (
            await request(
              `${here.url}/v1/servers/${serverId}/tools/${encodeURIComponent('group/read file')}/accept`,
              'POST',
              {},
              { authorization: `Bearer ${String(secret)}` },
            )
          ).status;
        }),
      );
      expect(roles).toEqual([403, 403, 403, 200]);
      const looked = (await tool(serverId, 'group/read file')).definitionHash;
      upstream.setTools([aTool('group/read file', { description: 'b' })]);
      await discover(serverId);
      expect(await accept(serverId, 'group/read file', { definitionHash: looked })).toMatchObject({
        status: 409,
        body: { code: 'conflict' },
      });
      expect(await accept(serverId, 'nothing')).toMatchObject({ status: 404 });
      expect(await accept(serverId, 'group/read file', { definitionHash: 'x' })).toMatchObject({ status: 400 });
      expect(await (await agentOf(grant)).call('group/read file')).toBe('tool_changed');
      for (let time = 0; time < 2; time += 1)
        expect((await accept(serverId, 'group/read file')).body).toMatchObject({ changed: false });
      expect(await eventsOf(serverId, 'tool.accepted')).toHaveLength(1);
    },
  );

  test('takes the new schema into use', async () => {
    const { upstream, serverId, policyId, grant } = await build({ ...ALLOW, check_arguments: true });
    upstream.setTools([ECHO, read('Reads a file.', { inputSchema: { type: 'object', required: ['path'] } })]);
    await discover(serverId);
    await accept(serverId, 'read_file');
    expect([await (await agentOf(grant)).call('read_file'), (await decide(policyId, 'read_file'))['code']]).toEqual([
      'arguments_invalid',
      'arguments_invalid',
    ]);
  });
});
