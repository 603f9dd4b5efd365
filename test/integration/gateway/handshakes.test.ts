import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { expect } from 'vitest';
import { tenantTest } from '../../support/product-test.js';
import type { Grant } from '../../support/tenant.js';

type Json = Record<string, unknown>;
type Handle = (message: Json, response: ServerResponse, request: IncomingMessage) => boolean;

const { test, tenant } = tenantTest();
let grant: Grant;
/** What the server does with a message before it answers as a good one does; true when it has answered. */
let handle: Handle = () => false;
let seen: Readonly<{ method: string; cookie: string | undefined; version: string | undefined }>[] = [];

const resultOf = (method: unknown, params: Json | undefined): Json | undefined => {
  if (method === 'initialize')
    return { protocolVersion: params?.['protocolVersion'], capabilities: {}, serverInfo: { name: 'x', version: '1' } };
  if (method === 'tools/list') return { tools: [{ name: 'echo', inputSchema: { type: 'object' } }] };
  return method === 'tools/call' ? { content: [{ type: 'text', text: 'done' }] } : undefined;
};
const send = (response: ServerResponse, body: unknown, headers: Record<string, string | string[]> = {}): true => {
  response.writeHead(200, { 'content-type': 'application/json', ...headers });
  response.end(typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body));
  return true;
};
const answerTo = ({ id, method, params }: Json): Json => {
  const result = resultOf(method, params as Json | undefined);
  return { jsonrpc: '2.0', id, ...(result ? { result } : { error: { code: -32601, message: 'no such method' } }) };
};

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const text = Buffer.concat(chunks).toString();
    const message = text === '' ? { method: request.method } : (JSON.parse(text) as Json);
    const { cookie, 'mcp-protocol-version': version } = request.headers;
    seen.push({
      method: String(message['method']),
      cookie,
      version: version === undefined ? version : String(version),
    });
    if (handle(message, response, request)) return undefined;
    if (request.method !== 'POST') return response.writeHead(405).end();
    if (message['id'] === undefined) return response.writeHead(202).end();
    return send(response, answerTo(message));
  });
});

test.beforeAll(async () => {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const serverId = await tenant.server(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`);
  grant = await tenant.grant({
    serverId,
    policyId: await tenant.policy(serverId, { version: '1', default: 'allow' }),
  });
});
test.afterAll(() => {
  server.closeAllConnections();
  server.close();
});
test.beforeEach(() => {
  handle = () => false;
  seen = [];
});

const post = async (body: Json, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(grant.mcpUrl, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${grant.token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
    },
    body: JSON.stringify({ jsonrpc: '2.0', ...body }),
  });

type Opened = Readonly<{
  headers: Headers;
  message: Json;
  call: (method: string, params?: Json) => Promise<Readonly<{ response: Response; message: Json }>>;
}>;

const open = async (protocolVersion = '2025-06-18'): Promise<Opened> => {
  const params = { protocolVersion, capabilities: {}, clientInfo: { name: 'c', version: '1' } };
  const response = await post({ id: 0, method: 'initialize', params });
  const message = (await response.json()) as Json;
  const spoken = String((message['result'] as Json | undefined)?.['protocolVersion']);
  const session = { 'mcp-session-id': response.headers.get('mcp-session-id') ?? '', 'mcp-protocol-version': spoken };
  return {
    headers: response.headers,
    message,
    call: async (method, callParams = {}) => {
      const answer = await post({ id: 1, method, params: callParams }, session);
      return { response: answer, message: (await answer.json()) as Json };
    },
  };
};
/** The headers of a session whose initialize is answered in an event stream. */
const openStream = async (): Promise<Record<string, string>> => {
  const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'c', version: '1' } };
  const response = await post({ id: 0, method: 'initialize', params });
  await response.text();
  return { 'mcp-session-id': response.headers.get('mcp-session-id') ?? '', 'mcp-protocol-version': '2025-06-18' };
};
const CALL = { name: 'echo', arguments: {} };
const DONE = { id: 1, result: { content: [{ type: 'text', text: 'done' }] } };

test('a client that asks for 2024-11-05 speaks it, and the header that says so is taken', async () => {
  const { message, call } = await open('2024-11-05');
  expect(message).toMatchObject({ result: { protocolVersion: '2024-11-05' } });
  expect((await call('tools/call', CALL)).message).toMatchObject(DONE);
  expect(seen.at(-1)).toMatchObject({ method: 'tools/call', version: '2024-11-05' });
});

test('a client of a later revision is served by a server that speaks 2024-11-05 alone', async () => {
  handle = (message, response) =>
    message['method'] === 'initialize' &&
    send(response, answerTo({ ...message, params: { protocolVersion: '2024-11-05' } }));
  const { message, call } = await open('2025-11-25');
  expect(message).toMatchObject({ result: { protocolVersion: '2024-11-05' } });
  expect((await call('tools/call', CALL)).message).toMatchObject(DONE);
});

test('a server that refuses a revision and names another is asked in that one', async () => {
  handle = (message, response) =>
    message['method'] === 'initialize' &&
    (message['params'] as Json)['protocolVersion'] !== '2025-03-26' &&
    send(response, {
      jsonrpc: '2.0',
      id: message['id'],
      error: { code: -32602, message: 'Unsupported protocol version', data: { supported: ['2025-03-26'] } },
    });
  const { message, call } = await open('2025-11-25');
  expect(message).toMatchObject({ id: 0, result: { protocolVersion: '2025-03-26' } });
  expect((await call('tools/call', CALL)).message).toMatchObject(DONE);
});

test(
  'cookies of a session go back within it, on every request, and neither to its client nor to ' + 'another session',
  async () => {
    let sessions = 0;
    handle = (message, response) => {
      if (message['method'] !== 'initialize') return false;
      sessions += 1;
      return send(response, answerTo(message), {
        'mcp-session-id': `S${sessions}`,
        'set-cookie': [`pin=${sessions}; Path=/`, 'gone=1; Max-Age=0', 'far=1; Domain=example.com'],
      });
    };
    const [one, other] = [await open(), await open()];
    seen = [];
    for (const { call } of [one, other, one]) await call('tools/call', CALL);
    await one.call('tools/list');
    expect(seen.map(({ cookie }) => cookie)).toEqual(['pin=1', 'pin=2', 'pin=1', 'pin=1']);
    for (const { headers } of [one, other]) expect(headers.get('set-cookie')).toBeNull();
  },
);

test('a cookie that changes within a session is sent as it was set last', async () => {
  handle = (message, response) =>
    send(response, answerTo(message), { 'set-cookie': `pin=${String(message['method'])}; Path=/` });
  const { call } = await open();
  await call('tools/call', CALL);
  await call('tools/call', CALL);
  expect(seen.filter(({ method }) => method === 'tools/call').map(({ cookie }) => cookie)).toEqual([
    'pin=initialize',
    'pin=tools/call',
  ]);
});

test('a cookie that only a later answer sets goes back from then on, and in no other session', async () => {
  handle = (message, response) =>
    message['method'] === 'tools/list' && send(response, answerTo(message), { 'set-cookie': 'pin=7; Path=/' });
  const [one, other] = [await open(), await open()];
  seen = [];
  for (const method of ['tools/call', 'tools/list', 'tools/call', 'ping']) await one.call(method, CALL);
  await other.call('tools/call', CALL);
  expect(seen.map(({ cookie }) => cookie)).toEqual([undefined, undefined, 'pin=7', 'pin=7', undefined]);
});

test('what a server compresses unasked reaches the client decompressed', async () => {
  handle = (message, response, request) => {
    expect(request.headers['accept-encoding']).toBe('identity');
    if (message['id'] === undefined) return false;
    return send(response, gzipSync(JSON.stringify(answerTo(message))), { 'content-encoding': 'gzip' });
  };
  const { call } = await open();
  expect((await call('tools/list')).message).toMatchObject({ result: { tools: [{ name: 'echo' }] } });
  const { response, message } = await call('tools/call', CALL);
  expect(message).toMatchObject(DONE);
  expect(response.headers.get('content-encoding')).toBeNull();
});

test('a call whose answer is compressed in an unknown way fails with the name of that way', async () => {
  const { call } = await open();
  handle = (_message, response) => send(response, 'x', { 'content-encoding': 'compress' });
  expect((await call('tools/call', CALL)).message).toMatchObject({
    id: 1,
    error: { code: -33103, message: expect.stringContaining('compressed its answer with compress,') as string },
  });
});

test.each<[string, string | Json, Record<string, string>, string]>([
  ['a page', '<p>secret', { 'content-type': 'text/html' }, 'answered with text that is not JSON (text/html)'],
  ['nothing', '', {}, 'answered with an empty body'],
  ['a batch of two', '[{},{}]', {}, 'answered with a batch of several messages'],
  ['a stream without events', ': x\n\n', { 'content-type': 'text/event-stream' }, 'answered with an event stream'],
  ['a message without content', { jsonrpc: '2.0', id: 0 }, {}, 'neither a result nor an error'],
  ['a result without a revision', { jsonrpc: '2.0', id: 0, result: {} }, {}, 'names no protocolVersion'],
  ['an unknown revision', { jsonrpc: '2.0', id: 0, result: { protocolVersion: '1999-01-01' } }, {}, '1999-01-01'],
])('an initialize that is answered with %s fails with a reason that says so', async (_, body, headers, reason) => {
  handle = (message, response) => message['method'] === 'initialize' && send(response, body, headers);
  const { message, headers: answered } = await open();
  expect(message).toMatchObject({
    id: 0,
    error: { code: -33103, message: expect.stringContaining(reason) as string },
  });
  expect(JSON.stringify(message)).not.toContain('secret');
  expect(answered.get('mcp-session-id')).toBeNull();
});

test.each<[string, (json: string) => string]>([
  ['behind a byte order mark', (json) => `\uFEFF${json}`],
  ['between blank lines', (json) => `\n \n${json}\n\n`],
  ['as the only message of a batch', (json) => `[${json}]`],
  ['beside "error": null', (json) => json.replace('"result"', '"error":null,"result"')],
])('results that a server sends %s are read as what they mean', async (_, dress) => {
  handle = (message, response) =>
    message['id'] !== undefined && send(response, dress(JSON.stringify(answerTo(message))));
  const { call } = await open();
  expect((await call('tools/list')).message).toMatchObject({ result: { tools: [{ name: 'echo' }] } });
  expect((await call('tools/call', CALL)).message).toMatchObject(DONE);
});

test('a response in an event stream whose lines end in CR alone is read, and passed on byte for byte', async () => {
  handle = (message, response) => {
    if (message['id'] === undefined) return false;
    const event = `event: message\rdata: ${JSON.stringify(answerTo(message))}\r\r`;
    return send(response, event, { 'content-type': 'text/event-stream' });
  };
  const headers = await openStream();
  const answer = await post({ id: 1, method: 'tools/call', params: CALL }, headers);
  expect(await answer.text()).toBe(`event: message\rdata: ${JSON.stringify({ jsonrpc: '2.0', ...DONE })}\r\r`);
});

test('a redirect is not followed, and the client is told where it leads', async () => {
  handle = (message, response) => {
    if (message['method'] !== 'initialize') return false;
    response.writeHead(307, { location: 'https://elsewhere.example.com/mcp?key=secret' }).end();
    return true;
  };
  const { message } = await open();
  const { message: text } = message['error'] as Json;
  expect(text).toContain('HTTP status 307, a redirect to https://elsewhere.example.com/mcp?key=');
  expect(text).not.toContain('secret');
});
