import { ErrorCode, McpError } from '@modelcontextprotocol/sdk/types.js';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { describe, expect } from 'vitest';
import { tenantTest } from '../../support/product-test.js';
import { connect, decisionOf, openSession, type Grant } from '../../support/tenant.js';
import { aTool, startUpstream, type Upstream } from '../../support/upstream.js';

type Json = Record<string, unknown>;

const offers = {
  resources: ['file:///public/a', 'file:///public/secret/a', 'log://1', 'log://2'],
  templates: ['file:///public/{name}', 'log://{id}'],
  prompts: ['summary', 'translate', 'secret'],
} as const;

const POLICY = {
  version: '1',
  default: 'deny',
  resources: {
    'file:///public/*': { limits: [{ counter: 'reads', window: 'month', max: 3 }] },
    'file:///public/secret/*': { action: 'deny', reason: 'Not these' },
  },
  prompts: { summary: { require: [{ path: 'args.tone', op: 'eq', value: 'kind' }] }, translate: {} },
};

let upstream: Upstream;
const { test, tenant } = tenantTest();

let grant: Grant;
let client: Client;

test.beforeAll(async () => {
  upstream = await startUpstream({ offers, tools: [aTool('summary')] });
});
test.afterAll(async () => {
  await upstream.close();
});
test.beforeEach(async () => {
  const serverId = await tenant.server(upstream.url);
  grant = await tenant.grant({ serverId, policyId: await tenant.policy(serverId, POLICY) });
  client = await connect(grant);
});

const denied = (message: string, decision: Json) =>
  expect.objectContaining({
    code: -33_004,
    message: expect.stringContaining(`[POLICY DENIED] ${message}`) as string,
    data: { 'io.toolgate/decision': expect.objectContaining(decision) as Json },
  });
const decided = async (): Promise<readonly Json[]> =>
  (await tenant.events(`&type=toolCall.decided&grantId=${grant.id}`)).map(
    ({ method, tool, code, rule, argumentKeys, definitionHash }) => ({
      method,
      tool,
      code,
      rule,
      argumentKeys,
      definitionHash,
    }),
  );
/** Requests that the upstream got: notifications and the client's own stream come when they come. */
const asked = (): number => upstream.countRequests();
const outcomes = async (): Promise<readonly Json[]> =>
  (await tenant.events(`&type=toolCall.completed&grantId=${grant.id}`)).map(({ tool, status }) => ({ tool, status }));

describe('what a policy lets pass', () => {
  test('is offered, listed, and reaches the upstream as it was sent', async () => {
    expect(client.getServerCapabilities()).toEqual({
      tools: { listChanged: true },
      resources: { subscribe: true, listChanged: true },
      prompts: { listChanged: true },
      completions: {},
      logging: {},
    });
    expect((await client.listResources()).resources.map(({ uri }) => uri)).toEqual([
      'file:///public/a',
      'file:///public/secret/a',
    ]);
    expect((await client.listResourceTemplates()).resourceTemplates.map(({ uriTemplate }) => uriTemplate)).toEqual([
      'file:///public/{name}',
    ]);
    expect((await client.listPrompts()).prompts.map(({ name }) => name)).toEqual(['summary', 'translate']);
    expect(await client.readResource({ uri: 'file:///public/a' })).toEqual({
      contents: [{ uri: 'file:///public/a', text: 'text of file:///public/a' }],
    });
    expect(await client.subscribeResource({ uri: 'file:///public/a' })).toEqual({});
    expect(await client.unsubscribeResource({ uri: 'file:///public/a' })).toEqual({});
    expect((await client.getPrompt({ name: 'summary', arguments: { tone: 'kind' } })).messages[0]?.content).toEqual({
      type: 'text',
      text: '{"tone":"kind"}',
    });
    expect(
      (
        await client.complete({
          ref: { type: 'ref/prompt', name: 'translate' },
          argument: { name: 'language', value: 'f' },
        })
      ).completion.values,
    ).toEqual(['f!']);
    expect(
      (
        await client.complete({
          ref: { type: 'ref/resource', uri: 'file:///public/{name}' },
          argument: { name: 'name', value: 'a' },
        })
      ).completion.values,
    ).toEqual(['a!']);
    expect(await client.setLoggingLevel('info')).toEqual({});
    await expect.poll(outcomes, { timeout: 20_000 }).toHaveLength(6);
  });
});

describe('what a policy refuses', () => {
  test(
    'is a JSON-RPC error with a code of our own, on record, and reaches no upstream; the session ' + 'lives on',
    async () => {
      const before = asked();
      await expect(client.readResource({ uri: 'log://1' })).rejects.toEqual(
        denied('log://1 is not allowed by this policy', { effect: 'deny', code: 'not_listed', rule: '/default' }),
      );
      await expect(client.readResource({ uri: 'file:///public/secret/a' })).rejects.toEqual(
        denied('Not these', { code: 'denied_by_rule' }),
      );
      await expect(client.readResource({ uri: 'file:///public/%73ecret/a' })).rejects.toEqual(
        denied('Not these', { code: 'denied_by_rule' }),
      );
      await expect(client.readResource({ uri: 'file:///public/../etc/passwd' })).rejects.toEqual(
        denied('the URI of the resource can be read in more than one way', { code: 'malformed', rule: null }),
      );
      await expect(client.subscribeResource({ uri: 'log://2' })).rejects.toEqual(
        denied('log://2', { code: 'not_listed' }),
      );
      await expect(client.getPrompt({ name: 'secret' })).rejects.toEqual(denied('secret', { code: 'not_listed' }));
      await expect(client.getPrompt({ name: 'summary', arguments: { tone: 'rude' } })).rejects.toEqual(
        denied('summary: the policy requires', { code: 'argument_rule', rule: '/prompts/summary/require/0' }),
      );
      await expect(
        client.complete({ ref: { type: 'ref/prompt', name: 'secret' }, argument: { name: 'a', value: 'b' } }),
      ).rejects.toEqual(denied('secret', { code: 'not_listed' }));
      expect(asked()).toBe(before);
      expect((await client.listPrompts()).prompts).toHaveLength(2);
      await expect.poll(decided, { timeout: 20_000 }).toHaveLength(8);
      expect(await decided()).toEqual([
        {
          method: 'resources/read',
          tool: 'log://1',
          code: 'not_listed',
          rule: '/default',
          argumentKeys: ['uri'],
          definitionHash: null,
        },
        {
          method: 'resources/read',
          tool: 'file:///public/secret/a',
          code: 'denied_by_rule',
          rule: '/resources/file:~1~1~1public~1secret~1*/action',
          argumentKeys: ['uri'],
          definitionHash: null,
        },
        {
          method: 'resources/read',
          tool: 'file:///public/%73ecret/a',
          code: 'denied_by_rule',
          rule: '/resources/file:~1~1~1public~1secret~1*/action',
          argumentKeys: ['uri'],
          definitionHash: null,
        },
        {
          method: 'resources/read',
          tool: 'file:///public/../etc/passwd',
          code: 'malformed',
          rule: null,
          argumentKeys: ['uri'],
          definitionHash: null,
        },
        {
          method: 'resources/subscribe',
          tool: 'log://2',
          code: 'not_listed',
          rule: '/default',
          argumentKeys: ['uri'],
          definitionHash: null,
        },
        {
          method: 'prompts/get',
          tool: 'secret',
          code: 'not_listed',
          rule: '/default',
          argumentKeys: [],
          definitionHash: null,
        },
        {
          method: 'prompts/get',
          tool: 'summary',
          code: 'argument_rule',
          rule: '/prompts/summary/require/0',
          argumentKeys: ['tone'],
          definitionHash: null,
        },
        {
          method: 'completion/complete',
          tool: 'secret',
          code: 'not_listed',
          rule: '/default',
          argumentKeys: ['a'],
          definitionHash: null,
        },
      ]);
    },
  );

  test('limits count reads and subscriptions, and neither completions nor leaving off', async () => {
    for (let count = 0; count < 4; count += 1)
      await client.complete({
        ref: { type: 'ref/resource', uri: 'file:///public/{name}' },
        argument: { name: 'name', value: 'a' },
      });
    await client.readResource({ uri: 'file:///public/a' });
    await client.subscribeResource({ uri: 'file:///public/a' });
    await client.unsubscribeResource({ uri: 'file:///public/a' });
    await client.readResource({ uri: 'file:///public/b' });
    await expect(client.readResource({ uri: 'file:///public/a' })).rejects.toEqual(
      denied('file:///public/a: 3 per month used up', {
        code: 'rate_limited',
        rule: '/resources/file:~1~1~1public~1*/limits/0',
      }),
    );
    expect(
      (
        await client.complete({
          ref: { type: 'ref/resource', uri: 'file:///public/{name}' },
          argument: { name: 'name', value: 'b' },
        })
      ).completion.values,
    ).toEqual(['b!']);
  });

  test('a grant without a policy lists nothing, reads nothing and sets no level', async () => {
    const bare = await connect(await tenant.grant({ serverId: await tenant.server(upstream.url) }));
    expect([
      (await bare.listResources()).resources,
      (await bare.listResourceTemplates()).resourceTemplates,
      (await bare.listPrompts()).prompts,
    ]).toEqual([[], [], []]);
    await expect(bare.readResource({ uri: 'file:///public/a' })).rejects.toEqual(
      denied('this grant has no policy', { code: 'no_policy' }),
    );
    await expect(bare.setLoggingLevel('debug')).rejects.toEqual(
      expect.objectContaining({ code: ErrorCode.MethodNotFound } satisfies Partial<McpError>),
    );
  });
});

describe('what a policy holds for approval', () => {
  const HOLDING = {
    version: '1',
    default: 'deny',
    approval: { wait: 0 },
    tools: { summary: { action: 'require_approval' } },
    resources: { 'log://*': { action: 'require_approval', reason: 'Logs are private' } },
    prompts: { summary: { action: 'require_approval' } },
  };
  const approvalIn = async (call: Promise<unknown>): Promise<string> => {
    const { code, message, data } = (await call.then(
      () => undefined,
      (error: McpError) => error,
    )) as McpError;
    expect([code, message.includes('[APPROVAL REQUIRED]')]).toEqual([-33_004, true]);
    return ((data as Json)['io.toolgate/decision'] as Json)['approvalId'] as string;
  };

  test(
    'is asked for as calls are: people see what it is, and once it is approved the same request is ' + 'answered once',
    async () => {
      const approver = await tenant.person('approver');
      const serverId = await tenant.server(upstream.url);
      const held = await connect(await tenant.grant({ serverId, policyId: await tenant.policy(serverId, HOLDING) }));
      const [read, got] = [
        () => held.readResource({ uri: 'log://1' }),
        () => held.getPrompt({ name: 'summary', arguments: { tone: 'kind' } }),
      ];
      const before = asked();
      const [log, prompt] = [await approvalIn(read()), await approvalIn(got())];
      expect([await approvalIn(read()), asked()]).toEqual([log, before]);
      expect((await approver.api('GET', `/v1/approvals/${log}`)).body).toMatchObject({
        status: 'pending',
        kind: 'resource',
        tool: 'log://1',
        rule: '/resources/log:~1~1*/action',
        reason: 'Logs are private',
        arguments: { uri: 'log://1' },
      });
      expect((await approver.api('GET', `/v1/approvals/${prompt}`)).body).toMatchObject({
        status: 'pending',
        kind: 'prompt',
        tool: 'summary',
        definitionHash: null,
        arguments: { tone: 'kind' },
      });
      for (const id of [log, prompt])
        expect((await approver.api('POST', `/v1/approvals/${id}/approve`)).status).toBe(200);
      const tool = (await held.callTool({ name: 'summary', arguments: { tone: 'kind' } })) as Json;
      expect([tool['isError'], JSON.stringify(tool).includes(prompt)]).toEqual([true, false]);
      expect(await read()).toMatchObject({ contents: [{ uri: 'log://1' }] });
      expect((await got()).messages).toHaveLength(1);
      for (const id of [log, prompt])
        expect((await approver.api('GET', `/v1/approvals/${id}`)).body).toMatchObject({ status: 'used' });
      expect([await approvalIn(read()), await approvalIn(got())].some((id) => id === log || id === prompt)).toBe(false);
    },
  );

  test(
    'a prompt and a tool that is not discovered yet, of one name and with the same arguments, wait ' +
      'for people beside each other',
    async () => {
      const serverId = await tenant.server(upstream.url);
      const both = {
        version: '1',
        default: 'deny',
        approval: { wait: 0 },
        tools: { translate: { action: 'require_approval' } },
        prompts: { translate: { action: 'require_approval' } },
      };
      const held = await connect(await tenant.grant({ serverId, policyId: await tenant.policy(serverId, both) }));
      const prompt = await approvalIn(held.getPrompt({ name: 'translate', arguments: { tone: 'kind' } }));
      const tool = decisionOf((await held.callTool({ name: 'translate', arguments: { tone: 'kind' } })) as Json)[
        'approvalId'
      ];
      expect(tool).toEqual(expect.stringMatching(/^apr_/));
      expect(tool).not.toBe(prompt);
    },
  );

  test('is neither subscribed to nor completed, and nobody is asked about that', async () => {
    const serverId = await tenant.server(upstream.url);
    const holding = await tenant.grant({ serverId, policyId: await tenant.policy(serverId, HOLDING) });
    const held = await connect(holding);
    const refused = (method: string) =>
      denied(`log://1 needs a person's approval, which ${method} can't ask for`, {
        effect: 'deny',
        code: 'approval_required',
        rule: '/resources/log:~1~1*/action',
      });
    await expect(held.subscribeResource({ uri: 'log://1' })).rejects.toEqual(refused('resources/subscribe'));
    await expect(
      held.complete({ ref: { type: 'ref/prompt', name: 'summary' }, argument: { name: 'tone', value: 'k' } }),
    ).rejects.toEqual(
      denied("summary needs a person's approval, which completion/complete can't ask for", {
        code: 'approval_required',
      }),
    );
    expect(
      ((await tenant.api('GET', '/v1/approvals?status=pending')).body['items'] as readonly Json[]).filter(
        ({ grantId }) => grantId === holding.id,
      ),
    ).toEqual([]);
  });
});

test(
  'a request that names nothing in the way that MCP has it is -32602, on record as malformed, and ' +
    'reaches no upstream',
  async () => {
    const session = await openSession(grant);
    const before = asked();
    const requests: readonly (readonly [string, Json])[] = [
      ['resources/read', {}],
      ['resources/read', { uri: 7 }],
      ['resources/read', { uri: '' }],
      ['resources/subscribe', { uri: 'x'.repeat(2049) }],
      ['prompts/get', { name: ['summary'] }],
      ['prompts/get', { name: 'summary', arguments: [] }],
      ['completion/complete', { ref: { type: 'ref/prompt', name: 'translate' } }],
      [
        'completion/complete',
        { ref: { type: 'ref/prompt', name: 'translate', uri: 'log://1' }, argument: { name: 'a', value: 'b' } },
      ],
      [
        'completion/complete',
        { ref: { type: 'ref/prompt', name: 'translate', Name: 'secret' }, argument: { name: 'a', value: 'b' } },
      ],
      ['completion/complete', { ref: { type: 'ref/other', name: 'translate' }, argument: { name: 'a', value: 'b' } }],
    ];
    for (const [index, [method, params]] of requests.entries()) {
      const response = await session.post({ jsonrpc: '2.0', id: index, method, params });
      expect([response.status, await response.json()]).toEqual([
        200,
        expect.objectContaining({ id: index, error: expect.objectContaining({ code: -32_602 }) as Json }),
      ]);
    }
    expect(asked()).toBe(before);
    await expect
      .poll(async () => (await decided()).filter(({ code, tool }) => code === 'malformed' && tool === null).length, {
        timeout: 20_000,
      })
      .toBe(requests.length);
  },
);
