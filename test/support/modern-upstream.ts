import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { toNodeHandler } from '@modelcontextprotocol/node';
import {
  createMcpHandler,
  ResourceNotFoundError,
  Server,
  type CallToolResult,
  type InputRequiredResult,
  type ServerContext,
  type ServerNotifier,
} from '@modelcontextprotocol/server';
import { aTool, recordSeen, type Seen, type UpstreamTool } from './upstream.js';

export type ModernCall = (
  params: Readonly<{ name: string; arguments?: Record<string, unknown> }>,
  context: ServerContext,
) => CallToolResult | InputRequiredResult | Promise<CallToolResult | InputRequiredResult>;

export type ModernOptions = Readonly<{
  tools?: readonly UpstreamTool[];
  pageSize?: number;
  /** Whether the legacy era is served too, each request by itself, as the SDK does unless told. */
  legacy?: boolean;
  call?: ModernCall;
  /** Resources by URI. */
  resources?: Readonly<Record<string, string>>;
  /** Deals with a request before MCP does: true when it has (or never will have) answered. */
  intercept?: (request: IncomingMessage, response: ServerResponse, seen: Seen) => boolean | Promise<boolean>;
}>;

export type ModernUpstream = Readonly<{
  url: string;
  seen: Seen[];
  seenOf: (method: string) => readonly Seen[];
  notify: ServerNotifier;
  setTools: (tools: readonly UpstreamTool[]) => void;
  setIntercept: (intercept: ModernOptions['intercept']) => void;
  /** How many responses are open. */
  open: () => number;
  /** Breaks off every connection. */
  drop: () => void;
  close: () => Promise<void>;
}>;

const echo: ModernCall = (params) => ({
  content: [{ type: 'text', text: JSON.stringify({ tool: params.name, arguments: params.arguments ?? null }) }],
});

/**
 * A real MCP server of 2026-07-28 on a free loopback port, built on the official SDK's second line; it records
 * everything it gets.
 */
export const startModernUpstream = async (options: ModernOptions = {}): Promise<ModernUpstream> => {
  let tools = options.tools ?? [aTool('echo')];
  let { intercept } = options;
  let open = 0;
  const seen: Seen[] = [];
  const handler = createMcpHandler(() => mcpServer(options, () => tools), {
    legacy: options.legacy ? 'stateless' : 'reject',
  });
  const answer = toNodeHandler(handler);

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    open += 1;
    response.once('close', () => (open -= 1));
    const entry = await recordSeen(request);
    seen.push(entry);
    if (await intercept?.(request, response, entry)) return;
    await answer(request, response as never, entry.message);
  };

  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    seen,
    seenOf: (method) => seen.filter(({ message }) => message?.['method'] === method),
    notify: handler.notify,
    setTools: (next) => {
      tools = next;
    },
    setIntercept: (next) => {
      intercept = next;
    },
    open: () => open,
    drop: () => server.closeAllConnections(),
    close: async () => {
      await handler.close();
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
};

const mcpServer = (options: ModernOptions, tools: () => readonly UpstreamTool[]): Server => {
  const resources = options.resources ?? {};
  const capabilities = {
    tools: { listChanged: true },
    logging: {},
    ...(options.resources ? { resources: { subscribe: true, listChanged: true } } : {}),
  };
  const server = new Server({ name: 'modern-upstream', version: '3.2.1' }, { capabilities, instructions: 'Be kind.' });
  server.setRequestHandler('tools/list', (request) => {
    const from = Number(request.params?.cursor ?? 0);
    const to = from + (options.pageSize ?? Number.MAX_SAFE_INTEGER);
    return { tools: tools().slice(from, to) as never, ...(to < tools().length ? { nextCursor: String(to) } : {}) };
  });
  server.setRequestHandler(
    'tools/call',
    (request, context) => (options.call ?? echo)(request.params, context) as CallToolResult,
  );
  if (options.resources) {
    server.setRequestHandler('resources/list', () => ({
      resources: Object.keys(resources).map((uri) => ({ uri, name: uri })),
    }));
    server.setRequestHandler('resources/read', ({ params: { uri } }) => {
      const text = resources[uri];
      if (text === undefined) throw new ResourceNotFoundError(uri);
      return { contents: [{ uri, text }] };
    });
  }
  return server;
};
