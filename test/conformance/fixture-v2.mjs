import { randomBytes } from 'node:crypto';
import { NodeStreamableHTTPServerTransport, toNodeHandler } from '@modelcontextprotocol/node';
import {
  classifyInboundRequest,
  CLIENT_CAPABILITIES_META_KEY,
  createMcpHandler,
  createRequestStateCodec,
  fromJsonSchema,
  inputRequired,
  McpServer,
  ProtocolError,
  ProtocolErrorCode,
  ResourceNotFoundError,
} from '@modelcontextprotocol/server';
import { readResource, resources, resourceTemplates } from './content.mjs';
import { listedPrompts, prompts } from './prompts.mjs';
import { serveFixture } from './serve.mjs';
import { tools } from './tools.mjs';

const codec = createRequestStateCodec({ key: randomBytes(32) });

/** Thrown where a tool asks what the client has not answered yet. */
class InputNeeded extends Error {
  constructor(inputRequests) {
    super('input needed');
    this.inputRequests = inputRequests;
  }
}

/**
 * In 2026-07-28 nobody can be asked during a call: the question becomes an input request, and the next call runs up to
 * here again with its answer.
 */
const askByInputRequests = (inputs) => {
  let count = 0;
  return async (method, params) => {
    const key = `question${(count += 1)}`;
    if (inputs[key] === undefined) throw new InputNeeded({ [key]: { method, params } });
    return inputs[key];
  };
};

const ioOf = ({ mcpReq, http }) => ({
  log: (data) =>
    mcpReq.envelope
      ? mcpReq.log('info', data, 'fixture')
      : mcpReq.notify({ method: 'notifications/message', params: { level: 'info', logger: 'fixture', data } }),
  logAsAsked: (data) => mcpReq.log('info', data, 'fixture'),
  progress: async (progress) => {
    const progressToken = mcpReq._meta?.progressToken;
    if (progressToken !== undefined)
      await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total: 100 } });
  },
  ask: mcpReq.envelope
    ? askByInputRequests(mcpReq.inputResponses ?? {})
    : (method, params) => mcpReq.send({ method, params }),
  hangUp: () => http?.closeSSE?.(),
  inputRequired,
  inputs: mcpReq.inputResponses ?? {},
  state: () => mcpReq.requestState(),
  seal: (payload) => codec.mint(payload),
  capabilities: () => mcpReq.envelope?.[CLIENT_CAPABILITIES_META_KEY] ?? {},
  changed: modern.notify,
});

const run = async (call, args, context) => {
  try {
    return await call(args, ioOf(context));
  } catch (error) {
    if (error instanceof InputNeeded) return inputRequired({ inputRequests: error.inputRequests });
    throw error;
  }
};

/**
 * A server of both eras with everything that the conformance suite asks for; one per session, or per request of
 * 2026-07-28.
 */
const fixtureServer = () => {
  const capabilities = {
    tools: { listChanged: true },
    resources: { subscribe: true, listChanged: true },
    prompts: { listChanged: true },
    logging: {},
    completions: {},
  };
  const mcp = new McpServer(
    { name: 'fixture-v2', version: '1.0.0' },
    { capabilities, requestState: { verify: (state, context) => codec.verify(state, context) } },
  );
  for (const { name, description, inputSchema, call } of tools) {
    if (inputSchema.properties)
      mcp.registerTool(name, { description, inputSchema: fromJsonSchema(inputSchema) }, (args, context) =>
        run(call, args, context),
      );
    else mcp.registerTool(name, { description }, (context) => run(call, {}, context));
  }
  const { server } = mcp;
  server.setRequestHandler('resources/list', () => ({ resources }));
  server.setRequestHandler('resources/templates/list', () => ({ resourceTemplates }));
  server.setRequestHandler('resources/read', ({ params }) => {
    const read = readResource(params.uri);
    if (!read) throw new ResourceNotFoundError(params.uri);
    return read;
  });
  server.setRequestHandler('resources/subscribe', () => ({}));
  server.setRequestHandler('resources/unsubscribe', () => ({}));
  server.setRequestHandler('prompts/list', () => listedPrompts);
  server.setRequestHandler('prompts/get', ({ params }, context) => {
    const prompt = prompts.find(({ name }) => name === params.name);
    if (!prompt) throw new ProtocolError(ProtocolErrorCode.InvalidParams, 'unknown prompt');
    return prompt.get(params.arguments ?? {}, ioOf(context));
  });
  server.setRequestHandler('completion/complete', () => ({ completion: { values: [], total: 0, hasMore: false } }));
  server.setRequestHandler('logging/setLevel', () => ({}));
  return mcp;
};

const modernOnly = process.argv.includes('--modern-only');
const modern = createMcpHandler(fixtureServer, { legacy: modernOnly ? 'reject' : 'stateless' });
const answerModern = toNodeHandler(modern);

const one = (header) => (Array.isArray(header) ? header[0] : header);

await serveFixture({
  begin: async (options) => {
    const transport = new NodeStreamableHTTPServerTransport(options);
    await fixtureServer().connect(transport);
    return transport;
  },
  first: async (request, response, body) => {
    const { method, headers } = request;
    const { kind } = classifyInboundRequest({
      httpMethod: method,
      protocolVersionHeader: one(headers['mcp-protocol-version']),
      mcpMethodHeader: one(headers['mcp-method']),
      body,
    });
    if (kind === 'legacy' && !modernOnly) return false;
    await answerModern(request, response, body);
    return true;
  },
});
