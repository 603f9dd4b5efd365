/** The client of the first line of the TypeScript SDK. */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema, ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { ANSWER, CONNECT_TIMEOUT_MS, serveCommands, TIMEOUT_MS } from './loop.mjs';

const transportTo = ({ url, sse, headers, command, args, env }) => {
  if (command !== undefined) return new StdioClientTransport({ command, args, env, stderr: 'ignore' });
  const Transport = sse ? SSEClientTransport : StreamableHTTPClientTransport;
  return new Transport(new URL(url), { requestInit: { headers } });
};

serveCommands(async (target, tell) => {
  const client = new Client({ name: 'matrix', version: '1.0.0' }, { capabilities: { elicitation: { form: {} } } });
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
    tell('elicitation', { params });
    return ANSWER;
  });
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => tell('list_changed'));
  await client.connect(transportTo(target), { timeout: CONNECT_TIMEOUT_MS });
  return {
    about: () => ({
      revision: client.transport?.protocolVersion ?? null,
      server: client.getServerVersion()?.name ?? null,
      capabilities: client.getServerCapabilities() ?? null,
    }),
    list: async () => (await client.listTools(undefined, { timeout: TIMEOUT_MS })).tools,
    call: (name, args, { onProgress, signal }) =>
      client.callTool({ name, arguments: args }, undefined, {
        timeout: TIMEOUT_MS,
        signal,
        onprogress: ({ progress }) => onProgress(progress),
      }),
    close: () => client.close(),
  };
});
