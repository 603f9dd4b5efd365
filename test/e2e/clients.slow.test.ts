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
const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Program =>
  spawn(process.execPath, args, { env: { PATH: process.env['PATH'], ...env }, stdio: ['pipe', 'pipe', 'pipe'] });

const readAll = async (stream: Readable): Promise<string> => {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
};

/** Ends a program by closing its standard input, and by force if that is not enough; answers its exit code. */
const finish = (program: Program, patienceMs = 5000): Promise<number | null> => {
  if (program.exitCode !== null) return Promise.resolve(program.exitCode);
  const timer = setTimeout(() => program.kill('SIGKILL'), patienceMs);
  return new Promise((resolve) => {
    program.once('exit', (code) => {
      clearTimeout(timer);
      resolve(code);
    });
    program.stdin.end();
  });
};

type Fixture = 'fixture-v1' | 'fixture-v2';

/** A server of sessions alone, and one of both eras. */
const FIXTURES = ['fixture-v1', 'fixture-v2'] as const satisfies readonly Fixture[];

const fixtures: Program[] = [];
let dataDir: string;
let toolgate: BuiltToolgate | undefined;
const grants = new Map<Fixture, Grant>();

const grantFor = (name: Fixture): Grant => {
  const grant = grants.get(name);
  if (!grant) throw new Error(`no grant for ${name}`);
  return grant;
};

const startFixture = async (name: Fixture): Promise<string> => {
  const fixture = run([path(`../conformance/${name}.mjs`)]);
  fixtures.push(fixture);
  for await (const line of createInterface(fixture.stdout)) if (line.startsWith('http:')) return line;
  throw new Error(`${name} ended before it listened`);
};

beforeAll(async () => {
  dataDir = await temporaryDataFolder();
  await build();
  const [started, ...urls] = await Promise.all([startBuilt(dataDir), ...FIXTURES.map(startFixture)]);
  toolgate = started;
  const tenant = await signUp(started.url);
  for (const [index, name] of FIXTURES.entries()) {
    const serverId = await tenant.server(urls[index] ?? '');
    grants.set(name, await tenant.grant({ serverId, policyId: await tenant.policy(serverId, POLICY) }));
  }
}, 120_000);
afterAll(async () => {
  await toolgate?.end();
  await Promise.all(fixtures.map(finish));
  await removeDataFolder(dataDir);
});

const names = (list: unknown): string[] => (list as { tools: { name: string }[] }).tools.map(({ name }) => name);

/**
 * What every client must see: the tools, an answer, a refusal that the model can read, and after it a session that
 * still works.
 */
const expectToWork = async (
  client: Readonly<{ list: () => Promise<unknown>; call: (name: string) => Promise<unknown> }>,
): Promise<void> => {
  expect(names(await client.list())).toEqual(expect.arrayContaining(['test_simple_text', 'test_image_content']));
  expect(textOf(await client.call('test_simple_text'))).toBe('A simple text.');
  const refused = await client.call('test_image_content');
  expect([textOf(refused), (refused as Json)['isError']]).toEqual([DENIED, true]);
  expect(decisionOf(refused)).toMatchObject({
    effect: 'deny',
    code: 'denied_by_rule',
    rule: '/tools/test_image_content/action',
  });
  expect(textOf(await client.call('test_simple_text'))).toBe('A simple text.');
};

test.each(FIXTURES)(
  'the official SDK, first line, lists, calls and reads a refusal, before %s',
  async (name) => {
    const client = await connect(grantFor(name));
    await expectToWork({
      list: () => client.listTools(),
      call: (tool) => client.callTool({ name: tool, arguments: {} }),
    });
    expect((await client.readResource({ uri: 'test://static-text' })).contents).toHaveLength(1);
    expect((await client.getPrompt({ name: 'test_simple_prompt' })).messages).toHaveLength(1);
    await client.close();
  },
  PROGRAM_MS,
);

const second = async (
  name: Fixture,
  mode: 'legacy' | 'auto' | { pin: string },
  capabilities: Json = {},
): Promise<ClientV2> => {
  const client = new ClientV2(
    { name: 'test-client', version: '1.0.0' },
    { versionNegotiation: { mode }, capabilities },
  );
  if ('elicitation' in capabilities)
    client.setRequestHandler('elicitation/create', () => ({
      action: 'accept',
      content: { name: 'Alice', username: 'alice', email: 'alice@example.com' },
    }));
  const { mcpUrl, token } = grantFor(name);
  await client.connect(
    new TransportV2(new URL(mcpUrl), { requestInit: { headers: { authorization: `Bearer ${token}` } } }),
  );
  return client;
};

describe('the official SDK, second line, lists, calls, reads a refusal, a resource and a prompt, and is asked', () => {
  test.each([
    ['legacy', 'fixture-v1', '2025-11-25'],
    ['legacy', 'fixture-v2', '2025-11-25'],
    ['auto', 'fixture-v1', '2026-07-28'],
    [{ pin: '2026-07-28' }, 'fixture-v1', '2026-07-28'],
    ['auto', 'fixture-v2', '2026-07-28'],
    [{ pin: '2026-07-28' }, 'fixture-v2', '2026-07-28'],
  ] as const)(
    'with version negotiation %j before %s, in %s',
    async (mode, name, version) => {
      const client = await second(name, mode, { elicitation: {} });
      expect(client.getNegotiatedProtocolVersion()).toBe(version);
      await expectToWork({
        list: () => client.listTools(),
        call: (tool) => client.callTool({ name: tool, arguments: {} }),
      });
      expect((await client.readResource({ uri: 'test://static-text' })).contents).toHaveLength(1);
      expect((await client.getPrompt({ name: 'test_simple_prompt' })).messages).toHaveLength(1);
      expect(
        textOf(await client.callTool({ name: 'test_elicitation', arguments: { message: 'Who are you?' } })),
      ).toContain('action=accept');
      await client.close();
    },
    PROGRAM_MS,
  );
});

/** Runs the Inspector's command line to its end and answers what it printed. */
const inspect = async (name: Fixture, era: string, args: readonly string[]): Promise<unknown> => {
  const home = await mkdtemp(join(tmpdir(), 'toolgate-inspector-'));
  const { mcpUrl, token } = grantFor(name);
  const program = run(
    [
      path('../../node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js'),
      '--cli',
      mcpUrl,
      '--transport',
      'http',
      '--header',
      `Authorization: Bearer ${token}`,
      '--protocol-era',
      era,
      '--format',
      'json',
      ...args,
    ],
    { HOME: home, MCP_CATALOG_PATH: join(home, 'catalog.json') },
  );
  try {
    const [out, error] = await Promise.all([readAll(program.stdout), readAll(program.stderr), finish(program, 30_000)]);
    return JSON.parse(out === '' ? error : out) as unknown;
  } finally {
    await rm(home, { recursive: true, force: true });
  }
};

describe("the Inspector's command line lists, calls and reads a refusal", () => {
  test.each([
    ['legacy', 'fixture-v1'],
    ['legacy', 'fixture-v2'],
    ['auto', 'fixture-v1'],
    ['auto', 'fixture-v2'],
    ['modern', 'fixture-v1'],
    ['modern', 'fixture-v2'],
  ] as const)(
    'in era %s before %s',
    async (era, name) => {
      const result = async (args: readonly string[]): Promise<unknown> => {
        const printed = (await inspect(name, era, args)) as { result?: unknown };
        return printed.result ?? printed;
      };
      await expectToWork({
        list: () => result(['--method', 'tools/list']),
        call: (tool) => result(['--method', 'tools/call', '--tool-name', tool]),
      });
    },
    120_000,
  );
});

test(
  'mcp-remote brings a client that speaks stdio to the gateway',
  async () => {
    const home = await mkdtemp(join(tmpdir(), 'toolgate-mcp-remote-'));
    const args = [
      path('../../node_modules/mcp-remote/dist/proxy.js'),
      grantFor('fixture-v1').mcpUrl,
      '--allow-http',
      '--transport',
      'http-only',
      '--header',
      `Authorization: Bearer ${grantFor('fixture-v1').token}`,
    ];
    const program = run(args, { HOME: home, MCP_REMOTE_CONFIG_DIR: home });
    const lines = createInterface(program.stdout)[Symbol.asyncIterator]();
    const send = (message: Json): void =>
      void program.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
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
      await ask('initialize', {
        protocolVersion: '2025-11-25',
        capabilities: {},
        clientInfo: { name: 'test-client', version: '1.0.0' },
      });
      send({ method: 'notifications/initialized' });
      await expectToWork({
        list: () => ask('tools/list', {}),
        call: (name) => ask('tools/call', { name, arguments: {} }),
      });
    } finally {
      expect(await finish(program)).toBe(0);
      await rm(home, { recursive: true, force: true });
    }
  },
  PROGRAM_MS,
);
