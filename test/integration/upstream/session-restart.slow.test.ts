import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { tenantTest } from '../../support/product-test.js';
import { openSession, type Grant } from '../../support/tenant.js';
import { startBeside } from '../../support/toolgate.js';

const SCRIPT = fileURLToPath(new URL('../../support/restartable-server.mjs', import.meta.url));
const SETTINGS = { ALLOW_STDIO: process.execPath, STDIO_SANDBOX: 'off' };
const { test, toolgate, tenant } = tenantTest(SETTINGS);

type Program = Readonly<{ instructions?: string; tools?: readonly string[] }>;
type Answer = Readonly<{
  status: number;
  error?: Readonly<{ code: number; message: string }>;
  result?: Readonly<{ content: readonly Readonly<{ text: string }>[]; _meta?: Readonly<Record<string, unknown>> }>;
}>;

let folder: string;
let count = 0;
test.beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'restart-'))));
test.afterAll(() => rm(folder, { recursive: true, force: true }));

/** A server whose program can be changed, and a grant for it. */
const register = async (more: Readonly<Record<string, unknown>> = {}) => {
  const file = join(folder, `${(count += 1)}`);
  const program = (next: Program): void => writeFileSync(file, JSON.stringify(next));
  program({});
  const transport = { type: 'stdio', command: process.execPath, args: [SCRIPT, file], env: {} };
  const serverId = await tenant.server('', { transport, ...more });
  const policyId = await tenant.policy(serverId, {
    version: '1',
    default: 'allow',
    resources: { '*': {} },
  });
  const starts = (): number => readFileSync(`${file}.starts`, 'utf8').trim().split('\n').length;
  return { serverId, grant: await tenant.grant({ serverId, policyId }), program, starts };
};

let ids = 100;
const open = async (grant: Grant) => {
  const session = await openSession(grant);
  const send = async (method: string, params: unknown = {}): Promise<Answer> => {
    const response = await session.post({ jsonrpc: '2.0', id: (ids += 1), method, params });
    const body = await response.text();
    return { status: response.status, ...(body === '' ? {} : (JSON.parse(body) as Omit<Answer, 'status'>)) };
  };
  const call = (name: string): Promise<Answer> => send('tools/call', { name, arguments: {} });
  const end = (): Promise<Response> =>
    fetch(grant.mcpUrl, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${grant.token}`, 'mcp-session-id': session.id },
    });
  return { ...session, send, call, end };
};
const valueOf = ({ result }: Answer): unknown => JSON.parse(result?.content[0]?.text ?? 'null');
const markOf = ({ result }: Answer): unknown => result?._meta?.['io.toolgate/session'];

test('a session whose process ended goes on in a new one with its settings, is marked once and on record', async () => {
  const { serverId, grant } = await register();
  const session = await open(grant);
  await session.send('tools/list');
  await session.send('logging/setLevel', { level: 'error' });
  await session.send('resources/subscribe', { uri: 'file:///a' });
  const first = valueOf(await session.call('pid'));
  expect((await session.call('exit')).error?.code).toBe(-33_103);
  const after = await session.call('pid');
  expect(markOf(after)).toEqual({ restarted: true });
  expect(valueOf(after)).not.toBe(first);
  const again = await session.call('seen');
  expect([markOf(again), valueOf(again)]).toEqual([undefined, ['level error', 'subscribe file:///a']]);
  await expect
    .poll(async () => (await tenant.events(`&type=session.restarted&serverId=${serverId}`)).length, { timeout: 5000 })
    .toBe(1);
  const statuses = (await tenant.events(`&type=toolCall.completed&serverId=${serverId}`)).map(({ status }) => status);
  expect(statuses.filter((status) => status !== 'ok')).toEqual(['upstream_error']);
});

test('requests that find a session without its process start it once, and all are answered', async () => {
  const { grant, starts } = await register();
  const session = await open(grant);
  await session.call('exit');
  const before = starts();
  const pids = await Promise.all(Array.from({ length: 8 }, () => session.call('pid')));
  expect(new Set(pids.map(valueOf)).size).toBe(1);
  expect(pids.filter((one) => markOf(one) !== undefined)).toHaveLength(1);
  expect(starts()).toBe(before + 1);
});

test.for([
  ['the result of initialize', { instructions: 'another server' }, false],
  ['the tools that the client has seen', { tools: ['pid', 'exit'] }, true],
  ['the tools that discovery has found', { tools: ['pid', 'exit'] }, false],
] as const)('a session whose server has changed in %s is 404, and stays so', async ([, next, lists]) => {
  const { grant, program } = await register();
  const session = await open(grant);
  if (lists) await session.send('tools/list');
  await session.call('exit');
  program(next);
  expect((await session.call('pid')).status).toBe(404);
  program({});
  expect((await session.call('pid')).status).toBe(404);
});

test('an ended session is not started again, nor one of a server with restartSessions: false', async () => {
  const ended = await register();
  const session = await open(ended.grant);
  await session.end();
  const before = ended.starts();
  expect((await session.call('pid')).status).toBe(404);
  expect(ended.starts()).toBe(before);
  const fixed = await register({ restartSessions: false });
  const other = await open(fixed.grant);
  await other.call('exit');
  expect((await other.call('pid')).status).toBe(404);
  const { body } = await tenant.api('PATCH', `/v1/servers/${fixed.serverId}`, { restartSessions: true });
  expect(body['restartSessions']).toBe(true);
});

test('a session goes on at another gateway when its own has stopped, and while both run only one has it', async () => {
  const { grant } = await register();
  const [one, two] = [await startBeside(toolgate, SETTINGS), await startBeside(toolgate, SETTINGS)];
  const at = (url: string): Grant => ({ ...grant, mcpUrl: grant.mcpUrl.replace(toolgate.url, url) });
  try {
    const session = await open(at(one.url));
    const pid = valueOf(await session.call('pid'));
    const elsewhere = (name: string): Promise<Response> =>
      fetch(at(two.url).mcpUrl, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${grant.token}`,
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          'mcp-session-id': session.id,
        },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: {} } }),
      });
    expect((await elsewhere('pid')).status).toBe(404);
    expect(valueOf(await session.call('pid'))).toBe(pid);
    await one.close();
    const after = (await (await elsewhere('pid')).json()) as Answer;
    expect([markOf(after), valueOf(after) === pid]).toEqual([{ restarted: true }, false]);
  } finally {
    await one.close();
    await two.close();
  }
});
