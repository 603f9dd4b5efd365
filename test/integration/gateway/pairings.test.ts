import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, vi } from 'vitest';
import type { Era } from '../../../src/mcp/protocol/era.js';
import { clients, outcomeOf, servers, TOOLS, type PairedClient, type PairedServer } from '../../support/pairings.js';
import { tenantTest } from '../../support/product-test.js';
import { decisionOf, textOf, type Grant } from '../../support/tenant.js';

const POLICY = {
  version: '1',
  default: 'allow',
  hide: ['hidden'],
  tools: { echo: { deny_if: [{ conditions: [{ path: 'args.bad', op: 'eq', value: true }], on_deny: 'Not that' }] } },
};
const ERAS: readonly Era[] = ['legacy', 'modern'];

const { test, tenant } = tenantTest();

describe.each(ERAS.flatMap((of) => ERAS.map((to) => [of, to] as const)))('a %s client of a %s server', (of, to) => {
  let server: PairedServer;
  let grant: Grant;
  let client: PairedClient;
  beforeAll(async () => {
    server = await servers[to]();
    const serverId = await tenant.server(server.url);
    grant = await tenant.grant({ serverId, policyId: await tenant.policy(serverId, POLICY) });
  });
  beforeEach(async () => {
    client = await clients[of](grant);
  });
  afterEach(() => client.close());
  afterAll(() => server.close());

  test('lists what the policy shows', async () => {
    expect(await client.tools()).toEqual(TOOLS.filter((name) => name !== 'hidden'));
  });

  test('calls what the policy allows, and reads why it may not call the rest', async () => {
    expect(JSON.parse(textOf(await client.call('echo', { a: [1, { b: 'é' }] })))).toEqual({
      name: 'echo',
      args: { a: [1, { b: 'é' }] },
    });
    expect(await outcomeOf(tenant, grant, 'echo')).toBe('ok');
    const before = server.witness.started.length;
    const refused = await client.call('echo', { bad: true });
    expect([refused.isError, textOf(refused), decisionOf(refused)['code']]).toEqual([
      true,
      '[POLICY DENIED] Not that',
      'argument_rule',
    ]);
    expect(decisionOf(await client.call('hidden'))['code']).toBe('hidden');
    expect(server.witness.started).toHaveLength(before);
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

  test('cancels a call, and its server stops', async () => {
    const stop = new AbortController();
    const before = server.witness.started.length;
    const call = client.call('slow', {}, { signal: stop.signal });
    await vi.waitFor(() => expect(server.witness.started).toHaveLength(before + 1));
    stop.abort();
    await expect(call).rejects.toThrow();
    await vi.waitFor(() => expect(server.witness.aborted).toContain('slow'));
    expect(await outcomeOf(tenant, grant, 'slow')).toBe('cancelled');
    expect(textOf(await client.call('brief'))).toBe('brief');
  });

  test('is asked for input in the middle of a call', async () => {
    client.onElicit((message) => ({ action: 'accept', content: { name: `Ada, asked "${message}"` } }));
    expect(JSON.parse(textOf(await client.call('ask')))).toEqual({
      action: 'accept',
      content: { name: 'Ada, asked "Who?"' },
    });
    client.onElicit(() => ({ action: 'decline' }));
    expect(JSON.parse(textOf(await client.call('ask')))).toEqual({ action: 'decline' });
  });

  test('hears of changes that it subscribed to', async () => {
    const heard: string[] = [];
    await client.subscribe((what) => void heard.push(what), 'mem:a');
    await vi.waitFor(() => expect(server.heard()).toBe(true));
    await vi.waitFor(
      async () => {
        await server.changed();
        await vi.waitFor(() => expect(heard).toEqual(expect.arrayContaining(['tools', 'mem:a'])), { timeout: 500 });
      },
      { timeout: 10_000 },
    );
  });

  test('gets the errors of tools as results, those of the protocol as errors, and goes on', async () => {
    expect(await client.call('fails')).toMatchObject({ isError: true, content: [{ text: 'it failed' }] });
    expect(await outcomeOf(tenant, grant, 'fails')).toBe('tool_error');
    await expect(client.call('throws')).rejects.toMatchObject({
      code: -32_602,
      message: expect.stringContaining('thrown'),
    });
    expect(await outcomeOf(tenant, grant, 'throws')).toBe('upstream_error');
    expect(textOf(await client.call('brief'))).toBe('brief');
  });

  test('gets a large result whole', async () => {
    expect(textOf(await client.call('large'))).toBe('x'.repeat(6 * 2 ** 20));
  });

  test('is told when its server breaks off, and goes on', async () => {
    const before = server.witness.started.length;
    const call = client.call('hangs');
    await vi.waitFor(() => expect(server.witness.started).toHaveLength(before + 1));
    server.drop();
    await expect(call).rejects.toMatchObject({
      code: expect.toSatisfy((code: number) => code === -33_101 || code === -33_103),
    });
    expect(['upstream_error', 'upstream_unreachable']).toContain(await outcomeOf(tenant, grant, 'hangs'));
    await vi.waitFor(async () => expect(textOf(await client.call('brief'))).toBe('brief'), { timeout: 5000 });
  });

  test(
    'that leaves in the middle of a call ' +
      `${of === 'modern' ? 'cancels it' : 'lets it go on, and its outcome is on record'}`,
    async () => {
      const before = server.witness.started.length;
      const call = client.call('left').catch(() => undefined);
      await vi.waitFor(() => expect(server.witness.started).toHaveLength(before + 1));
      await client.close();
      await call;
      expect(await outcomeOf(tenant, grant, 'left')).toBe(of === 'modern' ? 'cancelled' : 'ok');
      if (of === 'legacy') expect(server.witness.finished).toEqual(['left']);
    },
  );
});
