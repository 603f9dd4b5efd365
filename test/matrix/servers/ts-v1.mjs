/** A server on the first line of the TypeScript SDK: `node ts-v1.mjs http|sse|stdio [port]`. */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import {
  CallToolRequestSchema,
  ElicitResultSchema,
  ErrorCode,
  ListToolsRequestSchema,
  McpError,
} from '@modelcontextprotocol/sdk/types.js';
import { GROWN, tools } from './behaviour.mjs';

const make = () => {
  const server = new Server({ name: 'ts-v1', version: '1.0.0' }, { capabilities: { tools: { listChanged: true } } });
  const own = [...tools];
  const ioOf = ({ _meta, sendNotification, sendRequest, signal }) => ({
    signal,
    progress: async (progress) => {
      if (_meta?.progressToken !== undefined)
        await sendNotification({
          method: 'notifications/progress',
          params: { progressToken: _meta.progressToken, progress, total: 3 },
        });
    },
    ask: (params) => sendRequest({ method: 'elicitation/create', params }, ElicitResultSchema),
    grow: async () => {
      if (!own.includes(GROWN)) own.push(GROWN);
      await server.sendToolListChanged();
    },
  });
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: own.map(({ call: _call, ...shown }) => shown) }));
  server.setRequestHandler(CallToolRequestSchema, ({ params }, extra) => {
    const tool = own.find(({ name }) => name === params.name);
    if (!tool) throw new McpError(ErrorCode.InvalidParams, `Unknown tool: ${params.name}`);
    return tool.call(params.arguments ?? {}, ioOf(extra));
  });
  return server;
};

const sessions = new Map();

const streamable = async (request, response) => {
  const id = request.headers['mcp-session-id'];
  const known = sessions.get(id);
  if (id !== undefined && !known) return response.writeHead(404).end();
  if (known) return known.handleRequest(request, response);
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (opened) => void sessions.set(opened, transport),
    onsessionclosed: (closed) => void sessions.delete(closed),
  });
  await make().connect(transport);
  return transport.handleRequest(request, response);
};

const sse = async (request, response) => {
  const url = new URL(request.url, 'http://localhost');
  if (request.method === 'GET' && url.pathname === '/sse') {
    const transport = new SSEServerTransport('/messages', response);
    sessions.set(transport.sessionId, transport);
    response.once('close', () => sessions.delete(transport.sessionId));
    return make().connect(transport);
  }
  const known = sessions.get(url.searchParams.get('sessionId'));
  return known ? known.handlePostMessage(request, response) : response.writeHead(404).end();
};

const [kind, port = '0'] = process.argv.slice(2);
if (kind === 'stdio') await make().connect(new StdioServerTransport());
else {
  const answer = kind === 'sse' ? sse : streamable;
  const server = createServer((request, response) => {
    answer(request, response).catch((error) => {
      console.error(error);
      response.destroy();
    });
  });
  server.listen(Number(port), '127.0.0.1', () => console.log(`listening on ${server.address().port}`));
}
