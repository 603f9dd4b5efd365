import { brotliCompressSync, gzipSync } from 'node:zlib';
import { describe, expect } from 'vitest';
import { tenantTest } from '../../support/product-test.js';
import { connect, plain, serve, type Handle, type Wire } from './wire-client.js';

type Json = Record<string, unknown>;
type Case = Readonly<{
  /** The handler of a server that has its own state for each side. */
  server: () => Handle;
  /** What a client sees, the same directly and through Toolgate. */
  play: (client: Wire) => Promise<unknown>;
  sees: unknown;
  client?: Parameters<typeof connect>[1];
}>;

const { test, tenant } = tenantTest();

const call = async (client: Wire, name = 'echo'): Promise<unknown> =>
  ((await client.ask('tools/call', { name, arguments: {} })).message?.['result'] as Json | undefined)?.['content'];
const CALLED = [{ type: 'text', text: 'called echo' }];
const inJson = (text: string): Readonly<[Record<string, string>, string]> => [
  { 'content-type': 'application/json' },
  text,
];
const inEvents = (text: string): Readonly<[Record<string, string>, string]> => [
  { 'content-type': 'text/event-stream' },
  text,
];

/** A plain server whose answers are put in other words or other coding. */
const dressed =
  (dress: (text: string) => Readonly<[Record<string, string>, string | Buffer]>): Case['server'] =>
  () =>
  (message, request, response) => {
    const answer = plain(message, request, response);
    if (answer === undefined) return undefined;
    const [headers, body] = dress(JSON.stringify(answer));
    response.writeHead(200, headers).end(body);
    return undefined;
  };

const dresses: Readonly<Record<string, Parameters<typeof dressed>[0]>> = {
  'behind a byte order mark': (text) => inJson(`\ufeff${text}`),
  'in a batch of one': (text) => inJson(`[${text}]`),
  'with an upper-case type and a charset': (text) => [{ 'content-type': 'Application/JSON; charset=UTF-8' }, text],
  'between blank lines': (text) => inJson(`\n \n${text}\n\n`),
  'as events behind a byte order mark': (text) => inEvents(`\ufeffdata: ${text}\n\n`),
  'as events without a space': (text) => inEvents(`data:${text}\n\n`),
  'as events behind an empty one': (text) => inEvents(`id: 1\ndata:\n\nid: 2\ndata: ${text}\n\n`),
  'with an error of null beside the result': (text) => inJson(text.replace(/\}$/, ',"error":null}')),
  'in gzip that nobody asked for': (text) => [
    { 'content-type': 'application/json', 'content-encoding': 'gzip' },
    gzipSync(text),
  ],
  'in Brotli that nobody asked for': (text) => [
    { 'content-type': 'application/json', 'content-encoding': 'br' },
    brotliCompressSync(text),
  ],
};

const LISTED =
  '[{"name":"set","inputSchema":{"type":"object","properties":{"a":{"maximum":9223372036854775807},' +
  '"r":{"default":1.0,"multipleOf":0.10},"i":{"enum":[9007199254740993,9007199254740992]},"b":{"maximum":1e400}}}}]';

const cases: Readonly<Record<string, Case>> = {
  'a server that speaks 2024-11-05 alone': {
    server: () => (message, request, response) =>
      plain(message, request, response, { initialize: { protocolVersion: '2024-11-05' } }),
    play: async (client) => [client.spoken, await call(client)],
    sees: ['2024-11-05', CALLED],
  },
  'a client that asks for 2024-11-05': {
    server: () => plain,
    client: { version: '2024-11-05' },
    play: async (client) => [client.spoken, await call(client)],
    sees: ['2024-11-05', CALLED],
  },
  'a server that leaves the answer to a notification open': {
    server: () => (message, request, response) => {
      if (request.method !== 'POST' || message?.id !== undefined) return plain(message, request, response);
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      return undefined;
    },
    play: (client) => call(client),
    sees: CALLED,
  },
  'numbers of a list that no double holds': {
    server: () => (message, request, response) => {
      if (message?.method !== 'tools/list') return plain(message, request, response);
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(`{"jsonrpc":"2.0","id":${String(message.id)},"result":{"tools":${LISTED}}}`);
      return undefined;
    },
    play: async (client) => (await client.ask('tools/list')).text.includes(LISTED),
    sees: true,
  },
  'a balancer that pins its clients by a cookie': {
    server: () => {
      let turn = 0;
      const sessions: readonly Set<string>[] = [new Set(), new Set()];
      return (message, request, response) => {
        const pinned = /PIN=(\d)/.exec(request.headers.cookie ?? '')?.[1];
        const at = pinned === undefined ? (turn += 1) % 2 : Number(pinned);
        response.setHeader('set-cookie', `PIN=${at}; Path=/`);
        const known = sessions[at] as Set<string>;
        const id = `s${Math.random()}`;
        if (message?.method === 'initialize') {
          known.add(id);
          response.setHeader('mcp-session-id', id);
        } else if (request.method === 'POST' && !known.has(String(request.headers['mcp-session-id'])))
          return void response.writeHead(404).end();
        return plain(message, request, response);
      };
    },
    play: async (client) => [await call(client), await call(client), await call(client)],
    sees: [CALLED, CALLED, CALLED],
  },
  'an upstream error behind an HTTP status': {
    server: () => (message, request, response) => {
      if (message?.method !== 'tools/call') return plain(message, request, response);
      const error = { code: -32602, message: 'why it was refused', data: { field: 'text' } };
      response.writeHead(Number(message.params?.['name']), { 'content-type': 'application/json' });
      response.end(JSON.stringify({ jsonrpc: '2.0', id: message.id, error }));
      return undefined;
    },
    play: async (client) => {
      const errors: unknown[] = [];
      for (const name of ['400', '403', '422', '429', '500', '503'])
        errors.push((await client.ask('tools/call', { name, arguments: {} })).message?.['error']);
      return new Set(errors.map((error) => JSON.stringify(error)));
    },
    sees: new Set([JSON.stringify({ code: -32602, message: 'why it was refused', data: { field: 'text' } })]),
  },
  'arguments that an ordinary agent sends': {
    server: () => plain,
    play: async (client) => {
      const rows = JSON.stringify(Array.from({ length: 1700 }, (_, a) => ({ a, b: 1, c: 2, d: 3, e: 4, f: 5 })));
      const seen: unknown[] = [];
      for (const args of [`{"rows":${rows}}`, '{"id":1972435959496572929}', '{"x":3.14159265358979323846}', 'null']) {
        const params = `{"name":"echo","arguments":${args}}`;
        const { status, message } = await client.post(
          `{"jsonrpc":"2.0","id":99,"method":"tools/call","params":${params}}`,
        );
        seen.push([status, (message?.['result'] as Json | undefined)?.['content']]);
      }
      return seen;
    },
    sees: Array.from({ length: 4 }, () => [200, CALLED]),
  },
  ...Object.fromEntries(
    Object.entries(dresses).map(([name, dress]): [string, Case] => [
      `an answer ${name}`,
      {
        server: dressed(dress),
        play: async (client) => [client.spoken, await call(client)],
        sees: ['2025-06-18', CALLED],
      },
    ]),
  ),
};

const throughToolgate = async (url: string): Promise<Readonly<{ url: string; token: string }>> => {
  const serverId = await tenant.server(url);
  const policyId = await tenant.policy(serverId, { version: '1', default: 'allow' });
  const { mcpUrl, token } = await tenant.grant({ serverId, policyId });
  return { url: mcpUrl, token };
};

/** What the client here does not read itself: Toolgate takes it out of its dress. */
const NOT_READ_DIRECTLY = /byte order mark|batch of one/;

describe('a client sees the same directly and through Toolgate', () => {
  test.each(Object.entries(cases))('of %s', async (name, { server, play, sees, client }) => {
    const sides = [await serve(server()), await serve(server())] as const;
    try {
      if (!NOT_READ_DIRECTLY.test(name)) expect(await play(await connect(sides[0], client)), 'directly').toEqual(sees);
      const through = await connect(await throughToolgate(sides[1].url), client);
      expect(await play(through), 'through Toolgate').toEqual(sees);
    } finally {
      await Promise.all(sides.map((side) => side.close()));
    }
  });
});

test('a session that the server has forgotten and refuses with 400 is 404 to the client', async () => {
  let known = new Set<string>();
  const server = await serve((message, request, response) => {
    if (request.method !== 'POST') return void response.writeHead(405).end();
    if (message?.method === 'initialize') {
      const id = `s${Math.random()}`;
      known.add(id);
      response.setHeader('mcp-session-id', id);
    } else if (!known.has(String(request.headers['mcp-session-id']))) {
      response.writeHead(400, { 'content-type': 'application/json' });
      response.end('{"jsonrpc":"2.0","error":{"code":-32000,"message":"No valid session ID"},"id":null}');
      return undefined;
    }
    return plain(message, request, response);
  });
  const client = await connect(await throughToolgate(server.url));
  expect(await call(client)).toEqual(CALLED);
  known = new Set();
  for (const method of ['tools/call', 'tools/list', 'ping'])
    expect([method, (await client.ask(method, { name: 'echo' })).status]).toEqual([method, 404]);
  await server.close();
});

test('a server where the newest session wins keeps the session of its client through a discovery', async () => {
  let current = '';
  const server = await serve((message, request, response) => {
    if (message?.method === 'initialize') {
      current = `s${Math.random()}`;
      response.setHeader('mcp-session-id', current);
    } else if (request.method === 'POST' && request.headers['mcp-session-id'] !== current)
      return void response.writeHead(404).end();
    return plain(message, request, response);
  });
  const serverId = await tenant.server(server.url);
  const policyId = await tenant.policy(serverId, { version: '1', default: 'allow' });
  const { mcpUrl, token } = await tenant.grant({ serverId, policyId });
  const client = await connect({ url: mcpUrl, token });
  expect(await call(client)).toEqual(CALLED);
  await tenant.api('POST', `/v1/servers/${serverId}/discover`);
  expect(await call(client)).toEqual(CALLED);
  await server.close();
});

test('a URL with a slash behind it and a bearer behind two spaces are the same', async () => {
  const server = await serve(plain);
  const { url, token } = await throughToolgate(server.url);
  expect(await call(await connect({ url: `${url}/`, token }))).toEqual(CALLED);
  expect(await call(await connect({ url, token: ` ${token}` }))).toEqual(CALLED);
  await server.close();
});
