/**
 * An MCP server on the official SDK over its standard streams, for what tests ask of a process. argv: nothing. Says its
 * pid, its environment's names, and crashes when told.
 */
import { spawn } from 'node:child_process';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { CallToolRequestSchema, ElicitResultSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';

const tool = (name) => ({ name, description: `Does ${name}`, inputSchema: { type: 'object' } });
const text = (value) => ({
  content: [{ type: 'text', text: typeof value === 'string' ? value : JSON.stringify(value) }],
});
const server = new Server(
  { name: 'stdio-server', version: '1.0.0' },
  { capabilities: { tools: { listChanged: true }, logging: {} } },
);

const calls = {
  pid: () => text(String(process.pid)),
  environment: () => text(Object.keys(process.env).toSorted()),
  argv: () => text(process.argv.slice(2)),
  echo: (params) => text(params.arguments ?? {}),
  secret: () => text(process.env['API_TOKEN'] ?? 'none'),
  crash: () => {
    process.stderr.write(`going down with ${process.env['API_TOKEN']}\n`);
    process.exit(3);
  },
  hang: () => new Promise(() => undefined),
  helper: () => text(String(spawn('sleep', ['600'], { stdio: ['ignore', 'inherit', 'inherit'] }).pid)),
  grumble: () => {
    process.stderr.write(`all is well, ${process.env['API_TOKEN']}\n`);
    return text('said');
  },
  noise: () => {
    process.stdout.write('this is no JSON\n');
    return text('heard');
  },
  large: () => text('x'.repeat(8 * 1024 * 1024)),
  progress: async (params, extra) => {
    for (let step = 1; step <= 3; step += 1) {
      await extra.sendNotification({
        method: 'notifications/progress',
        params: { progressToken: params._meta?.progressToken, progress: step, total: 3 },
      });
    }
    return text('done');
  },
  ask: async (_params, extra) => {
    const answer = await extra.sendRequest(
      {
        method: 'elicitation/create',
        params: { message: 'Sure?', requestedSchema: { type: 'object', properties: { sure: { type: 'boolean' } } } },
      },
      ElicitResultSchema,
    );
    return text(answer);
  },
  changed: async () => {
    await server.sendToolListChanged();
    return text('told');
  },
};

server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: Object.keys(calls).map(tool) }));
server.setRequestHandler(CallToolRequestSchema, (request, extra) => calls[request.params.name](request.params, extra));
await server.connect(new StdioServerTransport());
