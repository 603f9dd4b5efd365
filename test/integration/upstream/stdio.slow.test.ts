import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema, ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { fileURLToPath } from 'node:url';
import { describe, expect } from 'vitest';
import { tenantTest } from '../../support/product-test.js';
import { connect, openSession, textOf, type Grant } from '../../support/tenant.js';

const SCRIPT = fileURLToPath(new URL('../../support/stdio-server.mjs', import.meta.url));
const SECRET = 'stdio-secret-0123456789';
const stdio = (more: Readonly<Record<string, unknown>> = {}) => ({
  type: 'stdio',
  command: process.execPath,
  args: [SCRIPT],
  env: { API_TOKEN: SECRET },
  ...more,
});

const { test, tenant } = tenantTest({ ALLOW_STDIO: process.execPath, STDIO_SANDBOX: 'off', UPSTREAM_TIMEOUT: '5' });

let serverId: string;
let policyId: string;

test.beforeAll(async () => {
  serverId = await tenant.server('', { transport: stdio() });
  policyId = await tenant.policy(serverId, { version: '1', default: 'allow' });
}, 60_000);

const issue = (): Promise<Grant> => tenant.grant({ serverId, policyId });
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};
const call = async (client: Client, name: string, args: Record<string, unknown> = {}): Promise<string> =>
  textOf(await client.callTool({ name, arguments: args }));
const pidOf = async (client: Client): Promise<number> => Number(await call(client, 'pid'));

describe('registering a command', () => {
  test('discovers its tools, and shows of its environment the names only', async () => {
    const { body } = await tenant.api('GET', `/v1/servers/${serverId}`);
    expect(body).toMatchObject({
      status: 'ready',
      transport: { type: 'stdio', command: process.execPath, args: [SCRIPT], envNames: ['API_TOKEN'] },
      auth: { type: 'none' },
    });
    expect(body['toolCount']).toBeGreaterThan(5);
    const everything = JSON.stringify([body, await tenant.events()]);
    expect(everything).toContain('API_TOKEN');
    expect(everything).not.toContain(SECRET);
  });

  test('that ALLOW_STDIO does not list is refused, also one that a shell would find', async () => {
    for (const command of ['/bin/sh', 'sh', `${process.execPath} `, `${process.execPath}/../node`]) {
      const answer = await tenant.api('POST', '/v1/servers', { name: 'x', transport: stdio({ command }) });
      expect([command, answer.status, answer.body['code']]).toEqual([command, 422, 'command_not_allowed']);
    }
  });

  test.each([
    [{ command: '' }, '/transport/command'],
    [{ args: 'a b' }, '/transport/args'],
    [{ args: [1] }, '/transport/args'],
    [{ env: { 'A B': 'x' } }, '/transport/env/A B'],
    [{ env: { A: 1 } }, '/transport/env/A'],
    [{ cwd: '/' }, '/transport/cwd'],
  ])('with %o is refused with its place', async (more, pointer) => {
    const { status, body } = await tenant.api('POST', '/v1/servers', { name: 'x', transport: stdio(more) });
    expect([status, (body['errors'] as { pointer: string }[]).map((one) => one.pointer)]).toEqual([400, [pointer]]);
  });

  test('takes its credentials in env: headers are refused', async () => {
    const auth = { type: 'headers', headers: { Authorization: 'Bearer x' } };
    expect((await tenant.api('POST', '/v1/servers', { name: 'x', transport: stdio(), auth })).status).toBe(400);
    expect((await tenant.api('PATCH', `/v1/servers/${serverId}`, { auth })).status).toBe(400);
  });

  test('that does not start, or is no MCP server, is created as unreachable and says what to look at', async () => {
    const { status, body } = await tenant.api('POST', '/v1/servers', {
      name: 'x',
      transport: stdio({ args: ['-e', 'process.exit(1)'] }),
    });
    expect([status, body['status']]).toEqual([201, 'unreachable']);
    expect(body['statusDetail']).toContain('ended the connection before it answered');
  });

  test('that fails is created with its exit code and its last words as detail, without its secrets', async () => {
    const script = 'console.error("no config for " + process.env.API_TOKEN + ": give --config"); process.exit(7)';
    const { body } = await tenant.api('POST', '/v1/servers', { name: 'x', transport: stdio({ args: ['-e', script] }) });
    expect(body['statusDetail']).toContain('exit code 7. It wrote last: no config for …: give --config');
  });
});

test(
  'a process gets the environment of its server and what a program needs, none of our settings, and ' +
    'its arguments as they are',
  async () => {
    const client = await connect(await issue());
    expect(await call(client, 'secret')).toBe(SECRET);
    const names = JSON.parse(await call(client, 'environment')) as string[];
    expect(names).toContain('API_TOKEN');
    expect(names).toContain('PATH');
    expect(names.filter((name) => /MASTER_KEY|DATABASE|KAFKA|VITEST|npm_/.test(name))).toEqual([]);
    const spaced = await tenant.server('', { transport: stdio({ args: [SCRIPT, 'a b', '$HOME; rm -rf x', '"'] }) });
    const other = await connect(
      await tenant.grant({
        serverId: spaced,
        policyId: await tenant.policy(spaced, { version: '1', default: 'allow' }),
      }),
    );
    expect(JSON.parse(await call(other, 'argv'))).toEqual(['a b', '$HOME; rm -rf x', '"']);
    await Promise.all([client.close(), other.close()]);
  },
);

test('two grants never share a process, calls of one session do', async () => {
  const [one, two] = [await connect(await issue()), await connect(await issue())];
  const pids = [await pidOf(one), await pidOf(one), await pidOf(two)];
  expect(pids[0]).toBe(pids[1]);
  expect(pids[2]).not.toBe(pids[0]);
  await Promise.all([one.close(), two.close()]);
});

test('a process ends with its session, and when its grant is revoked', async () => {
  const [deleted, revoked] = [await issue(), await issue()];
  const first = await connect(deleted);
  const second = await connect(revoked);
  const pids = [await pidOf(first), await pidOf(second)] as [number, number];
  await (first.transport as StreamableHTTPClientTransport).terminateSession();
  await expect.poll(() => isAlive(pids[0]), { timeout: 5000 }).toBe(false);
  await tenant.api('POST', `/v1/grants/${revoked.id}/revoke`);
  await expect.poll(() => isAlive(pids[1]), { timeout: 5000 }).toBe(false);
  await Promise.all([first.close().catch(() => undefined), second.close().catch(() => undefined)]);
});

test(
  'a crash answers the call under way with an error, the next call runs in a new process, and its ' +
    'standard error reaches the operator without the secret',
  async () => {
    const lines: string[] = [];
    const write = process.stderr.write.bind(process.stderr);
    process.stderr.write = (line: unknown): boolean => lines.push(String(line)) > 0;
    const client = await connect(await issue());
    try {
      const before = await pidOf(client);
      await expect(client.callTool({ name: 'crash', arguments: {} })).rejects.toMatchObject({ code: -33_103 });
      const after = await pidOf(client);
      expect(after).not.toBe(before);
    } finally {
      process.stderr.write = write;
    }
    const logged = lines.filter((line) => line.includes('a stdio server ended')).join('');
    expect(logged).toContain('going down with');
    expect(logged).not.toContain(SECRET);
    const outcomes = await tenant.events('&type=toolCall.completed');
    expect(outcomes.some((event) => event['tool'] === 'crash' && event['status'] === 'upstream_error')).toBe(true);
    await client.close();
  },
);

test(
  'what a process started ends with it, whether it crashed or was ended, and what it said reaches ' +
    'the operator without the secret',
  async () => {
    const lines: string[] = [];
    const write = process.stderr.write.bind(process.stderr);
    process.stderr.write = (line: unknown): boolean => lines.push(String(line)) > 0;
    try {
      const client = await connect(await issue());
      const left = Number(await call(client, 'helper'));
      await expect(client.callTool({ name: 'crash', arguments: {} })).rejects.toMatchObject({ code: -33_103 });
      await expect.poll(() => isAlive(left), { timeout: 5000 }).toBe(false);
      const other = Number(await call(client, 'helper'));
      await call(client, 'grumble');
      await (client.transport as StreamableHTTPClientTransport).terminateSession();
      await expect.poll(() => isAlive(other), { timeout: 5000 }).toBe(false);
      await expect.poll(() => lines.filter((line) => line.includes('all is well')).length, { timeout: 5000 }).toBe(1);
      expect(lines.join('')).not.toContain(SECRET);
    } finally {
      process.stderr.write = write;
    }
  },
);

test(
  'a command that crashes again and again is started with growing delay, and calls meanwhile fail ' + 'at once',
  async () => {
    const client = await connect(await issue());
    await expect(client.callTool({ name: 'crash', arguments: {} })).rejects.toMatchObject({ code: -33_103 });
    await expect(client.callTool({ name: 'crash', arguments: {} })).rejects.toMatchObject({ code: -33_103 });
    await expect(client.callTool({ name: 'pid', arguments: {} })).rejects.toMatchObject({ code: -33_101 });
    await expect.poll(() => pidOf(client).catch(() => 0), { timeout: 5000, interval: 200 }).toBeGreaterThan(0);
    await client.close();
  },
);

test('progress, a question to the client, a changed list and noise on standard output all find their way', async () => {
  const grant = await issue();
  const client = new Client({ name: 'asked', version: '1' }, { capabilities: { elicitation: {} } });
  client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept', content: { sure: true } }));
  const changed = new Promise((done) => client.setNotificationHandler(ToolListChangedNotificationSchema, done));
  await client.connect(
    new StreamableHTTPClientTransport(new URL(grant.mcpUrl), {
      requestInit: { headers: { authorization: `Bearer ${grant.token}` } },
    }),
  );
  const steps: number[] = [];
  expect(
    textOf(
      await client.callTool({ name: 'progress', arguments: {} }, undefined, {
        onprogress: ({ progress }) => steps.push(progress),
      }),
    ),
  ).toBe('done');
  expect(steps).toEqual([1, 2, 3]);
  expect(JSON.parse(await call(client, 'ask'))).toEqual({ action: 'accept', content: { sure: true } });
  expect(await call(client, 'changed')).toBe('told');
  await changed;
  expect(await call(client, 'noise')).toBe('heard');
  await client.close();
});

test('a large result passes whole, and a message with line ends in it arrives as one', async () => {
  const session = await openSession(await issue());
  const pretty = JSON.stringify(
    {
      jsonrpc: '2.0',
      id: 'p',
      method: 'tools/call',
      params: { name: 'echo', arguments: { a: 'line\nend', b: [1, 2] } },
    },
    null,
    2,
  ).replaceAll('\n', '\r\n');
  expect(JSON.parse(textOf(((await (await session.post(pretty)).json()) as { result: unknown }).result))).toEqual({
    a: 'line\nend',
    b: [1, 2],
  });
  const large = (await (
    await session.post({ jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name: 'large', arguments: {} } })
  ).json()) as { result: unknown };
  expect(textOf(large.result)).toHaveLength(8 * 1024 * 1024);
});

test('a call that is never answered ends after UPSTREAM_TIMEOUT, and the session lives on', async () => {
  const client = await connect(await issue());
  await expect(client.callTool({ name: 'hang', arguments: {} })).rejects.toMatchObject({ code: -33_102 });
  expect(await pidOf(client)).toBeGreaterThan(0);
  await client.close();
});

test('a call that its client cancels ends for it at once, and the session lives on', async () => {
  const session = await openSession(await issue());
  const hanging = session.post({
    jsonrpc: '2.0',
    id: 3,
    method: 'tools/call',
    params: { name: 'hang', arguments: {} },
  });
  const pid = { jsonrpc: '2.0', id: 4, method: 'tools/call', params: { name: 'pid', arguments: {} } };
  await (await session.post(pid)).text();
  await session.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 3 } });
  expect(await (await hanging).text()).toContain('the request was cancelled');
  expect((await session.post({ ...pid, id: 5 })).status).toBe(200);
  const cancelled = async (): Promise<number> =>
    (await tenant.events('&type=toolCall.completed')).filter(({ status }) => status === 'cancelled').length;
  await expect.poll(cancelled, { timeout: 5000 }).toBe(1);
});

test('a server that asks its client while it lists is answered, and the list comes', async () => {
  const code = `let list; const say = (m) => console.log(JSON.stringify({ jsonrpc: '2.0', ...m }));
    require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
      const { id, method, params } = JSON.parse(line);
      if (method === 'initialize') say({ id, result: { protocolVersion: params.protocolVersion,
        capabilities: { tools: {} }, serverInfo: { name: 'asks', version: '1' } } });
      else if (method === 'tools/list') { list = id; say({ id: 'q', method: 'ping' }); }
      else if (id === 'q') say({ id: list, result: { tools: [{ name: 'known', inputSchema: { type: 'object' } }] } });
      else if (id !== undefined) say({ id, error: { code: -32601, message: 'no' } });
    })`;
  const asking = await tenant.server('', { transport: stdio({ args: ['-e', code] }) });
  const { body } = await tenant.api('GET', `/v1/servers/${asking}`);
  expect(body).toMatchObject({ status: 'ready', toolCount: 1 });
  const client = await connect(
    await tenant.grant({ serverId: asking, policyId: await tenant.policy(asking, { version: '1', default: 'allow' }) }),
  );
  expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['known']);
  await client.close();
});

test('five sessions of one grant with a call under way each all get their result, and go on', async () => {
  const grant = await issue();
  const sessions = await Promise.all(Array.from({ length: 5 }, () => openSession(grant)));
  const calls = sessions.flatMap((session, index) =>
    [1, 2].map((round) =>
      session.post({
        jsonrpc: '2.0',
        id: round * 10 + index,
        method: 'tools/call',
        params: { name: 'pid', arguments: {} },
      }),
    ),
  );
  const answers = await Promise.all(calls.map(async (call) => (await (await call).json()) as { result: unknown }));
  expect(new Set(answers.map(({ result }) => textOf(result))).size).toBe(5);
});

test('a server that is switched off or reached another way ends its processes', async () => {
  const own = await tenant.server('', { transport: stdio() });
  const client = await connect(
    await tenant.grant({ serverId: own, policyId: await tenant.policy(own, { version: '1', default: 'allow' }) }),
  );
  const pid = await pidOf(client);
  expect((await tenant.api('PATCH', `/v1/servers/${own}`, { disabled: true })).status).toBe(200);
  await expect.poll(() => isAlive(pid), { timeout: 5000 }).toBe(false);
  await client.close().catch(() => undefined);
});
