/**
 * An MCP server on the official SDKs that speaks over a channel: `node channel-program.mjs legacy | modern | dual` over
 * its standard streams, `… sse` over HTTP+SSE on a free loopback port that it prints. Its tools are the same whatever
 * it speaks.
 */
import { createServer } from 'node:http';
import { Server as LegacyServer } from '@modelcontextprotocol/sdk/server/index.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { CallToolRequestSchema, ListToolsRequestSchema, ResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { inputRequired, ProtocolError, Server } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';

const [way] = process.argv.slice(2);
const witness = { started: [], aborted: [] };
const says = (value) => ({
  content: [{ type: 'text', text: typeof value === 'string' ? value : JSON.stringify(value) }],
});
const form = {
  mode: 'form',
  message: 'Who?',
  requestedSchema: { type: 'object', properties: { name: { type: 'string' } } },
};

/** `io`: how this call tells of progress, asks, hears that it is cancelled, and tells that the tools changed. */
const tools = {
  echo: (args) => says({ args }),
  pid: () => says(String(process.pid)),
  era: (_args, io) => says(io.era),
  witness: () => says(witness),
  progress: async (args, io) => {
    for (const value of [1, 2, 3]) await io.progress(value);
    return says(`progressed ${args.who}`);
  },
  slow: async (_args, io) => {
    await io.cancelled;
    witness.aborted.push('slow');
    return says('nobody is there');
  },
  ask: async (_args, io) => io.ask(),
  fails: () => ({ ...says('it failed'), isError: true }),
  throws: (_args, io) => io.throws(),
  large: () => says('x'.repeat(6 * 2 ** 20)),
  logs: async (_args, io) => {
    await io.log();
    return says('logged');
  },
  changed: async (_args, io) => {
    await io.changed();
    return says('told');
  },
  hangs: () => new Promise(() => undefined),
  crash: () => process.exit(3),
};
const listed = Object.keys(tools).map((name) => ({
  name,
  description: `Does ${name}`,
  inputSchema: { type: 'object' },
}));
const run = (name, args, io) => {
  witness.started.push(name);
  return tools[name](args, io);
};
const cancelled = (signal) => new Promise((resolve) => signal.addEventListener('abort', resolve));
const options = { capabilities: { tools: { listChanged: true }, logging: {} } };

const legacyServer = () => {
  const server = new LegacyServer({ name: 'channel', version: '1' }, options);
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: listed }));
  server.setRequestHandler(CallToolRequestSchema, ({ params }, { _meta, signal, sendNotification, sendRequest }) =>
    run(params.name, params.arguments ?? {}, {
      era: 'legacy',
      cancelled: cancelled(signal),
      progress: (progress) =>
        sendNotification({
          method: 'notifications/progress',
          params: { progressToken: _meta?.progressToken, progress, total: 3 },
        }),
      log: () => sendNotification({ method: 'notifications/message', params: { level: 'warning', data: 'careful' } }),
      ask: async () => says(await sendRequest({ method: 'elicitation/create', params: form }, ResultSchema)),
      changed: () => server.sendToolListChanged(),
      throws: () => {
        throw new ProtocolError(-32_602, 'thrown');
      },
    }),
  );
  return server;
};

/** Of the SDK's second line, which serves either era with the same handlers. */
const modernServer = ({ era }) => {
  const server = new Server({ name: 'channel', version: '2' }, options);
  server.setRequestHandler('tools/list', () => ({ tools: listed }));
  server.setRequestHandler('tools/call', ({ params }, { mcpReq }) =>
    run(params.name, params.arguments ?? {}, {
      era,
      cancelled: cancelled(mcpReq.signal),
      progress: (progress) =>
        mcpReq.notify({
          method: 'notifications/progress',
          params: { progressToken: mcpReq._meta?.progressToken, progress, total: 3 },
        }),
      log: () => mcpReq.log('warning', 'careful'),
      ask: () => {
        const answer = mcpReq.inputResponses?.who;
        return answer === undefined
          ? inputRequired({
              inputRequests: { who: { method: 'elicitation/create', params: form } },
              requestState: 'a state',
            })
          : says(answer);
      },
      changed: () => server.sendToolListChanged(),
      throws: () => {
        throw new ProtocolError(-32_602, 'thrown');
      },
    }),
  );
  return server;
};

const serveSse = () => {
  const transports = new Map();
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url, 'http://x');
    if (request.method === 'POST')
      return void transports.get(searchParams.get('sessionId'))?.handlePostMessage(request, response);
    const transport = new SSEServerTransport('/messages', response);
    transports.set(transport.sessionId, transport);
    return void legacyServer().connect(transport);
  });
  server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
};

if (way === 'sse') serveSse();
else if (way === 'legacy') await legacyServer().connect(new StdioServerTransport());
else serveStdio(modernServer, { legacy: way === 'modern' ? 'reject' : 'serve' });
