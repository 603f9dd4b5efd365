/** The MCP server over its standard streams. argv: `good` or `evil`, seed. Ends with its standard input. */
import { constants, setPriority } from 'node:os';
import { createInterface } from 'node:readline';
import { goodResult, oddAnswer, unasked } from './messages.mjs';
import { seeded } from './random.mjs';

// The hostile one takes no core from the gateway.
if (process.argv[2] === 'evil') setPriority(constants.priority.PRIORITY_LOW);

const [, , kind, seed] = process.argv;
const random = seeded(Number(seed) + process.pid);
const out = (text) => process.stdout.write(text);

const ODD_WRITES = [
  (text) => out(`${text}\n`),
  (text) => out(`${text}\n`),
  (text) => out(`${text}\n${text}\n`),
  (text) => out(`${text.slice(0, text.length >> 1)}\n`),
  (text) => out(`${text}\r\n\n\n`),
  () => out('this is no JSON\n'),
  () => out('x'.repeat(2_000_000)),
  (text) => process.stderr.write('noise '.repeat(20_000), () => out(`${text}\n`)),
  () => out(Buffer.from([0xff, 0xfe, 0x00, 0x0a])),
  () => undefined,
  () => process.exit(random.int(0, 3)),
];

const respond = (message) => {
  const good = JSON.stringify({ jsonrpc: '2.0', id: message.id, result: goodResult(message, false) });
  const opening = message.method === 'initialize' || message.method === 'tools/list';
  if (message.method === 'server/discover') {
    return out(
      `${JSON.stringify({ jsonrpc: '2.0', id: message.id, error: { code: -32_601, message: 'no such method' } })}\n`,
    );
  }
  if (kind === 'good' || random.chance(opening ? 0.8 : 0.3)) return out(`${good}\n`);
  if (random.chance(0.3)) out(`${unasked(random)}\n`);
  return random.pick(ODD_WRITES)(oddAnswer(random, message, goodResult(message, false)).replaceAll('\n', ' '));
};

process.stdout.on('error', () => process.exit(0));
createInterface({ input: process.stdin })
  .on('line', (line) => {
    let message;
    try {
      message = JSON.parse(line);
    } catch {
      return;
    }
    if (message?.id !== undefined && message.method !== undefined) respond(message);
  })
  .once('close', () => process.exit(0));
