import pg from 'pg';
import { describe, expect } from 'vitest';
import { tenantTest } from '../../support/product-test.js';
import { isKafka } from '../../support/test-log.js';
import { connect, openSession, type Grant } from '../../support/tenant.js';
import { aTool, startUpstream, type Upstream } from '../../support/upstream.js';

type State = Readonly<{
  rule: string;
  tool: string | null;
  counter: string;
  window: string | number;
  scope: string;
  max: number;
  used: number | null;
  left: number | null;
  resetAt: string;
}>;

const DOCUMENT = {
  version: '1',
  default: 'deny',
  all_tools: { limits: [{ counter: 'calls', window: 'day', max: 100, scope: 'identity' }] },
  tools: {
    cancel_job: {
      limits: [
        { counter: 'rate', window: 'month', max: 10 },
        { counter: 'rate', window: 'hour', max: 5, scope: 'server' },
      ],
    },
    pay: {
      limits: [{ counter: 'money', window: 'month', max: 100, scope: 'organization', increment_from: 'args.amount' }],
    },
    'list_*': { rate_limit: { max: 30, window: 86_400 } },
    chat: { limits: [{ counter: 'turns', window: 'day', max: 3, scope: 'session' }] },
    never: { action: 'deny', limits: [{ counter: 'never', window: 'day', max: 1 }] },
  },
};

const { test, toolgate, tenant } = tenantTest();
let upstream: Upstream;
let serverId: string;
let policyId: string;

test.beforeAll(async () => {
  upstream = await startUpstream({
    json: true,
    tools: ['cancel_job', 'pay', 'list_a', 'list_b', 'chat'].map((name) => aTool(name)),
  });
  serverId = await tenant.server(upstream.url);
  policyId = await tenant.policy(serverId, DOCUMENT);
});
test.afterAll(async () => {
  await upstream.close();
});

test('with the log outside the database a call waits until what it has reserved is on disk', async () => {
  const own = await tenant.policy(serverId, {
    version: '1',
    default: 'allow',
    all_tools: { limits: [{ counter: 'c', window: 'month', max: 9 }] },
  });
  const agent = await connect(await tenant.grant({ serverId, policyId: own }));
  await agent.callTool({ name: 'chat', arguments: {} });
  // As its owner, who sees what others ask.
  const client = new pg.Client({ connectionString: toolgate.databaseUrl });
  await client.connect();
  const { rows } = await client.query(
    `select count(*) > 0 as waited from pg_stat_activity where datname = current_database()
      and query like 'select pg_logical_emit_message%'`,
  );
  expect(rows).toEqual([{ waited: isKafka() }]);
  await client.end();
  await agent.close();
});

const limitsOf = async (id: string): Promise<readonly State[]> => {
  const { status, body } = await tenant.api('GET', `/v1/grants/${id}/limits`);
  expect(status).toBe(200);
  return body['items'] as readonly State[];
};
const usedOf = async (
  id: string,
): Promise<Readonly<Record<string, readonly [used: number | null, left: number | null]>>> =>
  Object.fromEntries((await limitsOf(id)).map(({ rule, used, left }) => [rule, [used, left]]));

const call = async (grant: Grant, name: string, args: object = {}): Promise<string> => {
  const session = await openSession(grant);
  return (
    await session.post({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } })
  ).text();
};

describe('the limits of a grant', () => {
  test(
    'are told with rule, tool, counter, window, scope, what is used and left, and when the next ' + 'window begins',
    async () => {
      const grant = await tenant.grant({ serverId, policyId });
      const now = (
        await toolgate.db.worker.query<{ hour: Date; day: Date; month: Date }>(
          `select date_trunc('hour', now()) + interval '1 hour' as hour, date_trunc('day', now()) + ` +
            `interval '1 day' as day, date_trunc('month', now()) + interval '1 month' as month`,
        )
      ).rows[0];
      const [hour, day, month] = [now?.hour, now?.day, now?.month].map((at) => at?.toISOString());
      const { status, body } = await tenant.api('GET', `/v1/grants/${grant.id}/limits`);
      // The order is that in which the database keeps the document's keys.
      const items = (body['items'] as State[]).toSorted((one, other) => (one.rule < other.rule ? -1 : 1));
      expect([status, { ...body, items }]).toEqual([
        200,
        {
          policyId,
          policyVersion: 1,
          items: [
            {
              rule: '/all_tools/limits/0',
              tool: null,
              counter: 'calls',
              window: 'day',
              scope: 'identity',
              max: 100,
              used: 0,
              left: 100,
              resetAt: day,
            },
            {
              rule: '/tools/cancel_job/limits/0',
              tool: 'cancel_job',
              counter: 'rate',
              window: 'month',
              scope: 'grant',
              max: 10,
              used: 0,
              left: 10,
              resetAt: month,
            },
            {
              rule: '/tools/cancel_job/limits/1',
              tool: 'cancel_job',
              counter: 'rate',
              window: 'hour',
              scope: 'server',
              max: 5,
              used: 0,
              left: 5,
              resetAt: hour,
            },
            {
              rule: '/tools/chat/limits/0',
              tool: 'chat',
              counter: 'turns',
              window: 'day',
              scope: 'session',
              max: 3,
              used: null,
              left: null,
              resetAt: day,
            },
            {
              rule: '/tools/list_*/rate_limit',
              tool: 'list_*',
              counter: 'rate_limit:/tools/list_*',
              window: 86_400,
              scope: 'grant',
              max: 30,
              used: 0,
              left: 30,
              resetAt: day,
            },
            {
              rule: '/tools/pay/limits/0',
              tool: 'pay',
              counter: 'money',
              window: 'month',
              scope: 'organization',
              max: 100,
              incrementFrom: 'args.amount',
              used: 0,
              left: 100,
              resetAt: month,
            },
          ],
        },
      ]);
    },
  );

  test('count what was called, each for whom its scope names, and refusals by a limit count nothing', async () => {
    const identityId = await tenant.identity('shared');
    const [one, other] = [
      await tenant.grant({ serverId, policyId, identityId }),
      await tenant.grant({ serverId, policyId, identityId }),
    ];
    for (const [name, args] of [
      ['cancel_job'],
      ['cancel_job'],
      ['list_a'],
      ['list_b'],
      ['pay', { amount: 60.5 }],
      ['pay', { amount: 60 }],
      ['chat'],
      ['nothing'],
    ] as const)
      await call(one, name, args);
    expect(await usedOf(one.id)).toEqual({
      '/all_tools/limits/0': [6, 94],
      '/tools/cancel_job/limits/0': [2, 8],
      '/tools/cancel_job/limits/1': [2, 3],
      '/tools/pay/limits/0': [60.5, 39.5],
      '/tools/list_*/rate_limit': [2, 28],
      '/tools/chat/limits/0': [null, null],
    });
    expect(await usedOf(other.id)).toMatchObject({
      '/all_tools/limits/0': [6, 94],
      '/tools/cancel_job/limits/0': [0, 10],
      '/tools/cancel_job/limits/1': [2, 3],
      '/tools/pay/limits/0': [60.5, 39.5],
      '/tools/list_*/rate_limit': [0, 30],
    });
  });

  test(
    'go by the newest version of the policy and keep their count over it; in monitor mode they count ' +
      'beyond what they allow',
    async () => {
      const own = await tenant.policy(serverId, {
        version: '1',
        default: 'allow',
        tools: { chat: { limits: [{ counter: 'c', window: 'month', max: 5 }] } },
      });
      const grant = await tenant.grant({ serverId, policyId: own });
      for (let n = 0; n < 2; n += 1) await call(grant, 'chat');
      await tenant.api(
        'PUT',
        `/v1/policies/${own}`,
        {
          document: {
            version: '1',
            default: 'allow',
            mode: 'monitor',
            all_tools: { limits: [{ counter: 'c', window: 'month', max: 1 }] },
          },
        },
        { 'if-match': '*' },
      );
      expect(await usedOf(grant.id)).toEqual({ '/all_tools/limits/0': [2, 0] });
      await call(grant, 'chat');
      expect(await usedOf(grant.id)).toEqual({ '/all_tools/limits/0': [3, 0] });
    },
  );

  test('count from 0 when a window has passed, before anybody calls again', async () => {
    const own = await tenant.policy(serverId, {
      version: '1',
      default: 'allow',
      all_tools: { limits: [{ counter: 'c', window: 1, max: 5 }] },
    });
    const grant = await tenant.grant({ serverId, policyId: own });
    await call(grant, 'chat');
    await expect.poll(() => usedOf(grant.id), { timeout: 5000 }).toEqual({ '/all_tools/limits/0': [0, 5] });
  });

  test('are none for a grant without a policy', async () => {
    const { id } = await tenant.grant({ serverId });
    expect((await tenant.api('GET', `/v1/grants/${id}/limits`)).body).toEqual({
      policyId: null,
      policyVersion: null,
      items: [],
    });
  });

  test('are asked without changing anything', async () => {
    const grant = await tenant.grant({ serverId, policyId });
    await call(grant, 'cancel_job');
    const rows = async (): Promise<unknown> =>
      (await toolgate.db.worker.query('select c.*, c.xmin::text, c.ctid::text from limit_counters c order by key'))
        .rows;
    const before = await rows();
    for (let n = 0; n < 5; n += 1) await limitsOf(grant.id);
    expect(await rows()).toEqual(before);
  });
});
