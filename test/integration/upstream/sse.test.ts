import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server as McpServer } from '@modelcontextprotocol/sdk/server/index.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { expect } from 'vitest';
import { tenantTest } from '../../support/product-test.js';
import { connect, textOf } from '../../support/tenant.js';

type Fixture = Readonly<{ url: string; streams: Set<ServerResponse>; seen: string[]; close: () => void }>;

const listening = async (server: Server): Promise<string> => {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

const stops: (() => void)[] = [];
const stopper = (server: Server) => (): void => {
  server.closeAllConnections();
  server.close();
};

/** A server of the official SDK over HTTP+SSE, each of its streams at hand to be broken off. */
const startSse = async (): Promise<Fixture> => {
  const transports = new Map<string, SSEServerTransport>();
  const streams = new Set<ServerResponse>();
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.headers['x-key'] ?? ''}`);
    if (request.method === 'POST') {
      const transport = transports.get(new URL(request.url ?? '', 'http://x').searchParams.get('sessionId') ?? '');
      if (!transport) return void response.writeHead(404).end();
      return void transport.handlePostMessage(request, response);
    }
    const transport = new SSEServerTransport('/messages', response);
    transports.set(transport.sessionId, transport);
    streams.add(response);
    response.once('close', () => (streams.delete(response), transports.delete(transport.sessionId)));
    const mcp = new McpServer({ name: 'sse', version: '1' }, { capabilities: { tools: {} } });
    mcp.setRequestHandler(ListToolsRequestSchema, () => ({
      tools: ['echo', 'break', 'forget'].map((name) => ({ name, inputSchema: { type: 'object' } as const })),
    }));
    mcp.setRequestHandler(CallToolRequestSchema, ({ params }) => {
      if (params.name === 'break') response.destroy();
      if (params.name === 'forget') transports.clear();
      return { content: [{ type: 'text', text: params.name }] };
    });
    void mcp.connect(transport);
  });
  const url = await listening(server);
  const close = stopper(server);
  stops.push(close);
  return { url: `${url}/sse`, streams, seen, close };
};

const { test, tenant } = tenantTest();

test.afterAll(async () => {
  for (const stop of stops) stop();
});

const grantFor = async (url: string) => {
  const serverId = await tenant.server('', {
    transport: { type: 'sse', url },
    auth: { type: 'headers', headers: { 'X-Key': 'k3y' } },
  });
  return tenant.grant({ serverId, policyId: await tenant.policy(serverId, { version: '1', default: 'allow' }) });
};
const call = async (client: Awaited<ReturnType<typeof connect>>, name: string): Promise<string> =>
  textOf(await client.callTool({ name, arguments: {} }));

test(
  'a session has one stream upstream, every request carries the credential, and the stream goes ' + 'with the grant',
  async () => {
    const fixture = await startSse();
    const grant = await grantFor(fixture.url);
    const client = await connect(grant);
    expect([await call(client, 'echo'), await call(client, 'echo')]).toEqual(['echo', 'echo']);
    expect(fixture.streams.size).toBe(1);
    expect(fixture.seen.every((line) => line.endsWith(' k3y'))).toBe(true);
    await tenant.api('POST', `/v1/grants/${grant.id}/revoke`);
    await expect.poll(() => fixture.streams.size, { timeout: 5000 }).toBe(0);
    await client.close().catch(() => undefined);
  },
);

test(
  'a stream that breaks off answers the call under way with an error, and the next call opens a new ' + 'one',
  async () => {
    const client = await connect(await grantFor((await startSse()).url));
    await expect(call(client, 'break')).rejects.toMatchObject({ code: -33_103 });
    expect(await call(client, 'echo')).toBe('echo');
    await client.close();
  },
);

test('a message that the server does not take ends its call with an error', async () => {
  const client = await connect(await grantFor((await startSse()).url));
  await call(client, 'forget');
  await expect(call(client, 'echo')).rejects.toMatchObject({ code: -33_103 });
  await client.close();
});

test('an endpoint on another origin is never posted to', async () => {
  const posted: string[] = [];
  const other = createServer((request, response) => (posted.push(request.url ?? ''), response.writeHead(202).end()));
  const otherUrl = await listening(other);
  const luring = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(`event: endpoint\ndata: ${otherUrl}/messages\n\n`);
  });
  const url = `${await listening(luring)}/sse`;
  stops.push(stopper(other), stopper(luring));
  const { body } = await tenant.api('POST', '/v1/servers', { name: 'luring', transport: { type: 'sse', url } });
  expect(body['status']).toBe('unreachable');
  expect(posted).toEqual([]);
});

test('a URL that is no SSE endpoint, or that may not be reached, is told so', async () => {
  const plain = createServer((_request, response) => response.writeHead(404).end());
  stops.push(stopper(plain));
  const { body } = await tenant.api('POST', '/v1/servers', {
    name: 'plain',
    transport: { type: 'sse', url: `${await listening(plain)}/sse` },
  });
  expect(body).toMatchObject({ status: 'unreachable', statusDetail: expect.stringContaining('path') });
  const refused = await tenant.api('POST', '/v1/servers', {
    name: 'x',
    transport: { type: 'sse', url: 'http://169.254.169.254/sse' },
  });
  expect([refused.status, refused.body['code']]).toEqual([422, 'url_not_allowed']);
});

test(
  'a server that names an endpoint elsewhere while a call is under way gives back no limit, as the ' +
    'call was posted',
  async () => {
    const streams = new Map<string, ServerResponse>();
    let calls = 0;
    const server = createServer((request, response) => {
      if (request.method === 'GET') {
        const id = String(streams.size + 1);
        streams.set(id, response);
        return void response
          .writeHead(200, { 'content-type': 'text/event-stream' })
          .write(`event: endpoint\ndata: /messages?s=${id}\n\n`);
      }
      let body = '';
      request
        .setEncoding('utf8')
        .on('data', (text: string) => (body += text))
        .on('end', () => {
          const stream = streams.get(new URL(request.url ?? '', 'http://x').searchParams.get('s') ?? '');
          const { id, method } = JSON.parse(body) as { id?: unknown; method: string };
          response.writeHead(202).end();
          const say = (result: unknown): void =>
            void stream?.write(`data: ${JSON.stringify({ jsonrpc: '2.0', id, result })}\n\n`);
          if (method === 'initialize')
            say({
              protocolVersion: '2025-03-26',
              capabilities: { tools: {} },
              serverInfo: { name: 's', version: '1' },
            });
          if (method === 'tools/list') say({ tools: [{ name: 'c', inputSchema: { type: 'object' } }] });
          if (method !== 'tools/call') return;
          calls += 1;
          setTimeout(() => stream?.write('event: endpoint\ndata: http://127.0.0.1:1/other\n\n'), 20);
        });
    });
    stops.push(stopper(server));
    const serverId = await tenant.server('', { transport: { type: 'sse', url: `${await listening(server)}/sse` } });
    const limits = [{ counter: 'x', window: 'day', max: 1 }];
    const grant = await tenant.grant({
      serverId,
      policyId: await tenant.policy(serverId, { version: '1', default: 'deny', tools: { c: { limits } } }),
    });
    const ask = async (): Promise<unknown> => {
      const client = await connect(grant);
      const outcome = await client.callTool({ name: 'c', arguments: {} }).then(textOf, (error: Error) => error.message);
      await client.close();
      return outcome;
    };
    expect(await ask()).toContain('the request may have taken effect');
    expect(await ask()).toMatch(/^\[POLICY DENIED\]/);
    expect(calls).toBe(1);
  },
);
