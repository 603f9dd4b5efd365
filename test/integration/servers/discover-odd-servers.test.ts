import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, expect, test } from 'vitest';
import { makeHttpClient } from '../../../src/mcp/http-client/http-client.js';
import { makeOutbound } from '../../../src/platform/outbound/outbound.js';
import { discover, type Discovered } from '../../../src/mcp/upstream/discover.js';
import { openTransports } from '../../../src/mcp/transports/transports.js';

type Message = Readonly<{
  id?: string | number;
  method?: string;
  params?: Record<string, unknown>;
  result?: unknown;
  error?: unknown;
}>;
type Handler = (message: Message, response: ServerResponse, request: IncomingMessage) => unknown;

const TOOLS = { tools: [{ name: 'echo', inputSchema: { type: 'object' } }] };
const INFO = { capabilities: { tools: {} }, serverInfo: { name: 'odd', version: '1' } };

/** What a plain legacy server answers; undefined for a notification. */
const plain = ({ id, method, params }: Message): Record<string, unknown> | undefined => {
  if (id === undefined || method === undefined) return undefined;
  const results: Record<string, unknown> = {
    initialize: { protocolVersion: params?.['protocolVersion'], ...INFO },
    'tools/list': TOOLS,
  };
  const result = results[method];
  return { jsonrpc: '2.0', id, ...(result ? { result } : { error: { code: -32601, message: 'no such method' } }) };
};

const sendJson = (response: ServerResponse, body: unknown, status = 200): void =>
  void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

const closers: (() => void)[] = [];
afterEach(() => closers.splice(0).forEach((close) => close()));

const startServer = async (handler: Handler): Promise<string> => {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.method !== 'POST') return response.writeHead(405).end();
      return handler(JSON.parse(Buffer.concat(chunks).toString()) as Message, response, request);
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
};

const outbound = makeOutbound({ allow: ['127.0.0.0/8'], ownPorts: () => [] });
const { forward, stop } = openTransports({
  http: makeHttpClient(outbound.connector),
  stdio: { allow: [], variables: [], environment: {}, isolation: undefined },
  isGrantActive: () => true,
});
afterAll(stop);

const discoverAt = async (handler: Handler, timeoutMs?: number): Promise<Discovered> => {
  const transport = { type: 'streamable-http', url: new URL(await startServer(handler)) } as const;
  const server = { id: 'srv', organizationId: 'org', transport, eras: [] };
  return discover({ forward, server, credential: {}, grantId: 'discovery' }, timeoutMs);
};

const READY = { status: 'ready', detail: null, tools: [{ name: 'echo' }] };

test.each([
  ['in data', { code: -32602, message: 'Unsupported protocol version', data: { supported: ['2024-11-05'] } }, 200],
  ['in words', { code: -32000, message: 'Bad Request: Unsupported protocol version (supported: 2024-11-05)' }, 400],
])('discovery asks again in the revision that a server names %s', async (_, error, status) => {
  const found = await discoverAt((message, response) => {
    const isRefused = message.method === 'initialize' && message.params?.['protocolVersion'] !== '2024-11-05';
    if (isRefused) return sendJson(response, { jsonrpc: '2.0', id: message.id, error }, status);
    return message.id === undefined ? response.writeHead(202).end() : sendJson(response, plain(message));
  });
  expect(found).toMatchObject({ ...READY, protocolVersion: '2024-11-05' });
});

test('discovery waits for no end of the answer to a notification', async () => {
  const found = await discoverAt((message, response) => {
    if (message.id !== undefined) return sendJson(response, plain(message));
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    return response.write(': open\n\n');
  });
  expect(found).toMatchObject(READY);
});

test('discovery goes on when a server never answers a notification', async () => {
  const found = await discoverAt((message, response) => message.id !== undefined && sendJson(response, plain(message)));
  expect(found).toMatchObject(READY);
});

test('discovery answers the requests of a server that waits for the answers before it responds', async () => {
  const answers: Message[] = [];
  const waiting = new Map<unknown, () => void>();
  const found = await discoverAt((message, response, request) => {
    if (message.method === undefined) {
      answers.push(message);
      waiting.get(message.id)?.();
      expect(request.headers['mcp-session-id']).toBe('S1');
      return response.writeHead(202).end();
    }
    if (message.id === undefined) return response.writeHead(202).end();
    const body = plain(message);
    if (body?.['error'] !== undefined) return sendJson(response, body);
    const question = message.method === 'initialize' ? 'ping' : 'roots/list';
    const id = `question of ${message.method}`;
    waiting.set(id, () => response.end(`data: ${JSON.stringify(body)}\n\n`));
    response.writeHead(200, { 'content-type': 'text/event-stream', 'mcp-session-id': 'S1' });
    return response.write(`data: ${JSON.stringify({ jsonrpc: '2.0', id, method: question })}\n\n`);
  });
  expect(found).toMatchObject(READY);
  expect(answers).toMatchObject([
    { id: 'question of initialize', result: {} },
    { id: 'question of tools/list', error: { code: -32601 } },
  ]);
});

test('discovery reads a result with "error": null beside it', async () => {
  const found = await discoverAt((message, response) => {
    const body = plain(message);
    if (!body) return response.writeHead(202).end();
    return sendJson(response, 'error' in body ? { ...body, result: null } : { ...body, error: null });
  });
  expect(found).toMatchObject(READY);
});

test.each<[string, (json: string) => string]>([
  ['behind a byte order mark', (json) => `\uFEFF${json}`],
  ['between blank lines', (json) => `\n \n${json}\n\n`],
  ['as the only message of a batch', (json) => `[${json}]`],
])('discovery reads a response %s', async (_, dress) => {
  const found = await discoverAt((message, response) => {
    const body = plain(message);
    if (!body) return response.writeHead(202).end();
    return response.writeHead(200, { 'content-type': 'application/json' }).end(dress(JSON.stringify(body)));
  });
  expect(found).toMatchObject(READY);
});

test.each<[string, (body: string) => Buffer]>([
  ['gzip', gzipSync],
  ['br', brotliCompressSync],
])('discovery reads responses that a server compresses with %s unasked', async (coding, encode) => {
  const found = await discoverAt((message, response) => {
    const body = plain(message);
    if (!body) return response.writeHead(202).end();
    const bytes = encode(JSON.stringify(body));
    response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': coding });
    return response.end(bytes);
  });
  expect(found).toMatchObject(READY);
});

test('discovery names the coding of responses that it can not read', async () => {
  const found = await discoverAt((_message, response) =>
    response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'compress' }).end('x'),
  );
  expect(found).toMatchObject({
    status: 'unreachable',
    detail:
      'The MCP server compressed its answer with compress, which can not be decompressed here, ' +
      'although it was asked not to.',
  });
});

test('discovery says where a redirect leads, without the values of its query', async () => {
  const found = await discoverAt((_message, response) =>
    response.writeHead(308, { location: '/other/mcp?token=s3cret' }).end(),
  );
  expect(found).toMatchObject({ status: 'unreachable' });
  expect(found.detail).toMatch(
    /^The server redirects to http:\/\/127\.0\.0\.1:\d+\/other\/mcp\?token=\S+ \(HTTP 308\)/,
  );
  expect(found.detail).not.toContain('s3cret');
});

test.each<[string, string, Record<string, string>, string]>([
  [
    'a page',
    '<html>secret</html>',
    { 'content-type': 'text/html; charset=utf-8' },
    'with text that is not JSON (text/html)',
  ],
  ['nothing', '', {}, 'with an empty body'],
  ['a batch of two', '[{},{}]', {}, 'with a batch of several messages'],
  ['a number', '7', {}, 'with JSON that is not a message'],
  [
    'the response to another request',
    '{"id":"x","result":{}}',
    {},
    'with a response to another request (its id differs)',
  ],
  ['a message without content', '{"jsonrpc":"2.0"}', {}, 'with a message that has neither a result nor an error'],
  [
    'an event stream without events',
    ': ping\n\n',
    { 'content-type': 'text/event-stream' },
    'with an event stream without messages',
  ],
])('discovery says what a server answered that answers %s', async (_, body, headers, reason) => {
  const found = await discoverAt((_message, response) => response.writeHead(200, headers).end(body));
  expect(found).toMatchObject({
    status: 'unreachable',
    detail: `The server answered ${reason}, not as an MCP server does: check the path of the URL.`,
  });
});

test('discovery names the revision that it does not speak', async () => {
  const found = await discoverAt((message, response) => {
    const isInitialize = message.method === 'initialize';
    const result = { protocolVersion: '2023-01-01', ...INFO };
    return sendJson(response, isInitialize ? { jsonrpc: '2.0', id: message.id, result } : plain(message));
  });
  expect(found.detail).toBe(
    "The server can't be used: it speaks a protocol revision that this gateway does not speak, 2023-01-01.",
  );
});

test('discovery sends back within its session the cookies that the server sets there', async () => {
  const cookies: (string | undefined)[] = [];
  const found = await discoverAt((message, response, request) => {
    cookies.push(`${message.method ?? ''} ${request.headers.cookie ?? ''}`);
    if (message.method === 'initialize') response.setHeader('set-cookie', ['pin=1; Path=/', 'other=2; Path=/else']);
    return message.id === undefined ? response.writeHead(202).end() : sendJson(response, plain(message));
  });
  expect(found).toMatchObject(READY);
  expect(cookies).toEqual(['server/discover ', 'initialize ', 'notifications/initialized pin=1', 'tools/list pin=1']);
});
