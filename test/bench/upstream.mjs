/**
 * The bench's MCP server of the era in argv[2]: HTTP/1.1 on plain sockets, so that it costs next to nothing. It answers
 * a tools/call with a fixed result of `MESSAGE_BYTES` under the request's id, tools/list with 88 tools (64 KB), and
 * what a client asks before. One request at a time on a connection, as clients send them.
 */
import { createServer } from 'node:net';
import { answer } from './child.mjs';
import { resultText } from './messages.mjs';

const era = process.argv[2];

const head = (length, more = '') =>
  `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n${more}Content-Length: ${length}\r\n\r\n`;
const callHead = head(Buffer.byteLength(resultText(era, '10000000')));

const schema = {
  type: 'object',
  properties: Object.fromEntries(
    Array.from({ length: 6 }, (_, n) => [
      `argument_${n}`,
      { type: 'string', description: 'Says which of the things this is about' },
    ]),
  ),
};
const tools = Array.from({ length: 88 }, (_, n) => ({
  name: n === 40 ? 'cancel_job' : `tool_${n}`,
  description: `Does what tool ${n} of this server does, and nothing else`,
  inputSchema: schema,
}));

const complete = {
  resultType: 'complete',
  ttlMs: 0,
  cacheScope: 'private',
  _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'bench', version: '1' } },
};
const results = {
  legacy: {
    initialize: {
      protocolVersion: '2025-06-18',
      capabilities: { tools: {} },
      serverInfo: { name: 'bench', version: '1' },
    },
    'tools/list': { tools },
  },
  modern: {
    'server/discover': { ...complete, supportedVersions: ['2026-07-28'], capabilities: { tools: {} } },
    'tools/list': { ...complete, tools },
  },
}[era];
const known = Object.entries(results).map(([method, result]) => ({
  mark: `"method":"${method}"`,
  result: JSON.stringify(result),
  more: method === 'initialize' ? 'Mcp-Session-Id: bench-session\r\n' : '',
}));

const replyTo = (text) => {
  const id = /"id":("[^"]*"|\d+)/.exec(text)?.[1];
  if (id === undefined) return 'HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n';
  if (text.includes('"method":"tools/call"')) return callHead + resultText(era, id);
  const answered = known.find(({ mark }) => text.includes(mark));
  const body = answered
    ? `{"jsonrpc":"2.0","id":${id},"result":${answered.result}}`
    : `{"jsonrpc":"2.0","id":${id},"error":{"code":-32601,"message":"not offered"}}`;
  return head(Buffer.byteLength(body), answered?.more) + body;
};

const serve = (socket) => {
  let held = '';
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    held += chunk.latin1Slice();
    const end = held.indexOf('\r\n\r\n');
    if (end < 0) return;
    const length = Number(/content-length: *(\d+)/i.exec(held)?.[1] ?? 0);
    if (held.length < end + 4 + length) return;
    const text = held;
    held = '';
    if (text.startsWith('POST')) socket.write(replyTo(text));
    else socket.write('HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n');
  });
};

const server = createServer(serve);
server.listen(0, '127.0.0.1', () => answer({ port: server.address().port }));
