/** A server on the second line of the TypeScript SDK, of both eras: `node ts-v2.mjs http|stdio [port]`. */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { NodeStreamableHTTPServerTransport, toNodeHandler } from '@modelcontextprotocol/node';
import { classifyInboundRequest, createMcpHandler, fromJsonSchema, McpServer } from '@modelcontextprotocol/server';
import { inputRequired } from '@modelcontextprotocol/server';
import * as stdio from '@modelcontextprotocol/server/stdio';
import { GROWN, tools } from './behaviour.mjs';

class InputNeeded extends Error {}

let hasGrown = false;
let notify;

const make = () => {
  const mcp = new McpServer({ name: 'ts-v2', version: '1.0.0' }, { capabilities: { tools: { listChanged: true } } });
  const ioOf = ({ mcpReq }) => ({
    signal: mcpReq.signal,
    progress: async (progress) => {
      const progressToken = mcpReq._meta?.progressToken;
      if (progressToken !== undefined)
        await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total: 3 } });
    },
    ask: async (params) => {
      if (!mcpReq.envelope) return mcpReq.send({ method: 'elicitation/create', params });
      const given = mcpReq.inputResponses?.name;
      if (given === undefined) throw new InputNeeded(JSON.stringify(params));
      return given;
    },
    grow: async () => {
      if (!hasGrown || !grown.has(mcp)) add(GROWN);
      hasGrown = true;
      // A tool that is added in a session is told there by the SDK.
      if (mcpReq.envelope && notify) await notify.toolsChanged();
    },
  });
  const run = async (call, args, context) => {
    try {
      return await call(args, ioOf(context));
    } catch (error) {
      if (error instanceof InputNeeded)
        return inputRequired({
          inputRequests: { name: { method: 'elicitation/create', params: JSON.parse(error.message) } },
        });
      throw error;
    }
  };
  const add = ({ name, description, inputSchema, call }) => {
    if (name === GROWN.name) grown.add(mcp);
    mcp.registerTool(name, { description, inputSchema: fromJsonSchema(inputSchema) }, (args, context) =>
      run(call, args, context),
    );
  };
  for (const tool of tools) add(tool);
  return mcp;
};
const grown = new WeakSet();

/** The one of a request of 2026-07-28 shows what was added by others. */
const makeForRequest = () => {
  const mcp = make();
  if (hasGrown) {
    grown.add(mcp);
    mcp.registerTool(
      GROWN.name,
      { description: GROWN.description, inputSchema: fromJsonSchema(GROWN.inputSchema) },
      GROWN.call,
    );
  }
  return mcp;
};

const sessions = new Map();

const bodyOf = async (request) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  return parts.length === 0 ? undefined : JSON.parse(Buffer.concat(parts).toString('utf8'));
};

const legacy = async (request, response, body) => {
  const id = request.headers['mcp-session-id'];
  const known = sessions.get(id);
  if (id !== undefined && !known) return response.writeHead(404).end();
  if (known) return known.handleRequest(request, response, body);
  const transport = new NodeStreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (opened) => void sessions.set(opened, transport),
    onsessionclosed: (closed) => void sessions.delete(closed),
  });
  await make().connect(transport);
  return transport.handleRequest(request, response, body);
};

const [kind, port = '0'] = process.argv.slice(2);
if (kind === 'stdio') stdio.serveStdio(make);
else {
  const modern = createMcpHandler(makeForRequest, { legacy: 'reject' });
  notify = modern.notify;
  const answerModern = toNodeHandler(modern);
  const server = createServer(async (request, response) => {
    try {
      const body = request.method === 'POST' ? await bodyOf(request) : undefined;
      const { method, headers } = request;
      const { kind: era } = classifyInboundRequest({
        httpMethod: method,
        protocolVersionHeader: headers['mcp-protocol-version'],
        mcpMethodHeader: headers['mcp-method'],
        body,
      });
      await (era === 'legacy' ? legacy : answerModern)(request, response, body);
    } catch (error) {
      console.error(error);
      response.destroy();
    }
  });
  server.listen(Number(port), '127.0.0.1', () => console.log(`listening on ${server.address().port}`));
}
