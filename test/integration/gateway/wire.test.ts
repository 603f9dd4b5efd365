import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'vitest';
import { tenantTest } from '../../support/product-test.js';
import type { Grant } from '../../support/tenant.js';

type Json = Record<string, unknown>;
type Handle = (message: Json, request: IncomingMessage, response: ServerResponse) => unknown;

const EVENTS = { 'content-type': 'text/event-stream' };
const JSON_HEAD = { 'content-type': 'application/json' };
const OPEN = { roots: {}, sampling: {}, elicitation: {} };

const { test, tenant } = tenantTest();
let grant: Grant;
/** What the server does with a message before it answers as a good one does; true when it has answered. */
let handle: Handle = () => false;
const seen: Json[] = [];

const results: Readonly<Record<string, unknown>> = {
  initialize: { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo: { name: 'x', version: '1' } },
  'tools/list': { tools: [{ name: 'echo', inputSchema: { type: 'object' } }] },
  'tools/call': { content: [] },
  ping: {},
};
const json = (response: ServerResponse, body: unknown, status = 200, headers = {}): true => {
  response.writeHead(status, { ...JSON_HEAD, ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
  return true;
};
const event = (message: unknown): string =>
  `data: ${typeof message === 'string' ? message : JSON.stringify(message)}\n\n`;

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const text = Buffer.concat(chunks).toString();
    const message = text === '' ? { method: request.method } : (JSON.parse(text) as Json);
    seen.push(message);
    if (handle(message, request, response)) return;
    if (request.method !== 'POST') return void response.writeHead(405).end();
    if (message['id'] === undefined || message['method'] === undefined) return void response.writeHead(202).end();
    const result = results[String(message['method'])];
    const headers = message['method'] === 'initialize' ? { 'mcp-session-id': 'one' } : {};
    json(response, { jsonrpc: '2.0', id: message['id'], result }, 200, headers);
  });
});

test.beforeAll(async () => {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const serverId = await tenant.server(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`);
  const document = { version: '1', default: 'allow', hide: ['hidden'], resources: { '*': {} } };
  grant = await tenant.grant({ serverId, policyId: await tenant.policy(serverId, document) });
});
test.afterAll(() => {
  server.closeAllConnections();
  server.close();
});
test.beforeEach(() => {
  handle = () => false;
  seen.length = 0;
});

type Sent = Readonly<{ status: number; headers: Headers; text: string; messages: readonly Json[] }>;
/** Sends a message or GET and reads the answer; `onText` gets what came so far. */
const send = async (
  body: unknown,
  more: Readonly<{ session?: string; onText?: (text: string, headers: Headers) => void }> = {},
): Promise<Sent> => {
  const response = await fetch(grant.mcpUrl, {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      authorization: `Bearer ${grant.token}`,
      accept: body === undefined ? 'text/event-stream' : 'application/json, text/event-stream',
      ...(body === undefined ? {} : JSON_HEAD),
      ...(more.session === undefined ? {} : { 'mcp-session-id': more.session }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    more.onText?.(text, response.headers);
  }
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream');
  const texts = isStream ? [...text.matchAll(/^data: (.*)$/gm)].map(([, data = '']) => data) : [text];
  const messages = texts.filter((one) => one.startsWith('{')).map((one) => JSON.parse(one) as Json);
  return { status: response.status, headers: response.headers, text, messages };
};

const initialize = (capabilities: Json = {}) => ({
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-06-18', capabilities, clientInfo: { name: 'x', version: '1' } },
});
const connect = async (capabilities: Json = {}): Promise<string> => {
  const { headers } = await send(initialize(capabilities));
  const session = headers.get('mcp-session-id') ?? '';
  await send({ jsonrpc: '2.0', method: 'notifications/initialized' }, { session });
  return session;
};
const call = (id: number | string, method = 'tools/call') => ({
  jsonrpc: '2.0',
  id,
  method,
  params: method === 'tools/call' ? { name: 'echo', arguments: {} } : {},
});

test('a notification has its 202 at once, although its server never answers it or holds a stream open', async () => {
  const session = await connect();
  for (const isSilent of [true, false]) {
    handle = (message, _request, response) => {
      if (message['id'] !== undefined) return false;
      if (!isSilent) response.writeHead(200, EVENTS).write(': open\n\n');
      return true;
    };
    expect((await send({ jsonrpc: '2.0', method: 'notifications/initialized' }, { session })).status).toBe(202);
    expect((await send(call(1, 'tools/list'), { session })).status).toBe(200);
  }
});

test('a request after notifications/initialized reaches the server after it, however slow it takes that', async () => {
  const { headers } = await send(initialize());
  const session = headers.get('mcp-session-id') ?? '';
  let taken = false;
  handle = (message, _request, response) => {
    if (message['method'] === 'notifications/initialized') {
      setTimeout(() => {
        taken = true;
        response.writeHead(202).end();
      }, 200);
      return true;
    }
    return json(response, { jsonrpc: '2.0', id: message['id'], result: { content: [], taken } });
  };
  expect((await send({ jsonrpc: '2.0', method: 'notifications/initialized' }, { session })).status).toBe(202);
  expect(taken).toBe(false);
  expect((await send(call(1), { session })).messages[0]).toMatchObject({ result: { taken: true } });
});

test('a cancellation is carried out at once, although its server never answers it', async () => {
  const session = await connect();
  handle = ({ method }) => method === 'tools/call' || method === 'notifications/cancelled';
  const called = send(call(5), { session });
  await expect.poll(() => seen.some(({ method }) => method === 'tools/call')).toBe(true);
  const cancelled = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 5 } };
  expect((await send(cancelled, { session })).status).toBe(202);
  expect((await called).messages[0]).toMatchObject({ id: 5, error: { message: 'the request was cancelled' } });
});

test('a stream that a server leaves open after its answer is closed to the client', async () => {
  const session = await connect();
  handle = ({ method, id }, _request, response) => {
    if (method !== 'tools/call') return false;
    response.writeHead(200, EVENTS).write(event({ jsonrpc: '2.0', id, result: { content: [] } }));
    return true;
  };
  const { messages } = await send(call(1), { session });
  expect(messages).toEqual([{ jsonrpc: '2.0', id: 1, result: { content: [] } }]);
});

test('a call whose resumable stream breaks off is answered on the resumed stream, and has that outcome', async () => {
  const session = await connect();
  handle = ({ method }, request, response) => {
    if (method === 'tools/call') response.writeHead(200, EVENTS).write('id: 7\ndata:\n\n', () => response.destroy());
    else if (request.headers['last-event-id'] === '7')
      response.writeHead(200, EVENTS).end(event({ jsonrpc: '2.0', id: 'r', result: { content: [], isError: true } }));
    else return false;
    return true;
  };
  const broken = await send(call('r'), { session });
  expect(broken.messages).toEqual([]);
  const resumed = await fetch(grant.mcpUrl, {
    headers: {
      authorization: `Bearer ${grant.token}`,
      accept: 'text/event-stream',
      'mcp-session-id': session,
      'last-event-id': '7',
    },
  });
  expect(await resumed.text()).toContain('"id":"r"');
  await expect
    .poll(async () => (await tenant.events('&type=toolCall.completed')).at(-1)?.['status'])
    .toBe('tool_error');
});

const DRESSES: readonly (readonly [number, string])[] = [
  [404, ''],
  [400, ''],
  [400, '{"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request: No valid session ID provided"},"id":null}'],
  [400, '{"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request: Server not initialized"},"id":null}'],
  [400, '{"jsonrpc":"2.0","id":"server-error","error":{"code":-32600,"message":"Bad Request: Missing session ID"}}'],
  [400, 'Invalid or missing session ID'],
  [400, 'Bad Request'],
  [400, '{"error":"Session not found"}'],
  [401, 'Unauthorized: Session not found'],
  [422, 'Unexpected message, expect initialize request'],
];

test.each(DRESSES)(
  'a session that its server no longer knows (%s %s) is 404 for every method',
  async (status, body) => {
    const session = await connect(OPEN);
    handle = (_message, _request, response) => {
      response.writeHead(status).end(body);
      return true;
    };
    for (const method of ['tools/call', 'tools/list', 'ping'])
      expect([method, (await send(call(1, method), { session })).status]).toEqual([method, 404]);
    expect((await send(undefined, { session })).status).toBe(404);
  },
);

test.each([400, 401, 403, 422, 429, 500, 503])(
  'a JSON-RPC error under HTTP status %s keeps its words, under the id of the request, for every method',
  async (status) => {
    const session = await connect();
    const error = { code: -32_602, message: 'field text is missing', data: { field: 'text', n: 1 } };
    handle = (_message, _request, response) =>
      json(
        response,
        JSON.stringify({ jsonrpc: '2.0', id: null, error }).replace('"n":1', '"n":9007199254740993'),
        status,
        { 'retry-after': '17' },
      );
    for (const method of ['tools/call', 'tools/list', 'ping', 'resources/list']) {
      const answer = await send(call('own', method), { session });
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([200, '17']);
      expect(answer.messages[0]).toMatchObject({ id: 'own', error: { code: -32_602, message: error.message } });
      expect(answer.text).toContain('"n":9007199254740993');
    }
    expect((await send(initialize())).messages[0]).toMatchObject({ id: 0, error: { message: error.message } });
  },
);

test('a 404 with an error about the request keeps its words, and the session lives on', async () => {
  const session = await connect();
  handle = ({ id, method }, _request, response) =>
    method === 'tools/call' &&
    json(response, { jsonrpc: '2.0', id, error: { code: -32_601, message: 'Method not found' } }, 404);
  const answer = await send(call(1), { session });
  expect([answer.status, answer.messages[0]]).toMatchObject([200, { id: 1, error: { message: 'Method not found' } }]);
  expect((await send(call(2, 'ping'), { session })).status).toBe(200);
});

test.each([
  [405, 200],
  [501, 200],
  [429, 429],
  [503, 503],
  [401, 502],
])('a server that refuses the standing GET by %s: the client has %s', async (status, expected) => {
  const session = await connect();
  handle = (_message, _request, response) => {
    response.writeHead(status, { 'retry-after': '3' }).end('busy');
    return true;
  };
  const leaving = new AbortController();
  const response = await fetch(grant.mcpUrl, {
    headers: { authorization: `Bearer ${grant.token}`, accept: 'text/event-stream', 'mcp-session-id': session },
    signal: leaving.signal,
  });
  expect(response.status).toBe(expected);
  if (expected !== 200) expect(response.headers.get('retry-after')).toBe('3');
  leaving.abort();
});

test('lists keep the bytes of what they show: digits, order of keys, escapes', async () => {
  const session = await connect();
  const shown =
    '{"inputSchema":{"type":"object","properties":{"b":{"maximum":9223372036854775807,"default":1.0},' +
    '"a":{"enum":[9007199254740993,9007199254740992],"maximum":1e400}}},"name":"exact","_meta":{"n":0.10}}';
  handle = ({ method, id }, _request, response) =>
    method === 'tools/list' &&
    json(
      response,
      `{"jsonrpc":"2.0","id":${String(id)},"result":{"_meta":{"x":1972435959496572928},"tools":[ ${shown} ,` +
        '{"name":"hidden","inputSchema":{}}],"nextCursor":"\\u0041"}}',
    );
  expect((await send(call(1, 'tools/list'), { session })).text).toBe(
    `{"jsonrpc":"2.0","id":1,"result":{"_meta":{"x":1972435959496572928},"tools":[${shown}],"nextCursor":"\\u0041"}}`,
  );
});

test('an item with equal keys, or with a second name in another case, shows no hidden name', async () => {
  const session = await connect();
  handle = ({ method, id }, _request, response) =>
    method === 'tools/list' &&
    json(
      response,
      `{"jsonrpc":"2.0","id":${String(id)},"result":{"tools":[{"name":"hidden","name":"echo"},` +
        '{"n\\u0061me":"hidden","name":"twin"},{"name":"other","Name":"hidden"},{"name":"last"}]}}',
    );
  const { text } = await send(call(1, 'tools/list'), { session });
  expect(text).not.toContain('hidden');
  expect(text).toContain('"last"');
});

const asks = (method: string) => ({ jsonrpc: '2.0', id: 'q', method, params: {} });

test.each([
  ['tools/list', 'roots/list'],
  ['tools/list', 'ping'],
  ['tools/list', 'elicitation/create'],
  ['initialize', 'sampling/createMessage'],
  ['initialize', 'ping'],
])('a server that answers %s only after the client answered %s has its answer', async (method, asked) => {
  let waiting: (() => void) | undefined;
  handle = (message, _request, response) => {
    if (message['method'] === undefined && message['id'] === 'q') waiting?.();
    if (message['method'] !== method) return false;
    const headers = method === 'initialize' ? { ...EVENTS, 'mcp-session-id': 'one' } : EVENTS;
    response.writeHead(200, headers).write(event(asks(asked)));
    waiting = () => response.end(event({ jsonrpc: '2.0', id: message['id'], result: results[method] }));
    return true;
  };
  const session = method === 'initialize' ? undefined : await connect(OPEN);
  let replied = false;
  const answer = await send(method === 'initialize' ? initialize(OPEN) : call(1, method), {
    ...(session === undefined ? {} : { session }),
    onText: (text, headers) => {
      if (replied || !text.includes('"q"')) return;
      replied = true;
      const id = session ?? headers.get('mcp-session-id') ?? '';
      void send({ jsonrpc: '2.0', id: 'q', result: {} }, { session: id });
    },
  });
  expect(answer.messages.map(({ id, method: of }) => of ?? id)).toEqual([asked, method === 'initialize' ? 0 : 1]);
  const opened = session ?? answer.headers.get('mcp-session-id') ?? '';
  expect((await send(call(2), { session: opened })).messages[0]).toMatchObject({ id: 2, result: {} });
});

test('a request of a server during a list that the client did not declare is answered in its place', async () => {
  const session = await connect();
  let waiting: (() => void) | undefined;
  handle = (message, _request, response) => {
    if (message['id'] === 'q' && message['error'] !== undefined) waiting?.();
    if (message['method'] !== 'tools/list') return false;
    response.writeHead(200, EVENTS).write(event(asks('roots/list')));
    waiting = () => response.end(event({ jsonrpc: '2.0', id: message['id'], result: results['tools/list'] }));
    return true;
  };
  expect((await send(call(1, 'tools/list'), { session })).messages.map(({ id }) => id)).toEqual([1]);
});

test('a list in a stream is cut like any other, and a second list beside it does not pass', async () => {
  const session = await connect(OPEN);
  const tools = [{ name: 'hidden' }, { name: 'echo' }];
  handle = ({ method, id }, _request, response) => {
    if (method !== 'tools/list') return false;
    response.writeHead(200, EVENTS);
    response.write(event({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: 'x' } }));
    response.write(event({ jsonrpc: '2.0', id: 'other', result: { tools } }));
    response.end(event({ jsonrpc: '2.0', id, result: { tools } }));
    return true;
  };
  const { text, messages } = await send(call(1, 'tools/list'), { session });
  expect(text).not.toContain('hidden');
  expect(messages.map(({ method, id }) => method ?? id)).toEqual(['notifications/message', 1]);
});

test('a server that writes a null error beside each result is served like any other', async () => {
  handle = ({ method, id }, _request, response) =>
    id !== undefined &&
    method !== undefined &&
    json(response, { jsonrpc: '2.0', id, result: results[String(method)], error: null }, 200, {
      'mcp-session-id': 'one',
    });
  const session = await connect();
  expect(session).not.toBe('');
  expect((await send(call(1, 'tools/list'), { session })).messages[0]).toMatchObject({
    result: { tools: [{ name: 'echo' }] },
  });
  expect((await send(call(2), { session })).messages[0]).toMatchObject({ id: 2, result: { content: [] } });
  await expect.poll(async () => (await tenant.events('&type=toolCall.completed')).at(-1)?.['status']).toBe('ok');
});
