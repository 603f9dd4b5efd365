import { describe, expect } from 'vitest';
import { tenantTest } from '../../support/product-test.js';
import { openSession, type Grant } from '../../support/tenant.js';
import { aTool, startUpstream, type Upstream } from '../../support/upstream.js';

const { test, toolgate, tenant } = tenantTest();
let upstream: Upstream;
let serverId: string;
let policyId: string;

test.beforeAll(async () => {
  upstream = await startUpstream({ tools: [aTool('echo')] });
  serverId = await tenant.server(upstream.url);
  policyId = await tenant.policy(serverId, { version: '1', default: 'allow' });
});
test.afterAll(async () => {
  await upstream.close();
});

const MIB = 1024 * 1024;
const decisions = async (grant: Grant, count: number): Promise<readonly Record<string, unknown>[]> => {
  await expect
    .poll(async () => (await tenant.events(`&type=toolCall.decided&grantId=${grant.id}`)).length, { timeout: 8000 })
    .toBe(count);
  return tenant.events(`&type=toolCall.decided&grantId=${grant.id}`);
};
/** Whether a text, or what it would be as JSON, holds half a surrogate pair. */
const isTorn = (value: unknown): boolean => /[\uD800-\uDFFF]/u.test(String(value));

describe('what a client makes up', () => {
  test('an id and a method of megabytes are answered, and the record of them stays small', async () => {
    const grant = await tenant.grant({ serverId, policyId });
    const session = await openSession(grant);
    const id = 'i'.repeat(3 * MIB);
    const called = (
      await (await session.post({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'echo' } })).text()
    ).slice(0, 100);
    expect(called).toMatch(/^event: message|^data: /);
    const refused = (await (await session.post({ jsonrpc: '2.0', id, method: 'm'.repeat(MIB - 100) })).json()) as {
      id: string;
      error: { code: number; message: string };
    };
    expect([refused.id === id, refused.error.code, refused.error.message.length < 500]).toEqual([true, -32_601, true]);
    const events = await decisions(grant, 2);
    expect(Math.max(...events.map((event) => JSON.stringify(event).length))).toBeLessThan(4000);
    expect(events[0]?.['requestId']).toBe('i'.repeat(256));
  });

  test('a body over 4 MiB is refused on record', async () => {
    const grant = await tenant.grant({ serverId, policyId });
    const session = await openSession(grant);
    expect((await session.post(new Uint8Array(4 * MIB + 1))).status).toBe(413);
    expect(await decisions(grant, 1)).toMatchObject([{ effect: 'deny', code: 'malformed', reason: 'over 4 MiB' }]);
  });

  test('a name that is cut for the record is never cut in the middle of a character', async () => {
    const grant = await tenant.grant({ serverId, policyId });
    const name = `${'c'.repeat(127)}😀`;
    const headers = {
      authorization: `Bearer ${grant.token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    };
    const post = (body: unknown, more: Readonly<Record<string, string>> = {}): Promise<Response> =>
      fetch(grant.mcpUrl, { method: 'POST', headers: { ...headers, ...more }, body: JSON.stringify(body) });
    const initialized = await post({
      jsonrpc: '2.0',
      id: 0,
      method: 'initialize',
      params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name, version: name } },
    });
    const session = { 'mcp-session-id': initialized.headers.get('mcp-session-id') ?? '' };
    await (
      await post(
        {
          jsonrpc: '2.0',
          id: `${'r'.repeat(255)}😀`,
          method: 'tools/call',
          params: { name: 'echo', arguments: { [`${'k'.repeat(63)}😀`]: 1 } },
        },
        session,
      )
    ).text();
    const [event] = await decisions(grant, 1);
    const client = event?.['client'] as Record<string, string>;
    expect([client['name'], client['version']]).toEqual(['c'.repeat(127), 'c'.repeat(127)]);
    expect(event?.['argumentKeys']).toEqual(['k'.repeat(63)]);
    expect(isTorn(event?.['requestId'])).toBe(false);
  });
});

describe('a page of a list that a server makes up', () => {
  const tools = (count: number): string =>
    JSON.stringify(Array.from({ length: count }, (_, n) => ({ name: `t${n}`, inputSchema: { type: 'object' } })));
  /** What a client is told when the server answers tools/list with this, as an event stream or a JSON body. */
  const listed = async (answer: (id: unknown) => string, type = 'application/json', status = 200): Promise<string> => {
    const session = await openSession(await tenant.grant({ serverId, policyId }));
    upstream.setIntercept(
      (_request, response, { message }) =>
        message?.['method'] === 'tools/list' &&
        response.writeHead(status, { 'content-type': type }).end(answer(message['id'])) !== undefined,
    );
    try {
      return await (await session.post({ jsonrpc: '2.0', id: 5, method: 'tools/list' })).text();
    } finally {
      upstream.setIntercept(undefined);
    }
  };
  const message =
    (count: number) =>
    (id: unknown): string =>
      `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"tools":${tools(count)}}}`;
  const inStream =
    (count: number) =>
    (id: unknown): string =>
      `data: ${message(count)(id)}\n\n`;
  const TOO_LONG = {
    jsonrpc: '2.0',
    id: 5,
    error: { code: -33_103, message: 'the MCP server lists more than 2000 tools on one page' },
  };

  test('is shown up to 2000 tools; a longer one is not read, and the client is told so', async () => {
    expect((await listed(message(2000))).match(/"name"/g)).toHaveLength(2000);
    expect(JSON.parse(await listed(message(2001)))).toEqual(TOO_LONG);
    const streamed = await listed(inStream(2001), 'text/event-stream');
    expect(JSON.parse(streamed.replace(/^data: /, ''))).toEqual(TOO_LONG);
  });

  test('keeps nobody waiting by its keys: a page of more than 100,000 is not read', async () => {
    const keys =
      (count: number) =>
      (id: unknown): string =>
        `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"tools":[{"name":"t0",` +
        `"inputSchema":{"type":"object"},"x":{${Array.from({ length: count }, (_, n) => `"k${n}":1`).join(',')}` +
        '}}]}}';
    expect(await listed(keys(99_000))).toContain('"k98999"');
    const refused = { id: 5, error: { message: 'the MCP server gave no readable list' } };
    expect(JSON.parse(await listed(keys(100_001)))).toMatchObject(refused);
    expect(JSON.parse(await listed((id) => `data: ${keys(100_001)(id)}\n\n`, 'text/event-stream'))).toMatchObject(
      refused,
    );
  });

  test('does not pass beside an error, which counts alone', async () => {
    const both = (id: unknown): string =>
      `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"error":{"code":1,"message":"x"},"result":{"tools":${tools(1)}}}`;
    for (const status of [200, 400])
      expect(JSON.parse(await listed(both, 'application/json', status))).toEqual({
        jsonrpc: '2.0',
        id: 5,
        error: { code: 1, message: 'x' },
      });
  });

  test('does not pass under the id of another request, before the answer', async () => {
    const twice = (id: unknown): string =>
      `data: {"result" : {"tools":${tools(3)}},"id":"other"}\n\n${inStream(1)(id)}`;
    expect((await listed(twice, 'text/event-stream')).match(/"name":"\w+"/g)).toEqual(['"name":"t0"']);
  });
});

test('a stream that an identity asks for while it is switched off reaches no upstream', async () => {
  const identityId = await tenant.identity('off');
  const grant = await tenant.grant({ serverId, policyId, identityId });
  const session = await openSession(grant);
  await tenant.api('PATCH', `/v1/identities/${identityId}`, { disabled: true });
  const before = upstream.seen.length;
  const stream = await fetch(grant.mcpUrl, {
    headers: { authorization: `Bearer ${grant.token}`, accept: 'text/event-stream', 'mcp-session-id': session.id },
  });
  expect([stream.status, await stream.json()]).toMatchObject([
    503,
    { error: { message: expect.stringContaining('disabled') } },
  ]);
  expect(upstream.seen.length).toBe(before);
});

test('the number of open streams is measured', async () => {
  const grant = await tenant.grant({ serverId, policyId });
  const session = await openSession(grant);
  const openStreams = async (): Promise<number> =>
    Number(/^toolgate_open_streams (\d+)$/m.exec(await (await fetch(`${toolgate.url}/metrics`)).text())?.[1]);
  const before = await openStreams();
  const leave = new AbortController();
  await fetch(grant.mcpUrl, {
    signal: leave.signal,
    headers: { authorization: `Bearer ${grant.token}`, accept: 'text/event-stream', 'mcp-session-id': session.id },
  });
  expect(await openStreams()).toBe(before + 1);
  leave.abort();
  await expect.poll(openStreams).toBe(before);
});
