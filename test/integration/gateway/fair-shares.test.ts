import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { describe, expect } from 'vitest';
import { productTest } from '../../support/product-test.js';
import { decisionOf, openSession, signUp, textOf, type Grant, type Tenant } from '../../support/tenant.js';
import { aTool, startUpstream, type Upstream } from '../../support/upstream.js';

type Json = Record<string, unknown>;
type Session = Awaited<ReturnType<typeof openSession>>;

const { test, toolgate } = productTest({ MAX_CALLS_PER_GRANT: '8', MAX_CALLS_PER_ORGANIZATION: '12' });
let upstream: Upstream;
let hostile: Tenant;
let honest: Tenant;

const LIMITED = {
  version: '1',
  default: 'deny',
  tools: {
    echo: { limits: [{ counter: 'c', window: 'month', max: 100_000 }] },
    ask: { action: 'require_approval', approval: { wait: 30 } },
  },
};

/** What an upstream has not answered, and does not, until `letGo`. */
const waiting: ServerResponse[] = [];
const letGo = (): void => {
  for (const response of waiting.splice(0)) response.destroy();
};

test.beforeAll(async () => {
  upstream = await startUpstream({ tools: ['echo', 'slow', 'ask'].map((name) => aTool(name)), json: true });
  upstream.setIntercept((_request, response, { message }) => {
    const { name, cursor } = (message?.['params'] ?? {}) as Json;
    if (name !== 'slow' && cursor !== 'slow') return false;
    waiting.push(response);
    return true;
  });
  [hostile, honest] = [await signUp(toolgate.url), await signUp(toolgate.url)];
});
test.afterEach(letGo);
test.afterAll(async () => {
  letGo();
  await upstream.close();
});

const granted = async (tenant: Tenant, document: unknown = { version: '1', default: 'allow' }): Promise<Grant> => {
  const serverId = await tenant.server(upstream.url);
  return tenant.grant({ serverId, policyId: await tenant.policy(serverId, document) });
};

let nextId = 100;
const ask = async (session: Session, method: string, params: Json): Promise<Json> =>
  (await (await session.post({ jsonrpc: '2.0', id: (nextId += 1), method, params })).json()) as Json;
const call = async (session: Session, name: string, given: Json = {}): Promise<Json> =>
  (await ask(session, 'tools/call', { name, arguments: given }))['result'] as Json;

/** Begins so many calls that don't end; resolves when the upstream has them. */
const flood = async (session: Session, count: number): Promise<void> => {
  const before = waiting.length;
  for (let index = 0; index < count; index += 1) call(session, 'slow').catch(() => undefined);
  await expect.poll(() => waiting.length - before, { timeout: 10_000 }).toBe(count);
};

const expectAllWell = async (session: Session, calls = 20): Promise<void> => {
  const results = await Promise.all(
    Array.from({ length: calls }, () => call(session, 'echo').then((result) => result['isError'] ?? false)),
  );
  expect(results).toEqual(Array.from({ length: calls }, () => false));
};

const overloadedOf = async (grant: Grant): Promise<readonly Json[]> =>
  (await hostile.events(`&grantId=${grant.id}&effect=deny`)).filter(({ code }) => code === 'overloaded');

describe('calls under way', () => {
  test(
    'over the limit of their grant are refused as overloaded, on record, with what to do; over that ' +
      'of their organization too; and another organization notices nothing',
    async () => {
      const [one, two] = [await granted(hostile), await granted(hostile)];
      const [first, second, other] = [
        await openSession(one),
        await openSession(two),
        await openSession(await granted(honest, LIMITED)),
      ];
      await flood(first, 8);
      const refused = await call(first, 'echo');
      expect(refused['isError']).toBe(true);
      expect(textOf(refused)).toBe(
        '[POLICY DENIED] this grant has 8 requests of this kind under way already; wait until some have ' +
          'ended, then try again',
      );
      expect(decisionOf(refused)).toMatchObject({ effect: 'deny', code: 'overloaded', rule: null });
      await flood(second, 4);
      expect(textOf(await call(second, 'echo'))).toContain(
        'your organization has 12 requests of this kind under way already',
      );
      await expectAllWell(other, 8);
      await expect
        .poll(async () => (await overloadedOf(one)).map(({ effect, rule, tool }) => ({ effect, rule, tool })), {
          timeout: 8000,
        })
        .toEqual([{ effect: 'deny', rule: null, tool: 'echo' }]);
      letGo();
      await expect.poll(async () => (await call(first, 'echo'))['isError'] ?? false, { timeout: 5000 }).toBe(false);
    },
  );

  test('that were refused or cancelled, or have ended, hold no place', async () => {
    const session = await openSession(await granted(hostile, LIMITED));
    for (let index = 0; index < 20; index += 1)
      expect(decisionOf(await call(session, 'unlisted'))['code']).toBe('not_listed');
    await expectAllWell(session, 8);
    const open = await openSession(await granted(hostile));
    const first = nextId + 1;
    await flood(open, 8);
    for (let id = first; id < first + 8; id += 1)
      await open.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } });
    await expect.poll(async () => (await call(open, 'echo'))['isError'] ?? false, { timeout: 5000 }).toBe(false);
    await expectAllWell(open, 8);
  });
});

test(
  'answers being collected are limited by grant: one list more is refused with a JSON-RPC error and ' +
    'a decision on record, and no call of anybody is',
  async () => {
    const grant = await granted(hostile);
    const [session, other] = [await openSession(grant), await openSession(await granted(honest, LIMITED))];
    for (let index = 0; index < 100; index += 1) ask(session, 'tools/list', { cursor: 'slow' }).catch(() => undefined);
    await expect.poll(() => waiting.length, { timeout: 15_000 }).toBe(100);
    const { error } = (await ask(session, 'tools/list', {})) as {
      error: { code: number; message: string; data: Json };
    };
    expect(error).toMatchObject({
      code: -33_004,
      message: expect.stringMatching(/^\[POLICY DENIED\] this grant has 100 requests/),
      data: { 'io.toolgate/decision': { code: 'overloaded', rule: null } },
    });
    expect((await call(session, 'echo'))['isError']).toBeUndefined();
    await expectAllWell(other, 8);
    await expect
      .poll(async () => (await overloadedOf(grant)).map(({ method }) => method), { timeout: 8000 })
      .toEqual(['tools/list']);
    letGo();
    await expect.poll(async () => 'result' in (await ask(session, 'tools/list', {})), { timeout: 5000 }).toBe(true);
  },
);

test('pings whose clients have left hold their places for as long as the server holds the requests', async () => {
  const grant = await granted(hostile);
  const session = await openSession(grant);
  // The notification of the handshake is over by then, and holds no place any more.
  await ask(session, 'ping', {});
  const leaving = new AbortController();
  const pings = Array.from({ length: 100 }, (_, index) =>
    fetch(grant.mcpUrl, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${grant.token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-session-id': session.id,
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: index, method: 'ping', params: { cursor: 'slow' } }),
      signal: leaving.signal,
    }).catch(() => undefined),
  );
  await expect.poll(() => waiting.length, { timeout: 15_000 }).toBe(100);
  leaving.abort();
  await Promise.all(pings);
  // What a call does comes behind what the gateway learned of the clients that left.
  await expectAllWell(session, 8);
  expect(await ask(session, 'tools/list', {})).toMatchObject({ error: { code: -33_004 } });
  letGo();
  await expect.poll(async () => 'result' in (await ask(session, 'tools/list', {})), { timeout: 5000 }).toBe(true);
});

/** 2,040 numbers without a pattern: characters of these can not be compressed into a row of a database index. */
const bytes = createHash('shake256', { outputLength: 4080 }).update('scattered').digest();
const scattered = Array.from({ length: 2040 }, (_, index) => bytes.readUInt16LE(2 * index));

test(
  "one organization's held calls, poisonous counters, slow upstreams and sessions refuse no call of " + 'another',
  async () => {
    const name = `x://${String.fromCodePoint(...scattered.map((at) => 0x4e00 + (at % 20_000)))}`;
    const bad = await granted(hostile, {
      ...LIMITED,
      tools: { ...LIMITED.tools, slow: {} },
      resources: { [name]: { rate_limit: { max: 1_000_000, window: 3600 } } },
    });
    const [session, other] = [await openSession(bad), await openSession(await granted(honest, LIMITED))];
    await flood(session, 4);
    let stopped = false;
    const loop = async (work: (index: number) => Promise<unknown>): Promise<void> => {
      for (let index = 0; !stopped; index += 1) await work(index).catch(() => undefined);
    };
    const held = Array.from({ length: 60 }, (_, index) => call(session, 'ask', { index }).catch(() => undefined));
    const loops = [
      loop(() => ask(session, 'resources/read', { uri: name })),
      loop(() => openSession(bad)),
      loop((index) => call(session, 'ask', { again: index })),
    ];
    for (let round = 0; round < 10; round += 1) await expectAllWell(other, 8);
    stopped = true;
    await hostile.api('POST', `/v1/grants/${bad.id}/revoke`);
    await Promise.all([...loops, ...held]);
  },
  60_000,
);
