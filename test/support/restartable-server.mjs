/**
 * An MCP server over its standard streams that shows what becomes of its session. Its argument is a file with its
 * instructions and the names of its tools, which may change from start to start.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const [file] = process.argv.slice(2);
const { instructions = '', tools = ['pid', 'seen', 'exit', 'wait'] } = JSON.parse(readFileSync(file, 'utf8'));
appendFileSync(`${file}.starts`, `${process.pid}\n`);
const seen = [];
const say = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
const text = (value) => ({ content: [{ type: 'text', text: JSON.stringify(value) }] });

const calls = {
  pid: () => text(process.pid),
  seen: () => text(seen),
  exit: () => process.exit(0),
  wait: () => undefined,
};
const results = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion,
    capabilities: { tools: {}, logging: {}, resources: { subscribe: true } },
    serverInfo: { name: 'restartable', version: '1' },
    ...(instructions === '' ? {} : { instructions }),
  }),
  ping: () => ({}),
  'tools/list': () => ({ tools: tools.map((name) => ({ name, inputSchema: { type: 'object' } })) }),
  'tools/call': ({ name }) => calls[name](),
  'logging/setLevel': ({ level }) => (seen.push(`level ${level}`), {}),
  'resources/subscribe': ({ uri }) => (seen.push(`subscribe ${uri}`), {}),
};

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line);
  if (method === 'notifications/cancelled') seen.push('cancelled');
  if (id === undefined || method === undefined) return;
  const result = results[method]?.(params ?? {});
  if (!results[method]) say({ id, error: { code: -32601, message: 'unknown method' } });
  else if (result) say({ id, result });
});
