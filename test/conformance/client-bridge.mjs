import { createServer } from 'node:http';
import { openEraBridge } from '../../dist/mcp/era-bridge/era-bridge.js';
import { makeHttpClient } from '../../dist/mcp/http-client/http-client.js';
import { makeOutbound } from '../../dist/platform/outbound/outbound.js';
import { openTransports } from '../../dist/mcp/transports/transports.js';
import { listen } from './serve.mjs';

const SILENCE_MS = 30_000;
const KEPT = /^(mcp-|last-event-id$)/;

const bodyOf = async (request) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  return parts.length === 0 ? undefined : Buffer.concat(parts);
};

const headersOf = ({ headers, method }) => ({
  'content-type': 'application/json',
  accept: method === 'GET' ? 'text/event-stream' : 'application/json, text/event-stream',
  'user-agent': 'toolgate',
  ...Object.fromEntries(Object.entries(headers).filter(([name]) => KEPT.test(name))),
});

/**
 * The suite's servers of 2026-07-28 do not know `server/discover`, which the specification has every server know: the
 * bridge answers it for them.
 */
const DISCOVERED = {
  supportedVersions: ['2026-07-28'],
  capabilities: { tools: {}, resources: {}, prompts: {} },
  resultType: 'complete',
  ttlMs: 60_000,
  cacheScope: 'private',
  _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'suite', version: '1' } },
};

const knowingDiscover = (forward) => (request, sink) => {
  const message = request.era === 'modern' && request.body ? JSON.parse(request.body.toString('utf8')) : {};
  if (message.method !== 'server/discover') return forward(request, sink);
  sink.head(200, { 'content-type': 'application/json' });
  sink.data(Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: message.id, result: DISCOVERED })));
  sink.end();
  return { resume: () => undefined, abort: () => undefined };
};

/**
 * The gateway's way to one server that speaks in `era`, as an HTTP endpoint for clients of either era: the built
 * product's transports and translation, and nothing else of it. `discovers`: whether the server knows
 * `server/discover`.
 */
export const startBridge = async ({ url, era, discovers }) => {
  const http = makeHttpClient(makeOutbound({ allow: ['127.0.0.0/8', '::1'], ownPorts: () => [] }).connector);
  const transports = openTransports({
    http,
    stdio: { allow: [], variables: [], environment: {}, isolation: undefined },
    stillGood: () => true,
  });
  const { forward, stop } = openEraBridge(discovers ? transports.forward : knowingDiscover(transports.forward));
  const upstream = { id: 'suite', transport: { type: 'streamable-http', url: new URL(url) }, eras: [era] };
  const handle = async (request, response) => {
    const body = await bodyOf(request);
    const clientEra = request.headers['mcp-method'] === undefined ? 'legacy' : 'modern';
    const asked = {
      server: upstream,
      grantId: 'suite',
      era: clientEra,
      method: request.method,
      headers: headersOf(request),
      body,
      silenceMs: request.method === 'GET' ? 0 : SILENCE_MS,
    };
    const running = forward(asked, {
      head: (status, headers) => response.writeHead(status, headers).flushHeaders(),
      data: (chunk) =>
        response.destroyed || response.write(chunk) || (response.once('drain', () => running.resume()), false),
      end: () => response.end(),
      fail: () => (response.headersSent ? response.destroy() : response.writeHead(502).end()),
    });
    response.once(
      'close',
      () => response.writableFinished || (clientEra === 'legacy' && request.method === 'POST') || running.abort(),
    );
  };
  const server = createServer((request, response) => void handle(request, response).catch(() => response.destroy()));
  return {
    url: `${await listen(server)}/mcp`,
    stop: async () => {
      await stop();
      transports.stop();
      server.close();
      server.closeAllConnections();
    },
  };
};
