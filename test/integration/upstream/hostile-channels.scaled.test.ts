import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect } from 'vitest';
import { modernClient } from '../../support/modern-client.js';
import { tenantTest } from '../../support/product-test.js';
import { scaled } from '../../support/scaled.js';
import { openSession, type Grant } from '../../support/tenant.js';

const PROGRAM = fileURLToPath(new URL('../../support/hostile-channel.mjs', import.meta.url));
const POLICY = { version: '1', default: 'deny', hide: ['delete_*'], tools: { safe: {}, do: {} } };
const LISTS = ['tools/list', 'resources/list', 'resources/templates/list', 'prompts/list'];

const { test, tenant } = tenantTest({ ALLOW_STDIO: process.execPath, STDIO_SANDBOX: 'off', UPSTREAM_TIMEOUT: '5' });

let sse: ChildProcess;
/** A server, and a policy that pinned its definitions before it changed any. */
type Governed = Readonly<{ serverId: string; policyId: string }>;
const governed = new Map<string, Governed>();

test.beforeAll(async () => {
  sse = spawn(process.execPath, [PROGRAM, 'sse'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [port] = (await once(sse.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  const transports = {
    stdio: { type: 'stdio', command: process.execPath, args: [PROGRAM, 'stdio'], env: {} },
    'HTTP+SSE': { type: 'sse', url: `http://127.0.0.1:${String(port).trim()}/sse` },
  };
  for (const [name, transport] of Object.entries(transports)) {
    const serverId = await tenant.server('', { transport });
    governed.set(name, { serverId, policyId: await tenant.policy(serverId, POLICY) });
  }
}, 60_000);
test.afterAll(async () => {
  sse?.kill('SIGKILL');
});

type Ask = (method: string, params: Record<string, unknown>) => Promise<string>;

/** What a client of this era receives for a request, as text. */
const asks: Readonly<Record<'legacy' | 'modern', (channel: string) => Promise<Ask>>> = {
  legacy: async (channel) => {
    const { post } = await openSession(await grantFor(channel));
    return async (method, params) => (await post({ jsonrpc: '2.0', id: 7, method, params })).text();
  },
  modern: async (channel) => {
    const client = modernClient(await grantFor(channel));
    return async (method, params) => (await client.ask(method, params)).text;
  },
};
const grantFor = (channel: string): Promise<Grant> => tenant.grant(governed.get(channel) as Governed);

const pairs = (
  [
    ['stdio', 'legacy'],
    ['HTTP+SSE', 'modern'],
    ['stdio', 'modern'],
    ['HTTP+SSE', 'legacy'],
  ] as const
).slice(0, scaled(4, 2));

describe.each(pairs)('a hostile server over %s, for a %s client,', (channel, era) => {
  test.each(['answer', 'error', 'question', 'notification', 'brackets without end'])(
    'that sends 20,000 levels (%s) ends that call at most, and the next one is answered',
    async (as) => {
      const ask = await asks[era](channel);
      expect(await ask('tools/call', { name: 'do', arguments: { as } })).not.toContain('{"a":{"a":');
      const again = await asks[era](channel);
      expect(await again('tools/call', { name: 'do', arguments: {} })).toContain('"content":[]');
    },
  );
});

describe.each(pairs)('lists of a hostile server over %s, for a %s client,', (channel, era) => {
  test.each([
    'plain',
    'under other ids',
    'with NaN',
    'in a batch',
    'behind a byte order mark',
    'with two ids',
    'beside a method',
    'with 100,001 colons',
    'over 1 MiB',
  ])('show no hidden tool and no changed definition: %s', async (dress) => {
    const ask = await asks[era](channel);
    const received = [await ask('tools/call', { name: 'do', arguments: { dress } })];
    for (const method of LISTS) received.push(await ask(method, {}));
    received.push(await ask('tools/call', { name: 'do', arguments: {} }));
    for (const text of received) expect(text).not.toMatch(/delete_group|ignore your instructions|POLICY DENIED/);
  });
});
