import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import {
  CallToolRequestSchema,
  CompleteRequestSchema,
  ErrorCode,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  McpError,
  ReadResourceRequestSchema,
  ResultSchema,
  SetLevelRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { readResource, resources, resourceTemplates } from './content.mjs';
import { listedPrompts, prompts } from './prompts.mjs';
import { serveFixture } from './serve.mjs';
import { tools } from './tools.mjs';

const RESOURCE_NOT_FOUND = -32_002;

const found = (value, code, message) => {
  if (value === undefined) throw new McpError(code, message);
  return value;
};

const logOver = (sendNotification) => (data) =>
  sendNotification({ method: 'notifications/message', params: { level: 'info', logger: 'fixture', data } });

const ioOf = (server, { _meta, sendNotification, sendRequest, closeSSEStream }) => ({
  log: logOver(sendNotification),
  logAsAsked: logOver(sendNotification),
  progress: async (progress) => {
    const progressToken = _meta?.progressToken;
    if (progressToken !== undefined)
      await sendNotification({ method: 'notifications/progress', params: { progressToken, progress, total: 100 } });
  },
  ask: (method, params) => sendRequest({ method, params }, ResultSchema),
  hangUp: () => closeSSEStream?.(),
  capabilities: () => server.getClientCapabilities() ?? {},
  changed: { toolsChanged: () => server.sendToolListChanged(), promptsChanged: () => server.sendPromptListChanged() },
});

/** A server of the session era (up to 2025-11-25) with everything that the conformance suite asks for. */
const fixtureServer = () => {
  const capabilities = {
    tools: { listChanged: true },
    resources: { subscribe: true, listChanged: true },
    prompts: { listChanged: true },
    logging: {},
    completions: {},
  };
  const server = new Server({ name: 'fixture-v1', version: '1.0.0' }, { capabilities });
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: tools.map(({ call: _call, ...shown }) => shown) }));
  server.setRequestHandler(CallToolRequestSchema, ({ params }, extra) =>
    found(
      tools.find(({ name }) => name === params.name),
      ErrorCode.InvalidParams,
      'unknown tool',
    ).call(params.arguments ?? {}, ioOf(server, extra)),
  );
  server.setRequestHandler(ListResourcesRequestSchema, () => ({ resources }));
  server.setRequestHandler(ListResourceTemplatesRequestSchema, () => ({ resourceTemplates }));
  server.setRequestHandler(ReadResourceRequestSchema, ({ params }) =>
    found(readResource(params.uri), RESOURCE_NOT_FOUND, 'unknown resource'),
  );
  server.setRequestHandler(SubscribeRequestSchema, () => ({}));
  server.setRequestHandler(UnsubscribeRequestSchema, () => ({}));
  server.setRequestHandler(ListPromptsRequestSchema, () => listedPrompts);
  server.setRequestHandler(GetPromptRequestSchema, ({ params }, extra) =>
    found(
      prompts.find(({ name }) => name === params.name),
      ErrorCode.InvalidParams,
      'unknown prompt',
    ).get(params.arguments ?? {}, ioOf(server, extra)),
  );
  server.setRequestHandler(CompleteRequestSchema, () => ({ completion: { values: [], total: 0, hasMore: false } }));
  server.setRequestHandler(SetLevelRequestSchema, () => ({}));
  return server;
};

await serveFixture({
  begin: async (options) => {
    const transport = new StreamableHTTPServerTransport(options);
    await fixtureServer().connect(transport);
    return transport;
  },
});
