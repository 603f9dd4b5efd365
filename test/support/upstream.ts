import { randomUUID } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js';
import {
  CallToolRequestSchema,
  CompleteRequestSchema,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  ReadResourceRequestSchema,
  SetLevelRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
  type CallToolResult,
  type ServerNotification,
  type ServerRequest,
} from '@modelcontextprotocol/sdk/types.js';

export type UpstreamTool = Readonly<{ name: string }> & Readonly<Record<string, unknown>>;

/** One HTTP request that the upstream got: `text` is its body as it came, `message` that body parsed. */
export type Seen = Readonly<{
  httpMethod: string;
  path: string;
  headers: IncomingHttpHeaders;
  text: string;
  message?: Record<string, unknown>;
}>;

export type CallExtra = RequestHandlerExtra<ServerRequest, ServerNotification>;

export type UpstreamOptions = Readonly<{
  tools?: readonly UpstreamTool[];
  /** Tools per page of tools/list; all in one unless told. */
  pageSize?: number;
  /**
   * URIs of resources and of templates, and names of prompts, that it offers beside its tools; all, or none of the
   * three unless told.
   */
  offers?: Readonly<{ resources: readonly string[]; templates: readonly string[]; prompts: readonly string[] }>;
  /** Answer in JSON instead of an event stream. */
  json?: boolean;
  /** Do not declare `listChanged` of tools. */
  undeclared?: boolean;
  /** What a call answers; unless told, the name and the arguments as text. */
  call?: (
    params: Readonly<{ name: string; arguments?: Record<string, unknown> }>,
    extra: CallExtra,
  ) => CallToolResult | Promise<CallToolResult>;
  /** Deals with a request before MCP does: true when it has (or never will have) answered. */
  intercept?: (request: IncomingMessage, response: ServerResponse, seen: Seen) => boolean | Promise<boolean>;
}>;

export type Upstream = Readonly<{
  url: string;
  port: number;
  seen: Seen[];
  /** The requests whose JSON-RPC method is this one. */
  seenOf: (method: string) => readonly Seen[];
  /** How many requests it has seen; a notification may arrive after its client was answered. */
  countRequests: () => number;
  /** What tools/list answers from now on. */
  setTools: (tools: readonly UpstreamTool[]) => void;
  /** Tells every session that the tools changed. */
  announceTools: () => Promise<void>;
  setIntercept: (intercept: UpstreamOptions['intercept']) => void;
  openSessions: () => number;
  /** The servers of all sessions, to say something of their own. */
  servers: () => readonly Server[];
  /** Forgets every session: their ids are 404 from now on. */
  forget: () => void;
  /** Breaks off every connection. */
  drop: () => void;
  close: () => Promise<void>;
}>;

/** A tool that takes any object. */
export const aTool = (name: string, more: Readonly<Record<string, unknown>> = {}): UpstreamTool => ({
  name,
  description: `Does ${name}`,
  inputSchema: { type: 'object' },
  ...more,
});

/**
 * A real MCP server with sessions on a free loopback port, built on the official SDK; it records everything it gets.
 */
export const startUpstream = async (options: UpstreamOptions = {}): Promise<Upstream> => {
  let tools = options.tools ?? [aTool('echo')];
  let { intercept } = options;
  const seen: Seen[] = [];
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  const servers: Server[] = [];

  const mcpServer = (): Server => {
    const more =
      options.offers === undefined
        ? {}
        : {
            resources: { subscribe: true, listChanged: true },
            prompts: { listChanged: true },
            completions: {},
            logging: {},
          };
    const server = new Server(
      { name: 'test-upstream', version: '1.2.3' },
      { capabilities: { tools: options.undeclared ? {} : { listChanged: true }, ...more } },
    );
    if (options.offers) offer(server, options.offers);
    server.setRequestHandler(ListToolsRequestSchema, (request) => {
      const from = Number(request.params?.cursor ?? 0);
      const to = from + (options.pageSize ?? Number.MAX_SAFE_INTEGER);
      return { tools: tools.slice(from, to) as never, ...(to < tools.length ? { nextCursor: String(to) } : {}) };
    });
    server.setRequestHandler(CallToolRequestSchema, (request, extra) =>
      options.call
        ? options.call(request.params, extra)
        : {
            content: [
              {
                type: 'text',
                text: JSON.stringify({ tool: request.params.name, arguments: request.params.arguments ?? null }),
              },
            ],
          },
    );
    return server;
  };

  const begin = async (): Promise<StreamableHTTPServerTransport> => {
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      enableJsonResponse: options.json ?? false,
      onsessioninitialized: (id) => void sessions.set(id, transport),
      onsessionclosed: (id) => void sessions.delete(id),
    });
    const mcp = mcpServer();
    servers.push(mcp);
    await mcp.connect(transport);
    return transport;
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const entry = await recordSeen(request);
    seen.push(entry);
    if (await intercept?.(request, response, entry)) return;
    const id = request.headers['mcp-session-id'];
    const transport = typeof id === 'string' ? sessions.get(id) : await begin();
    if (!transport) {
      response.writeHead(404).end();
      return;
    }
    await transport.handleRequest(request, response, entry.message);
  };

  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    port,
    seen,
    seenOf: (method) => seen.filter(({ message }) => message?.method === method),
    countRequests: () => seen.filter(({ message }) => message?.method !== undefined && message.id !== undefined).length,
    setTools: (next) => {
      tools = next;
    },
    announceTools: async () => {
      await Promise.all(
        servers.filter(({ transport }) => transport !== undefined).map((one) => one.sendToolListChanged()),
      );
    },
    setIntercept: (next) => {
      intercept = next;
    },
    openSessions: () => sessions.size,
    servers: () => servers.filter(({ transport }) => transport !== undefined),
    forget: () => sessions.clear(),
    drop: () => server.closeAllConnections(),
    close: async () => {
      await Promise.all([...sessions.values()].map((transport) => transport.close()));
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
};

const offer = (server: Server, { resources, templates, prompts }: NonNullable<UpstreamOptions['offers']>): void => {
  server.setRequestHandler(ListResourcesRequestSchema, () => ({
    resources: resources.map((uri) => ({ uri, name: uri })),
  }));
  server.setRequestHandler(ListResourceTemplatesRequestSchema, () => ({
    resourceTemplates: templates.map((uriTemplate) => ({ uriTemplate, name: uriTemplate })),
  }));
  server.setRequestHandler(ReadResourceRequestSchema, ({ params: { uri } }) => ({
    contents: [{ uri, text: `text of ${uri}` }],
  }));
  server.setRequestHandler(SubscribeRequestSchema, () => ({}));
  server.setRequestHandler(UnsubscribeRequestSchema, () => ({}));
  server.setRequestHandler(ListPromptsRequestSchema, () => ({ prompts: prompts.map((name) => ({ name })) }));
  server.setRequestHandler(GetPromptRequestSchema, ({ params }) => ({
    messages: [{ role: 'user', content: { type: 'text', text: JSON.stringify(params.arguments ?? null) } }],
  }));
  server.setRequestHandler(CompleteRequestSchema, ({ params }) => ({
    completion: { values: [`${params.argument.value}!`] },
  }));
  server.setRequestHandler(SetLevelRequestSchema, () => ({}));
};

/** Reads a request to its end and tells what it was. */
export const recordSeen = async (request: IncomingMessage): Promise<Seen> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  return {
    httpMethod: request.method ?? '',
    path: request.url ?? '',
    headers: request.headers,
    text,
    ...(text === '' ? {} : { message: parsed(text) }),
  };
};

const parsed = (text: string): Record<string, unknown> => {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
};
