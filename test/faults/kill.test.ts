import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startProduct, type Product } from '../support/product.js';
import { openSession, request, type Answer } from '../support/tenant.js';
import { aTool, startUpstream, type Upstream } from '../support/upstream.js';

const ROUNDS = process.env['FAULTS'] === 'full' ? 20 : 5;
const CALLERS = 16;
const LOAD_MS = 1500;
const LIMIT = 40;

type Json = Record<string, unknown>;

let dataDir: string;
let upstream: Upstream;
let product: Product | undefined;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'toolgate-kill-'));
  upstream = await startUpstream({ tools: [aTool('free'), aTool('limited')], json: true });
});
afterAll(async () => {
  await product?.killGroup();
  await upstream.close();
  await rm(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 500 });
});

/** Calls without pause from several callers until the product dies; every call has an id of its own. */
const load = async (
  running: Product,
  grant: Readonly<{ id: string; token: string; serverId: string }>,
  round: number,
): Promise<void> => {
  const mcpUrl = `${running.url}/mcp/${grant.serverId}`;
  await Promise.all(
    Array.from({ length: CALLERS }, async (_, caller) => {
      try {
        const session = await openSession({ mcpUrl, token: grant.token });
        for (let n = 0; ; n += 1) {
          const name = n % 10 === 0 ? 'limited' : 'free';
          await (
            await session.post({
              jsonrpc: '2.0',
              id: `${round}-${caller}-${n}-${name}`,
              method: 'tools/call',
              params: { name, arguments: { n } },
            })
          ).text();
        }
      } catch {
        // The product was killed under this caller: that is the point.
      }
    }),
  );
};

const allEvents = async (api: (path: string) => Promise<Answer>): Promise<readonly Json[]> => {
  const items: Json[] = [];
  for (let after = ''; ;) {
    const page = (await api(`/v1/audit/events?limit=1000${after}`)).body as unknown as {
      items: Json[];
      nextCursor: string;
      hasMore: boolean;
    };
    items.push(...page.items);
    if (!page.hasMore) return items;
    after = `&after=${page.nextCursor}`;
  }
};

test(
  `kill -9 of the whole process group under load, ${ROUNDS} times: every call that the upstream saw ` +
    'is on record, every allowed call has one outcome, nothing twice, seq dense, a used-up limit ' +
    'stays used up',
  async () => {
    product = await startProduct({ DATA_DIR: dataDir });
    const signed = (
      await request(`${product.url}/v1/signup`, 'POST', {
        email: 'kill@example.com',
        password: 'correct horse battery',
        organizationName: 'Kill',
      })
    ).body;
    const headers = { authorization: `Bearer ${signed['token'] as string}` };
    const api = (path: string, body?: unknown): Promise<Answer> =>
      request(`${product?.url}${path}`, body === undefined ? 'GET' : 'POST', body, headers);
    const serverId = (
      await api('/v1/servers', { name: 'Upstream', transport: { type: 'streamable-http', url: upstream.url } })
    ).body['id'] as string;
    const document = {
      version: '1',
      default: 'deny',
      tools: { free: {}, limited: { limits: [{ counter: 'few', window: 'month', max: LIMIT }] } },
    };
    const policyId = (await api(`/v1/servers/${serverId}/policies`, { name: 'p', document })).body['id'] as string;
    const identityId = (await api('/v1/identities', { name: 'caller', kind: 'agent' })).body['id'] as string;
    const grant = {
      ...((await api('/v1/grants', { identityId, serverId, policyId })).body as { id: string; token: string }),
      serverId,
    };

    const restarts: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const before = upstream.seenOf('tools/call').length;
      const loading = load(product, grant, round);
      await expect
        .poll(() => upstream.seenOf('tools/call').length, { timeout: 30_000 })
        .toBeGreaterThan(before + CALLERS);
      await new Promise((resolve) => setTimeout(resolve, LOAD_MS));
      await product.killGroup();
      await loading;
      product = await startProduct({ DATA_DIR: dataDir });
      restarts.push(product.startedMs);
    }
    expect(restarts.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)]).toBeLessThan(10_000);

    const session = await openSession({ mcpUrl: `${product.url}/mcp/${serverId}`, token: grant.token });
    const last = (await (
      await session.post({
        jsonrpc: '2.0',
        id: 'last',
        method: 'tools/call',
        params: { name: 'limited', arguments: {} },
      })
    ).json()) as { result: { isError?: boolean } };
    expect(last.result.isError).toBe(true);

    await expect
      .poll(async () => (await allEvents(api)).some((event) => event['requestId'] === 'last'), {
        timeout: 60_000,
        interval: 500,
      })
      .toBe(true);
    const ofType = (events: readonly Json[], type: string): readonly Json[] =>
      events.filter((event) => event['type'] === type);
    const allowedIn = (events: readonly Json[]): readonly Json[] =>
      ofType(events, 'toolCall.decided').filter((event) => event['effect'] === 'allow');
    const isSettled = async (): Promise<boolean> => {
      const found = await allEvents(api);
      const ended = new Set(ofType(found, 'toolCall.completed').map((event) => event['callId']));
      return allowedIn(found).every((event) => ended.has(event['callId']));
    };
    await expect.poll(isSettled, { timeout: 120_000, interval: 2000 }).toBe(true);
    const events = await allEvents(api);
    expect(events.map((event) => event['seq'])).toEqual(events.map((_, index) => index + 1));
    expect(new Set(events.map((event) => event['id'])).size).toBe(events.length);
    const allowed = allowedIn(events).map((event) => event['requestId'] as string);
    const outcomes = ofType(events, 'toolCall.completed');
    expect(new Set(outcomes.map((event) => event['callId'])).size).toBe(outcomes.length);
    const calls = new Set(allowedIn(events).map((event) => event['callId']));
    expect(outcomes.filter((event) => !calls.has(event['callId']) && event['status'] !== 'not_forwarded')).toEqual([]);
    expect(new Set(allowed).size).toBe(allowed.length);
    const seen = upstream.seenOf('tools/call').map((one) => one.message?.['id'] as string);
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.length).toBeGreaterThan(ROUNDS * CALLERS);
    const onRecord = new Set(allowed);
    expect(seen.filter((id) => !onRecord.has(id))).toEqual([]);
    expect(seen.filter((id) => id.endsWith('limited')).length).toBeLessThanOrEqual(LIMIT);
    const usage = async (): Promise<number> =>
      (
        (await api('/v1/usage?groupBy=effect&interval=day')).body['items'] as { effect: string; calls: number }[]
      ).reduce((sum, item) => sum + item.calls, 0);
    await expect
      .poll(usage, { timeout: 60_000, interval: 500 })
      .toBe(events.filter((event) => event['type'] === 'toolCall.decided').length);
    expect(ofType(events, 'audit.gap')).toEqual([]);
    const unknown = outcomes.filter((event) => event['status'] === 'unknown').length;
    process.stderr.write(
      `killed ${ROUNDS} times: ${seen.length} calls upstream, ${allowed.length} allowed on record, ${unknown} ` +
        `with an unknown outcome, ${events.length} records, restarts ${restarts.join(', ')} ms\n`,
    );
  },
  300_000,
);
