import { memorySessionStore } from './memory-session-store.js';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { makeHttpClient } from '../../src/mcp/http-client/http-client.js';
import type { Era } from '../../src/mcp/protocol/era.js';
import { makeOutbound } from '../../src/platform/outbound/outbound.js';
import type { Forward, PendingRequest, UpstreamServer } from '../../src/mcp/upstream/forward.js';
import { openTransports } from '../../src/mcp/transports/transports.js';

/** The transports as the product has them, allowed to reach this host. */
export const transports = () =>
  openTransports({
    http: makeHttpClient(makeOutbound({ allow: ['127.0.0.0/8'], ownPorts: () => [] }).connector),
    stdio: { allow: [process.execPath], variables: ['*'], environment: process.env, isolation: undefined },
    isGrantActive: () => true,
    store: memorySessionStore(),
  });

const KEPT = /^(mcp-|last-event-id$)/;
const headersOf = ({ headers, method }: IncomingMessage): Record<string, string> => ({
  'content-type': 'application/json',
  accept: method === 'GET' ? 'text/event-stream' : 'application/json, text/event-stream',
  'user-agent': 'toolgate',
  ...Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      KEPT.test(name) && typeof value === 'string' ? [[name, value]] : [],
    ),
  ),
});

const bodyOf = async (request: IncomingMessage): Promise<Buffer | undefined> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return chunks.length === 0 ? undefined : Buffer.concat(chunks);
};

const METHODS = ['GET', 'POST', 'DELETE'] as const;

export type Served = Readonly<{ url: string; close: () => Promise<void> }>;

/**
 * A Forward and one server behind it as an HTTP endpoint, so that real clients can be pointed at it. A request is of
 * the era that its headers say; a client that leaves ends its modern requests and its GET stream, and nothing else.
 * `grantId` is what the header `x-grant` says.
 */
export const serveForward = async (forward: Forward, server: UpstreamServer, silenceMs = 30_000): Promise<Served> => {
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const era: Era = request.headers['mcp-method'] === undefined ? 'legacy' : 'modern';
    const method = METHODS.find((one) => one === request.method) ?? 'GET';
    const grantId = String(request.headers['x-grant'] ?? 'grt_1');
    const body = await bodyOf(request);
    let running: PendingRequest | undefined;
    const resume = (): void => running?.resume();
    running = forward(
      { server, grantId, era, method, headers: headersOf(request), body, silenceMs: method === 'GET' ? 0 : silenceMs },
      {
        head: (status, headers) => {
          response.writeHead(status, headers);
          response.flushHeaders();
        },
        data: (chunk) => response.destroyed || response.write(chunk) || (response.once('drain', resume), false),
        end: () => void response.end(),
        fail: ({ kind, sent }) => {
          if (response.headersSent) response.destroy();
          else response.writeHead(502, { 'x-failure': kind, 'x-sent': String(sent) }).end();
        },
      },
    );
    response.once('close', () => {
      if (!response.writableFinished && (era === 'modern' || method === 'GET')) running?.abort();
    });
  };
  const http = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((done) => http.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`,
    close: async () => {
      http.closeAllConnections();
      await new Promise((done) => http.close(done));
    },
  };
};

export const serverAt = (url: string, eras: readonly Era[]): UpstreamServer => ({
  id: 'srv_1',
  organizationId: 'org_1',
  transport: { type: 'streamable-http', url: new URL(url) },
  eras,
});

/** The program of test/support that speaks `way` over its standard streams. */
export const programAt = (way: 'legacy' | 'modern', eras: readonly Era[]): UpstreamServer => ({
  id: 'srv_1',
  organizationId: 'org_1',
  transport: {
    type: 'stdio',
    command: process.execPath,
    args: [fileURLToPath(new URL('channel-program.mjs', import.meta.url)), way],
    env: {},
  },
  eras,
});
