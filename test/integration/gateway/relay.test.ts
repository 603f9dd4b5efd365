import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect as connectTcp, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { RelayDeps, SessionExchange } from '../../../src/data-plane/relay/exchange.js';
import { relayAnswer } from '../../../src/data-plane/relay/relay-answer.js';
import { relayStream } from '../../../src/data-plane/relay/standing-stream.js';
import { makeHttpClient } from '../../../src/mcp/http-client/http-client.js';
import { makeOutbound } from '../../../src/platform/outbound/outbound.js';
import type { UpstreamServer } from '../../../src/mcp/upstream/forward.js';
import { openTransports } from '../../../src/mcp/transports/transports.js';

const listening = async (server: Server): Promise<URL> => {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
};

const serverAt = (url: URL): UpstreamServer => ({
  id: 'srv',
  organizationId: 'org',
  transport: { type: 'streamable-http', url },
  eras: ['legacy'],
});

const http = makeHttpClient(makeOutbound({ allow: ['127.0.0.0/8'], ownPorts: () => [] }).connector);
const { forward } = openTransports({
  http,
  stdio: { allow: [], variables: [], environment: {}, isolation: undefined },
  isGrantActive: () => true,
});

const failures: unknown[] = [];
const note = (error: unknown): void => void failures.push(error);
let servers: Server[];

beforeEach(() => {
  failures.length = 0;
  process.on('uncaughtException', note);
  servers = [];
});
afterEach(async () => {
  process.off('uncaughtException', note);
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

type Relayed = Readonly<{ client: Socket; response: ServerResponse; upstream: ServerResponse }>;

/**
 * An upstream event stream, relayed to a client that does not read, so far that the client's connection takes no more.
 */
const stuckStream = async (
  relay: (parts: RelayDeps, exchange: SessionExchange, url: URL) => void,
): Promise<Relayed> => {
  const streams: ServerResponse[] = [];
  const upstreamServer = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.flushHeaders();
    streams.push(response);
  });
  const url = await listening(upstreamServer);
  const responses: ServerResponse[] = [];
  const parts = { forward, streams: { add: () => undefined }, upstreamTimeoutMs: 60_000 } as unknown as RelayDeps;
  const front = createServer((request: IncomingMessage, response) => {
    responses.push(response);
    const exchange = {
      request,
      response,
      who: { server: { ...serverAt(url), headers: {} }, grant: {} },
      session: { sessionId: 's', protocolVersion: '2025-11-25' },
      body: Buffer.from('{}'),
    } as unknown as SessionExchange;
    relay(parts, exchange, url);
  });
  const { port } = await listening(front);
  servers.push(upstreamServer, front);
  const client = connectTcp(Number(port), '127.0.0.1', () => client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'));
  client.pause();
  await expect.poll(() => [streams.length, responses.length]).toEqual([1, 1]);
  const [upstream, response] = [streams[0] as ServerResponse, responses[0] as ServerResponse];
  while (response.writableLength === 0) {
    upstream.write(`: ${'x'.repeat(4000)}\n\n`);
    await new Promise((done) => setImmediate(done));
  }
  return { client, response, upstream };
};

const overGet = (parts: RelayDeps, exchange: SessionExchange): void => relayStream(parts, exchange);
const overPost = (parts: RelayDeps, exchange: SessionExchange, url: URL): void =>
  void relayAnswer(
    parts,
    exchange,
    {
      server: serverAt(url),
      grantId: 'g',
      era: 'legacy',
      method: 'POST',
      headers: {},
      body: exchange.body,
      silenceMs: 60_000,
    },
    { id: 1, tool: null, done: () => undefined },
  );

test.each([
  ['GET', 'sends more', overGet, (upstream: ServerResponse) => void upstream.write(': more\n\n')],
  ['POST', 'sends more', overPost, (upstream: ServerResponse) => void upstream.write(': more\n\n')],
  ['POST', 'breaks off', overPost, (upstream: ServerResponse) => void upstream.destroy()],
])(
  'a %s stream that was ended here, to a client that has not read it yet, takes no harm when the upstream %s',
  async (_method, _what, relay, then) => {
    const { client, response, upstream } = await stuckStream(relay);
    response.end();
    then(upstream);
    await new Promise((done) => setTimeout(done, 100));
    client.destroy();
    await new Promise((done) => setTimeout(done, 50));
    expect(failures).toEqual([]);
  },
);

test('an upstream that sends early hints first still gets its stream through', async () => {
  const upstreamServer = createServer((_request, response) => {
    response.writeEarlyHints({ link: '</x>; rel=preload' });
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(': 1\n\n');
  });
  const url = await listening(upstreamServer);
  const parts = { forward, streams: { add: () => undefined } } as unknown as RelayDeps;
  const front = createServer((request, response) =>
    relayStream(parts, {
      request,
      response,
      who: { server: { ...serverAt(url), headers: {} }, grant: {} },
      session: { sessionId: 's' },
    } as unknown as SessionExchange),
  );
  servers.push(upstreamServer, front);
  const answer = await fetch(await listening(front));
  expect([answer.status, await answer.text()]).toEqual([200, ': 1\n\n']);
});
