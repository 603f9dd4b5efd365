import { describe, expect } from 'vitest';
import { META } from '../../../src/mcp/protocol/modern.js';
import { modernClient, modernRequest, type ModernClient } from '../../support/modern-client.js';
import { startModernUpstream, type ModernUpstream } from '../../support/modern-upstream.js';
import { tenantTest } from '../../support/product-test.js';
import { openSession, type Grant } from '../../support/tenant.js';
import { aTool } from '../../support/upstream.js';

type Json = Record<string, unknown>;

const region = {
  type: 'object',
  properties: {
    region: { type: 'string', 'x-mcp-header': 'Region' },
    deep: {
      type: 'object',
      properties: {
        count: { type: 'integer', 'x-mcp-header': 'Count' },
        on: { type: 'boolean', 'x-mcp-header': 'On' },
      },
    },
  },
};
const POLICY = {
  version: '1',
  default: 'deny',
  tools: {
    echo: {},
    'é☃': {},
    query: { require: [{ path: 'args.region', op: 'neq', value: 'moon', on_deny: 'Not on the moon' }] },
    slow: {},
    ask: {},
    secret: { action: 'deny' },
  },
  resources: { 'note://a': {} },
};

let upstream: ModernUpstream;
const { test, tenant } = tenantTest();

let serverId: string;
let grant: Grant;
let client: ModernClient;
const slow: { cancelled: number; started: number } = { cancelled: 0, started: 0 };

test.beforeAll(async () => {
  upstream = await startModernUpstream({
    legacy: true,
    tools: [
      aTool('echo'),
      aTool('é☃'),
      aTool('query', { inputSchema: region }),
      aTool('slow'),
      aTool('ask'),
      aTool('secret'),
      aTool('unlisted'),
    ],
    resources: { 'note://a': 'text of a', 'note://b': 'text of b' },
    call: async ({ name, arguments: given }, { mcpReq }) => {
      if (name === 'slow') {
        slow.started += 1;
        await new Promise<void>((resolve) => {
          mcpReq.signal.addEventListener('abort', () => {
            slow.cancelled += 1;
            resolve();
          });
        });
      }
      if (name === 'ask' && mcpReq.inputResponses === undefined) {
        return {
          resultType: 'input_required',
          inputRequests: {
            who: {
              method: 'elicitation/create',
              params: { mode: 'form', message: 'Who?', requestedSchema: { type: 'object', properties: {} } },
            },
          },
          requestState: 'a state',
        };
      }
      return {
        content: [
          {
            type: 'text',
            text: JSON.stringify({ tool: name, arguments: given ?? null, answered: mcpReq.inputResponses ?? null }),
          },
        ],
        'x.example/kept': [1],
      };
    },
  });
  serverId = await tenant.server(upstream.url, {
    auth: { type: 'headers', headers: { 'private-token': 'glpat-upstream-secret' } },
  });
  grant = await tenant.grant({ serverId, policyId: await tenant.policy(serverId, POLICY) });
  client = modernClient(grant);
});
test.afterAll(async () => {
  await upstream.close();
});

const call = (name: string, given: Json = {}, more: Parameters<typeof modernRequest>[2] = {}) =>
  client.ask('tools/call', { name, arguments: given }, more);
const resultOf = ({ body }: Readonly<{ body: Json }>): Json => body['result'] as Json;
const decided = async (...ids: readonly string[]): Promise<readonly Json[]> =>
  (await tenant.events(`&type=toolCall.decided&grantId=${grant.id}`)).filter(({ requestId }) =>
    ids.includes(String(requestId)),
  );
const codeOf = ({ body }: Readonly<{ body: Json }>): unknown => (body['error'] as Json | undefined)?.['code'];

describe('what a policy lets pass', () => {
  test('a call is served without a session, byte for byte, with the headers that mirror it', async () => {
    const { headers, body } = modernRequest(
      'tools/call',
      { name: 'query', arguments: { region: 'ö', deep: { count: 42, on: true } } },
      {
        id: 'call-1',
        headers: {
          'mcp-param-region': `=?base64?${Buffer.from('ö').toString('base64')}?=`,
          'mcp-param-count': '42.0',
          'mcp-param-on': 'true',
          'mcp-param-unknown': 'kept',
          cookie: 'a=b',
        },
      },
    );
    const response = await fetch(grant.mcpUrl, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${grant.token}`,
        'mcp-session-id': 'of-nobody',
        'last-event-id': '7',
        ...headers,
      },
      body,
    });
    expect([response.status, response.headers.get('mcp-session-id')]).toEqual([200, null]);
    expect(await response.text()).toContain('x.example/kept');
    const seen = upstream.seenOf('tools/call').at(-1);
    expect(seen?.text).toBe(body);
    expect(seen?.headers).toMatchObject({
      'private-token': 'glpat-upstream-secret',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': 'query',
      'mcp-param-region': '=?base64?w7Y=?=',
      'mcp-param-count': '42.0',
      'mcp-param-on': 'true',
      'mcp-param-unknown': 'kept',
    });
    for (const name of ['authorization', 'cookie', 'mcp-session-id', 'last-event-id'])
      expect(seen?.headers[name]).toBeUndefined();
  });

  test('a name that a header can not carry is encoded, both ways', async () => {
    expect(JSON.parse((resultOf(await call('é☃'))['content'] as { text: string }[])[0]?.text ?? '')).toMatchObject({
      tool: 'é☃',
    });
    expect(upstream.seenOf('tools/call').at(-1)?.headers['mcp-name']).toBe(
      `=?base64?${Buffer.from('é☃').toString('base64')}?=`,
    );
  });

  test('input that is required travels back and forth unchanged, each round decided and on record', async () => {
    const meta = { [META.clientCapabilities]: { elicitation: { form: {} } } };
    const first = resultOf(await call('ask', {}, { id: 'round 1', meta }));
    expect(first).toMatchObject({
      resultType: 'input_required',
      requestState: 'a state',
      inputRequests: { who: { method: 'elicitation/create' } },
    });
    const second = resultOf(
      await client.ask(
        'tools/call',
        {
          name: 'ask',
          arguments: {},
          inputResponses: { who: { action: 'accept', content: {} } },
          requestState: 'a state',
        },
        { id: 'round 2', meta },
      ),
    );
    expect(second).toMatchObject({ resultType: 'complete' });
    expect(JSON.parse((second['content'] as { text: string }[])[0]?.text ?? '')).toMatchObject({
      answered: { who: { action: 'accept' } },
    });
    await expect
      .poll(() => decided('round 1', 'round 2'), { timeout: 5000 })
      .toMatchObject([
        { code: 'allowed', tool: 'ask' },
        { code: 'allowed', tool: 'ask' },
      ]);
  });

  test(
    'lists show what the policy shows, to this grant alone and not for longer than a change of policy ' + 'may take',
    async () => {
      const tools = resultOf(await client.ask('tools/list'));
      expect((tools['tools'] as { name: string }[]).map(({ name }) => name)).toEqual([
        'echo',
        'é☃',
        'query',
        'slow',
        'ask',
        'secret',
      ]);
      for (const list of [tools, resultOf(await client.ask('resources/list'))])
        expect(list).toMatchObject({
          resultType: 'complete',
          cacheScope: 'private',
          ttlMs: expect.any(Number) as number,
        });
      expect(tools['ttlMs']).toBeLessThanOrEqual(1000);
      expect(
        (resultOf(await client.ask('resources/list'))['resources'] as { uri: string }[]).map(({ uri }) => uri),
      ).toEqual(['note://a']);
      expect(resultOf(await client.ask('resources/read', { uri: 'note://a' }))).toMatchObject({
        cacheScope: 'private',
        contents: [{ text: 'text of a' }],
      });
    },
  );

  test('server/discover says what is spoken here and offered here', async () => {
    const { status, body } = await client.ask('server/discover');
    expect(status).toBe(200);
    expect(body['result']).toMatchObject({
      resultType: 'complete',
      supportedVersions: ['2026-07-28', '2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'],
      capabilities: { tools: { listChanged: true }, resources: { listChanged: true, subscribe: true } },
      instructions: 'Be kind.',
      cacheScope: 'private',
      _meta: { [META.serverInfo]: { name: 'modern-upstream' } },
    });
  });
});

describe('what a policy refuses', () => {
  test('is a complete result of a call, and an error of anything else, with status 200 and on record', async () => {
    const before = upstream.seen.length;
    expect(resultOf(await call('secret'))).toMatchObject({
      resultType: 'complete',
      isError: true,
      _meta: { 'io.toolgate/decision': { code: 'denied_by_rule' } },
    });
    expect(
      resultOf(await call('query', { region: 'moon' }, { headers: { 'mcp-param-region': 'moon' } })),
    ).toMatchObject({ resultType: 'complete', isError: true, content: [{ text: '[POLICY DENIED] Not on the moon' }] });
    const read = await client.ask('resources/read', { uri: 'note://b' }, { id: 'refused' });
    expect([read.status, read.body['error']]).toMatchObject([
      200,
      { code: -33_004, message: '[POLICY DENIED] note://b is not allowed by this policy' },
    ]);
    expect(upstream.seen.length).toBe(before);
    await expect
      .poll(() => decided('refused'), { timeout: 5000 })
      .toMatchObject([
        {
          method: 'resources/read',
          tool: 'note://b',
          sessionId: null,
          protocolVersion: '2026-07-28',
          client: { name: 'bare', version: '1' },
        },
      ]);
  });

  test('a grant without a policy lists nothing', async () => {
    const bare = modernClient(await tenant.grant({ serverId }));
    expect(resultOf(await bare.ask('tools/list'))).toEqual({
      resultType: 'complete',
      tools: [],
      ttlMs: 0,
      cacheScope: 'private',
    });
  });
});

describe('what is not one request in one reading', () => {
  type Case = readonly [
    string,
    Promise<Readonly<{ status: number; body: Json }>> | (() => Promise<Readonly<{ status: number; body: Json }>>),
    number,
    number,
  ];
  const meta = (without: string): Json => ({ [without]: undefined });
  const echo = (more: Parameters<typeof modernRequest>[2]) => () => call('echo', {}, more);
  const query = (given: Json, headers: Record<string, string | null>) => () => call('query', given, { headers });
  const cases: readonly Case[] = [
    ['no version in the body', echo({ meta: meta(META.protocolVersion) }), 400, -32_602],
    ['a version that is no text', echo({ meta: { [META.protocolVersion]: 7 } }), 400, -32_602],
    ['no capabilities', echo({ meta: meta(META.clientCapabilities) }), 400, -32_602],
    ['capabilities that are a list', echo({ meta: { [META.clientCapabilities]: [] } }), 400, -32_602],
    ['a client that is a text', echo({ meta: { [META.clientInfo]: 'x' } }), 400, -32_602],
    ['no version header', echo({ headers: { 'mcp-protocol-version': null } }), 400, -32_020],
    ['another version header', echo({ headers: { 'mcp-protocol-version': '2025-11-25' } }), 400, -32_020],
    [
      'a version that is not spoken',
      echo({ meta: { [META.protocolVersion]: '2099-01-01' }, headers: { 'mcp-protocol-version': '2099-01-01' } }),
      400,
      -32_022,
    ],
    ['no method header', echo({ headers: { 'mcp-method': null } }), 400, -32_020],
    ['another method header', echo({ headers: { 'mcp-method': 'tools/list' } }), 400, -32_020],
    ['a method header in another case', echo({ headers: { 'mcp-method': 'Tools/Call' } }), 400, -32_020],
    ['no name header', echo({ headers: { 'mcp-name': null } }), 400, -32_020],
    ['another name header', echo({ headers: { 'mcp-name': 'secret' } }), 400, -32_020],
    ['a name header with wrong padding', echo({ headers: { 'mcp-name': '=?base64?ZWNobw?=' } }), 400, -32_020],
    [
      'another URI header',
      () => client.ask('resources/read', { uri: 'note://a' }, { headers: { 'mcp-name': 'note://b' } }),
      400,
      -32_020,
    ],
    ['a parameter without its header', query({ region: 'x' }, {}), 400, -32_020],
    ['a parameter with another header', query({ region: 'x' }, { 'mcp-param-region': 'y' }), 400, -32_020],
    ['a header without its parameter', query({}, { 'mcp-param-region': 'y' }), 400, -32_020],
    ['a header for a parameter that is null', query({ region: null }, { 'mcp-param-region': 'null' }), 400, -32_020],
    ['a number with another header', query({ deep: { count: 42 } }, { 'mcp-param-count': '43' }), 400, -32_020],
    [
      'a number with a header in hexadecimal',
      query({ deep: { count: 42 } }, { 'mcp-param-count': '0x2a' }),
      400,
      -32_020,
    ],
    ['a boolean with another header', query({ deep: { on: true } }, { 'mcp-param-on': 'True' }), 400, -32_020],
    ['an unknown method', () => client.ask('made/up'), 404, -32_601],
    ['ping', () => client.ask('ping'), 404, -32_601],
    ['initialize', () => client.ask('initialize'), 404, -32_601],
    ['logging/setLevel', () => client.ask('logging/setLevel', { level: 'info' }), 404, -32_601],
    ['resources/subscribe', () => client.ask('resources/subscribe', { uri: 'note://a' }), 404, -32_601],
    ['a filter that is no object', () => client.ask('subscriptions/listen', { notifications: [] }), 200, -32_602],
    [
      'a filter that some servers would read in another way',
      () => client.ask('subscriptions/listen', { notifications: { ResourceSubscriptions: ['note://b'] } }),
      200,
      -32_602,
    ],
    [
      'a filter that some servers would read in another way by a letter that has one more upper case',
      () => client.ask('subscriptions/listen', { notifications: { reſourceSubscriptions: ['note://b'] } }),
      200,
      -32_602,
    ],
  ];

  test.each(cases)('%s', async (_name, ask, status, code) => {
    const before = upstream.seen.length;
    const answer = await (ask as () => Promise<Readonly<{ status: number; body: Json }>>)();
    expect([answer.status, codeOf(answer), answer.body['id']]).toEqual([status, code, 1]);
    expect(upstream.seen.length).toBe(before);
  });

  test('a revision that is not spoken is told with those that are', async () => {
    const { body } = await call(
      'echo',
      {},
      { meta: { [META.protocolVersion]: '2099-01-01' }, headers: { 'mcp-protocol-version': '2099-01-01' } },
    );
    expect((body['error'] as Json)['data']).toEqual({
      supported: ['2026-07-28', '2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'],
      requested: '2099-01-01',
    });
  });

  test('what headers and body say differently is on record as malformed', async () => {
    await call('echo', {}, { id: 'mismatch', headers: { 'mcp-name': 'secret' } });
    await expect
      .poll(() => decided('mismatch'), { timeout: 5000 })
      .toMatchObject([{ code: 'malformed', tool: null, method: 'tools/call' }]);
  });
});

describe('HTTP', () => {
  const send = (method: string, headers: Readonly<Record<string, string>>, body?: string) =>
    fetch(grant.mcpUrl, {
      method,
      headers: { authorization: `Bearer ${grant.token}`, ...headers },
      ...(body === undefined ? {} : { body }),
    });

  test('GET and DELETE without a session, or of this era, are 405', async () => {
    const session = await openSession(grant);
    for (const method of ['GET', 'DELETE']) {
      const bare = await send(method, {});
      expect([bare.status, bare.headers.get('allow')]).toEqual([405, 'POST']);
      expect((await send(method, { 'mcp-session-id': session.id, 'mcp-protocol-version': '2026-07-28' })).status).toBe(
        405,
      );
    }
    expect((await session.post({ jsonrpc: '2.0', id: 1, method: 'ping' })).status).toBe(200);
  });

  test.each(['text/html', 'application/json', 'text/event-stream', 'application/json, text/event-stream;q=0'])(
    'a client that takes only %s is 406',
    async (accept) => {
      const { headers, body } = modernRequest('tools/list', {}, { headers: { accept } });
      expect((await send('POST', headers, body)).status).toBe(406);
    },
  );

  test.each(['*/*', 'text/*, application/*;q=0.5', 'TEXT/EVENT-STREAM, APPLICATION/JSON'])(
    'a client that takes %s is served',
    async (accept) => {
      const { headers, body } = modernRequest('tools/list', {}, { headers: { accept } });
      expect((await send('POST', headers, body)).status).toBe(200);
    },
  );

  test('a notification is taken, a response is refused, and neither reaches the upstream', async () => {
    const before = upstream.seen.length;
    const headers = {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
    };
    expect(
      (
        await send(
          'POST',
          headers,
          JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } }),
        )
      ).status,
    ).toBe(202);
    expect((await send('POST', headers, JSON.stringify({ jsonrpc: '2.0', id: 1, result: {} }))).status).toBe(400);
    expect(upstream.seen.length).toBe(before);
  });

  test('a session of the other era goes on beside it on the same URL', async () => {
    const session = await openSession(grant);
    const answer = await session.post({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'echo', arguments: {} },
    });
    expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining('echo')]);
  });
});

test('a client that leaves cancels its call, and that is its outcome', async () => {
  const leave = new AbortController();
  const before = { ...slow };
  const left = client
    .open('tools/call', { name: 'slow', arguments: {} }, {}, leave.signal)
    .then((response) => response.text());
  await expect.poll(() => slow.started).toBe(before.started + 1);
  leave.abort();
  await expect(left).rejects.toThrow();
  await expect.poll(() => slow.cancelled, { timeout: 5000 }).toBe(before.cancelled + 1);
  await expect
    .poll(
      async () =>
        (await tenant.events(`&type=toolCall.completed&grantId=${grant.id}&tool=slow`)).map(({ status }) => status),
      { timeout: 5000 },
    )
    .toEqual(['cancelled']);
});
