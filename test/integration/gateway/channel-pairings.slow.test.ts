import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, vi } from 'vitest';
import { modernClient } from '../../support/modern-client.js';
import { clients, outcomeOf, type PairedClient } from '../../support/pairings.js';
import { tenantTest } from '../../support/product-test.js';
import { textOf, type Grant } from '../../support/tenant.js';

const PROGRAM = fileURLToPath(new URL('../../support/channel-program.mjs', import.meta.url));
const POLICY = { version: '1', default: 'allow', hide: ['pid'] };

const { test, tenant } = tenantTest({ ALLOW_STDIO: process.execPath, STDIO_SANDBOX: 'off' });

let sse: ChildProcess;
let sseUrl: string;
test.beforeAll(async () => {
  sse = spawn(process.execPath, [PROGRAM, 'sse'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [port] = (await once(sse.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  sseUrl = `http://127.0.0.1:${String(port).trim()}/sse`;
}, 60_000);
test.afterAll(async () => {
  sse.kill('SIGKILL');
});

const stdio = (way: string) => ({ type: 'stdio', command: process.execPath, args: [PROGRAM, way], env: {} });
const transportOf = (server: string): object =>
  server === 'legacy SSE' ? { type: 'sse', url: sseUrl } : stdio(String(server.split(' ')[0]));

/** In which eras each server speaks, and in which one a client of each era is served. */
const SERVERS = {
  'legacy stdio': { eras: ['legacy'], legacy: 'legacy', modern: 'legacy' },
  'modern stdio': { eras: ['modern'], legacy: 'modern', modern: 'modern' },
  'dual stdio': { eras: ['modern', 'legacy'], legacy: 'legacy', modern: 'modern' },
  'legacy SSE': { eras: ['legacy'], legacy: 'legacy', modern: 'legacy' },
} as const;
const NAMES = Object.keys(SERVERS) as (keyof typeof SERVERS)[];

describe.each(NAMES)('a %s server', (name) => {
  let serverId: string;
  let policyId: string;
  beforeAll(async () => {
    serverId = await tenant.server('', { transport: transportOf(name) });
    policyId = await tenant.policy(serverId, POLICY);
  });

  test('is found to speak the eras that it speaks', async () => {
    expect((await tenant.api('GET', `/v1/servers/${serverId}`)).body).toMatchObject({
      status: 'ready',
      eras: SERVERS[name].eras,
    });
  });

  describe.each(['legacy', 'modern'] as const)('and a %s client', (of) => {
    let grant: Grant;
    let client: PairedClient;
    beforeAll(async () => {
      grant = await tenant.grant({ serverId, policyId });
      client = await clients[of](grant);
    });
    afterAll(() => client.close());

    test('that lists and calls gets what the policy shows and allows, in the era that brings it nearest', async () => {
      const tools = await client.tools();
      expect([tools.includes('echo'), tools.includes('pid')]).toEqual([true, false]);
      expect(JSON.parse(textOf(await client.call('echo', { a: [1, { b: 'é' }] })))).toEqual({
        args: { a: [1, { b: 'é' }] },
      });
      expect(textOf(await client.call('era'))).toBe(SERVERS[name][of]);
      expect(await outcomeOf(tenant, grant, 'echo')).toBe('ok');
    });

    test('hears of the progress of each of its calls', async () => {
      const [one, two]: [number[], number[]] = [[], []];
      const done = await Promise.all([
        client.call('progress', { who: 1 }, { onprogress: (at) => void one.push(at) }),
        client.call('progress', { who: 2 }, { onprogress: (at) => void two.push(at) }),
      ]);
      expect([one, two, done.map(textOf)]).toEqual([
        [1, 2, 3],
        [1, 2, 3],
        ['progressed 1', 'progressed 2'],
      ]);
    });

    test('that cancels a call stops it', async () => {
      const stop = new AbortController();
      const call = client.call('slow', {}, { signal: stop.signal });
      const witness = async () =>
        JSON.parse(textOf(await client.call('witness'))) as { started: string[]; aborted: string[] };
      await vi.waitFor(async () => expect((await witness()).started).toContain('slow'));
      stop.abort();
      await expect(call).rejects.toThrow();
      await vi.waitFor(async () => expect((await witness()).aborted).toContain('slow'));
      expect(await outcomeOf(tenant, grant, 'slow')).toBe('cancelled');
    });

    test('is asked for input in the middle of a call', async () => {
      client.onElicit((message) => ({ action: 'accept', content: { name: `Ada, asked "${message}"` } }));
      expect(JSON.parse(textOf(await client.call('ask')))).toEqual({
        action: 'accept',
        content: { name: 'Ada, asked "Who?"' },
      });
    });

    test('gets the errors of tools as results and those of the protocol as errors', async () => {
      expect(await client.call('fails')).toMatchObject({ isError: true, content: [{ text: 'it failed' }] });
      await expect(client.call('throws')).rejects.toMatchObject({
        code: -32_602,
        message: expect.stringContaining('thrown'),
      });
      expect([await outcomeOf(tenant, grant, 'fails'), await outcomeOf(tenant, grant, 'throws')]).toEqual([
        'tool_error',
        'upstream_error',
      ]);
    });

    test('gets a large result whole', async () => {
      expect(textOf(await client.call('large'))).toBe('x'.repeat(6 * 2 ** 20));
    });

    test('hears that its tools changed', async () => {
      const heard: string[] = [];
      await client.subscribe((what) => void heard.push(what));
      await vi.waitFor(
        async () => {
          await client.call('changed');
          await vi.waitFor(() => expect(heard).toContain('tools'), { timeout: 300 });
        },
        { timeout: 10_000 },
      );
    });

    if (name !== 'legacy SSE') {
      test('is told when its server crashes, and goes on with a new one', async () => {
        await expect(client.call('crash')).rejects.toMatchObject({
          code: expect.toSatisfy((code: number) => code === -33_101 || code === -33_103),
        });
        expect(['upstream_error', 'upstream_unreachable']).toContain(await outcomeOf(tenant, grant, 'crash'));
        await vi.waitFor(async () => expect(textOf(await client.call('echo'))).toBe('{"args":{}}'), { timeout: 5000 });
      });
    }
  });
});

test(
  "the clients of one grant share a modern process and never each other's answers, those of two " +
    'grants share none; it ends with the grant',
  async () => {
    const serverId = await tenant.server('', { transport: stdio('modern') });
    const policyId = await tenant.policy(serverId, { version: '1', default: 'allow' });
    const issue = async () => tenant.grant({ serverId, policyId });
    const [one, two] = [await issue(), await issue()];
    const pidOf = async (grant: Grant): Promise<number> =>
      Number(textOf((await modernClient(grant).ask('tools/call', { name: 'pid' })).body['result']));
    const pids = [await pidOf(one), await pidOf(one), await pidOf(two)];
    expect(pids[1]).toBe(pids[0]);
    expect(pids[2]).not.toBe(pids[0]);
    const echoes = await Promise.all(
      Array.from({ length: 20 }, async (_, n) => {
        const { body } = await modernClient(one).ask(
          'tools/call',
          { name: 'progress', arguments: { who: n } },
          { id: 'same', meta: { progressToken: 'same' } },
        );
        return [body['id'], textOf(body['result'])];
      }),
    );
    expect(echoes).toEqual(Array.from({ length: 20 }, (_, n) => ['same', `progressed ${n}`]));
    await tenant.api('POST', `/v1/grants/${one.id}/revoke`);
    await vi.waitFor(() => expect(() => process.kill(pids[0] as number, 0)).toThrow(), { timeout: 5000 });
    process.kill(pids[2] as number, 0);
  },
);

test('log messages of a modern process come to the request that asked for them', async () => {
  const serverId = await tenant.server('', { transport: stdio('modern') });
  const client = modernClient(
    await tenant.grant({ serverId, policyId: await tenant.policy(serverId, { version: '1', default: 'allow' }) }),
  );
  const [silent, logged] = await Promise.all([
    client.ask('tools/call', { name: 'logs' }),
    client.ask('tools/call', { name: 'logs' }, { meta: { 'io.modelcontextprotocol/logLevel': 'info' } }),
  ]);
  expect([silent.text.includes('careful'), logged.text.includes('careful')]).toEqual([false, true]);
});
