/** The client of the second line of the TypeScript SDK: `node ts-v2.mjs auto|legacy`. */
import { Client, SSEClientTransport, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { ANSWER, CONNECT_TIMEOUT_MS, serveCommands, TIMEOUT_MS } from './loop.mjs';

const mode = process.argv[2] ?? 'auto';

const transportTo = ({ url, sse, headers, command, args, env }) => {
  if (command !== undefined) return new StdioClientTransport({ command, args, env, stderr: 'ignore' });
  const Transport = sse ? SSEClientTransport : StreamableHTTPClientTransport;
  return new Transport(new URL(url), { requestInit: { headers } });
};

serveCommands(async (target, tell) => {
  const client = new Client(
    { name: 'matrix', version: '1.0.0' },
    {
      versionNegotiation: { mode },
      capabilities: { elicitation: { form: {} } },
      listChanged: { tools: { autoRefresh: false, debounceMs: 0, onChanged: () => tell('list_changed') } },
    },
  );
  client.setRequestHandler('elicitation/create', ({ params }) => {
    tell('elicitation', { params });
    return ANSWER;
  });
  await client.connect(transportTo(target), { timeout: CONNECT_TIMEOUT_MS });
  return {
    about: () => ({
      revision: client.getNegotiatedProtocolVersion() ?? null,
      server: client.getServerVersion()?.name ?? null,
      capabilities: client.getServerCapabilities() ?? null,
    }),
    list: async () => (await client.listTools(undefined, { timeout: TIMEOUT_MS })).tools,
    call: (name, args, { onProgress, signal }) =>
      client.callTool(
        { name, arguments: args },
        { timeout: TIMEOUT_MS, signal, onprogress: ({ progress }) => onProgress(progress) },
      ),
    close: () => client.close(),
  };
});
