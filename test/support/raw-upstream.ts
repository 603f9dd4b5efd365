import { createServer, type OutgoingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { recordSeen } from './upstream.js';

type Json = Record<string, unknown>;
export type RawMessage = Readonly<{ id?: unknown; method: string; params: Json }>;

/** What an upstream answers, byte for byte. */
export type RawAnswer = Readonly<{ status?: number; headers: OutgoingHttpHeaders; chunks: readonly Buffer[] }>;

export type RawUpstream = Readonly<{
  url: string;
  /** Answers requests of this method (`GET` for the standing stream) from now on; undefined: as a good server does. */
  answer: (method: string, how: ((message: RawMessage) => RawAnswer) | undefined) => void;
  close: () => Promise<void>;
}>;

const send = (response: ServerResponse, { status = 200, headers, chunks }: RawAnswer): void => {
  response.writeHead(status, headers);
  for (const chunk of chunks) response.write(chunk);
  response.end();
};

const json = (response: ServerResponse, body: Json, headers: OutgoingHttpHeaders = {}, status = 200): void =>
  send(response, {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    chunks: [Buffer.from(JSON.stringify(body))],
  });

const results = (modern: boolean): Readonly<Record<string, Json>> => {
  const capabilities = {
    tools: { listChanged: true },
    resources: { subscribe: true, listChanged: true },
    prompts: { listChanged: true },
  };
  const complete = modern ? { resultType: 'complete' } : {};
  return {
    ...(modern
      ? {
          'server/discover': {
            ...complete,
            supportedVersions: ['2026-07-28'],
            capabilities,
            ttlMs: 0,
            cacheScope: 'public',
          },
        }
      : { initialize: { protocolVersion: '2025-11-25', capabilities, serverInfo: { name: 'raw', version: '1' } } }),
    'tools/list': { ...complete, tools: [{ name: 'safe', description: 'Is safe', inputSchema: { type: 'object' } }] },
    'resources/list': { ...complete, resources: [{ uri: 'file:///safe', name: 'safe' }] },
    'resources/templates/list': { ...complete, resourceTemplates: [] },
    'prompts/list': { ...complete, prompts: [{ name: 'safe' }] },
    'tools/call': { ...complete, content: [{ type: 'text', text: 'done' }] },
    'resources/read': { ...complete, contents: [{ uri: 'file:///safe', text: 'read' }] },
    'prompts/get': { ...complete, messages: [] },
    ping: {},
  };
};

/** A server of one era on a free loopback port whose answers a test may write byte by byte. */
export const startRawUpstream = async (era: 'legacy' | 'modern'): Promise<RawUpstream> => {
  const answers = new Map<string, (message: RawMessage) => RawAnswer>();
  const good = results(era === 'modern');
  const server: Server = createServer((request, response) => {
    void recordSeen(request).then(({ httpMethod, message }) => {
      const asked = { method: httpMethod, params: {}, ...message } as RawMessage;
      const how = answers.get(asked.method);
      if (how) return send(response, how(asked));
      if (httpMethod === 'GET') return send(response, { status: 405, headers: {}, chunks: [] });
      if (asked.id === undefined) return send(response, { status: 202, headers: {}, chunks: [] });
      const result = good[asked.method];
      if (result)
        return json(
          response,
          { jsonrpc: '2.0', id: asked.id, result },
          asked.method === 'initialize' ? { 'mcp-session-id': 'raw' } : {},
        );
      return json(
        response,
        { jsonrpc: '2.0', id: asked.id, error: { code: -32_601, message: 'not offered' } },
        {},
        era === 'modern' ? 404 : 200,
      );
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    answer: (method, how) => void (how ? answers.set(method, how) : answers.delete(method)),
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
};
