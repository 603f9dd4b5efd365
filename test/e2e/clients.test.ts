import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, decisionOf, signUp, textOf, type Grant } from '../support/tenant.js';
import { build, removeDataFolder, startBuilt, temporaryDataFolder, type BuiltToolgate } from './built-toolgate.js';

const PROGRAM_MS = 10_000;
const REASON = 'No pictures for agents';
const POLICY = { version: '1', default: 'allow', tools: { test_image_content: { action: 'deny', reason: REASON } } };
const DENIED = `[POLICY DENIED] ${REASON}`;

type Program = ChildProcessByStdio<Writable, Readable, Readable>;
type Json = Record<string, unknown>;

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Program => spawn(process.execPath, args, { env: { PATH: process.env['PATH'], ...env }, stdio: ['pipe', 'pipe', 'pipe'] });

/** Ends a program by closing its standard input, and by force if that is not enough; answers its exit code. */
const finish = (program: Program): Promise<number | null> => {
  if (program.exitCode !== null) return Promise.resolve(program.exitCode);
  const timer = setTimeout(() => program.kill('SIGKILL'), 5000);
  return new Promise((resolve) => {
    program.once('exit', (code) => {
      clearTimeout(timer);
      resolve(code);
    });
    program.stdin.end();
  });
};

let fixture: Program | undefined;
let dataDir: string;
let toolgate: BuiltToolgate | undefined;
let grant: Grant;

const startFixture = async (): Promise<string> => {
  fixture = run([path('../conformance/fixture-v1.mjs')]);
  for await (const line of createInterface(fixture.stdout)) if (line.startsWith('http:')) return line;
  throw new Error('the fixture ended before it listened');
};

beforeAll(async () => {
  dataDir = await temporaryDataFolder();
  await build();
  const [upstreamUrl, started] = await Promise.all([startFixture(), startBuilt(dataDir)]);
  toolgate = started;
  const tenant = await signUp(started.url);
  const serverId = await tenant.server(upstreamUrl);
  grant = await tenant.grant({ serverId, policyId: await tenant.policy(serverId, POLICY) });
}, 120_000);
afterAll(async () => {
  await toolgate?.end();
  if (fixture) await finish(fixture);
  await removeDataFolder(dataDir);
});

const names = (list: unknown): string[] => (list as { tools: { name: string }[] }).tools.map(({ name }) => name);

/** What every client must see: the tools, an answer, a refusal that the model can read, and after it a session that still works. */
const expectToWork = async (client: Readonly<{ list: () => Promise<unknown>; call: (name: string) => Promise<unknown> }>): Promise<void> => {
  expect(names(await client.list())).toEqual(expect.arrayContaining(['test_simple_text', 'test_image_content']));
  expect(textOf(await client.call('test_simple_text'))).toBe('A simple text.');
  const refused = await client.call('test_image_content');
  expect([textOf(refused), (refused as Json)['isError']]).toEqual([DENIED, true]);
  expect(decisionOf(refused)).toMatchObject({ effect: 'deny', code: 'denied_by_rule', rule: '/tools/test_image_content/action' });
  expect(textOf(await client.call('test_simple_text'))).toBe('A simple text.');
};

test(
  'the official SDK, first line, lists, calls and reads a refusal',
  async () => {
    const client = await connect(grant);
    await expectToWork({ list: () => client.listTools(), call: (name) => client.callTool({ name, arguments: {} }) });
    await client.close();
  },
  PROGRAM_MS,
);

describe('the official SDK, second line, lists, calls and reads a refusal', () => {
  test.each(['legacy', 'auto'] as const)(
    'with version negotiation %s',
    async (mode) => {
      const client = new ClientV2({ name: 'test-client', version: '1.0.0' }, { versionNegotiation: { mode } });
      await client.connect(new TransportV2(new URL(grant.mcpUrl), { requestInit: { headers: { authorization: `Bearer ${grant.token}` } } }));
      await expectToWork({ list: () => client.listTools(), call: (name) => client.callTool({ name, arguments: {} }) });
      await client.close();
    },
    PROGRAM_MS,
  );
});

test(
  'mcp-remote brings a client that speaks stdio to the gateway',
  async () => {
    const home = await mkdtemp(join(tmpdir(), 'toolgate-mcp-remote-'));
    const args = [path('../../node_modules/mcp-remote/dist/proxy.js'), grant.mcpUrl, '--allow-http', '--transport', 'http-only', '--header', `Authorization: Bearer ${grant.token}`];
    const program = run(args, { HOME: home, MCP_REMOTE_CONFIG_DIR: home });
    const lines = createInterface(program.stdout)[Symbol.asyncIterator]();
    const send = (message: Json): void => void program.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
    let id = 0;
    // It loses the session of what is sent before an answer has come back, so one at a time.
    const ask = async (method: string, params: Json): Promise<unknown> => {
      id += 1;
      send({ id, method, params });
      for (;;) {
        const { value, done } = await lines.next();
        if (done === true) throw new Error(`mcp-remote ended during ${method}`);
        const message = JSON.parse(value) as Json;
        if (message['id'] === id && !('method' in message)) return message['result'] ?? message;
      }
    };
    try {
      await ask('initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test-client', version: '1.0.0' } });
      send({ method: 'notifications/initialized' });
      await expectToWork({ list: () => ask('tools/list', {}), call: (name) => ask('tools/call', { name, arguments: {} }) });
    } finally {
      expect(await finish(program)).toBe(0);
      await rm(home, { recursive: true, force: true });
    }
  },
  PROGRAM_MS,
);
