import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

type Json = Record<string, unknown>;
export type Message = Readonly<{ id?: unknown; method?: string; params?: Json; result?: Json }>;
export type Handle = (message: Message | undefined, request: IncomingMessage, response: ServerResponse) => unknown;

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
};

/** A server from a function: what it answers is sent as JSON, unless it is undefined. */
export const serve = async (handle: Handle): Promise<Readonly<{ url: string; close: () => Promise<void> }>> => {
  const server = createServer((request, response) => {
    void bodyOf(request).then(async (text) => {
      const answer = await handle(text === '' ? undefined : (JSON.parse(text) as Message), request, response);
      if (answer === undefined || response.headersSent) return;
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    close: () => {
      server.closeAllConnections();
      return new Promise((done) => server.close(() => done()));
    },
  };
};

const RESULTS: Readonly<Record<string, (params: Json) => Json>> = {
  initialize: (params) => ({
    protocolVersion: params['protocolVersion'],
    capabilities: { tools: { listChanged: true } },
    serverInfo: { name: 'wire', version: '1' },
  }),
  ping: () => ({}),
  'tools/list': () => ({ tools: [{ name: 'echo', inputSchema: { type: 'object' } }] }),
  'tools/call': (params) => ({ content: [{ type: 'text', text: `called ${String(params['name'])}` }] }),
};

/** What a plain server of the session era answers; `changes` are merged into the result of a method. */
export const plain = (
  message: Message | undefined,
  request: IncomingMessage,
  response: ServerResponse,
  changes: Readonly<Record<string, Json>> = {},
): Json | undefined => {
  if (request.method !== 'POST') return void response.writeHead(405).end();
  if (message?.id === undefined || message.method === undefined) return void response.writeHead(202).end();
  const result = RESULTS[message.method]?.(message.params ?? {});
  return result
    ? { jsonrpc: '2.0', id: message.id, result: { ...result, ...changes[message.method] } }
    : { jsonrpc: '2.0', id: message.id, error: { code: -32601, message: 'Method not found' } };
};

const messagesIn = (type: string, text: string): readonly Message[] =>
  (type.includes('event-stream')
    ? text
        .split('\n')
        .filter((line) => line.startsWith('data:'))
        .map((line) => line.slice('data:'.length))
    : [text]
  ).flatMap((one) => {
    try {
      return [JSON.parse(one) as Message];
    } catch {
      return [];
    }
  });

export type Answer = Readonly<{ status: number; text: string; message: Json | undefined }>;
export type Wire = Readonly<{
  spoken: unknown;
  session: string | undefined;
  ask: (method: string, params?: unknown) => Promise<Answer>;
  post: (body: string) => Promise<Answer>;
}>;

/** A client of the session era that shows what it received. `jar` keeps cookies, as the clients of some SDKs do. */
export const connect = async (
  { url, token }: Readonly<{ url: string; token?: string }>,
  { version = '2025-06-18', capabilities = {} }: Readonly<{ version?: string; capabilities?: Json }> = {},
): Promise<Wire> => {
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  const send = async (body: string, id: unknown): Promise<Answer> => {
    const response = await fetch(url, { method: 'POST', headers, body });
    const cookie = response.headers.get('set-cookie');
    if (cookie !== null && token === undefined) headers['cookie'] = cookie.split(';')[0] ?? '';
    const session = response.headers.get('mcp-session-id');
    if (session !== null) headers['mcp-session-id'] = session;
    if (id === undefined) {
      await response.body?.cancel();
      return { status: response.status, text: '', message: undefined };
    }
    const text = await response.text();
    const found = messagesIn(response.headers.get('content-type') ?? '', text).find((one) => one.id === id);
    return { status: response.status, text, message: found };
  };
  const clientInfo = { name: 'wire', version: '1' };
  const params = { protocolVersion: version, capabilities, clientInfo };
  const begun = await send(JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params }), 0);
  const spoken = (begun.message?.['result'] as Json | undefined)?.['protocolVersion'];
  if (spoken !== undefined) headers['mcp-protocol-version'] = String(spoken);
  await send('{"jsonrpc":"2.0","method":"notifications/initialized"}', undefined);
  let count = 0;
  return {
    spoken,
    session: headers['mcp-session-id'],
    ask: (method, more = {}) => {
      count += 1;
      return send(JSON.stringify({ jsonrpc: '2.0', id: count, method, params: more }), count);
    },
    post: (body) => send(body, 99),
  };
};
