import { describe, expect } from 'vitest';
import { badPolicies } from '../../cases/bad-policies.js';
import { tenantTest } from '../../support/product-test.js';
import type { Answer } from '../../support/tenant.js';
import { aTool, startUpstream, type Upstream } from '../../support/upstream.js';

const DOCUMENT = {
  version: '1',
  default: 'deny',
  hide: ['secret_*'],
  all_tools: { limits: [{ counter: 'all', window: 'hour', max: 20 }] },
  tools: {
    cancel_job: { limits: [{ counter: 'rate', window: 'minute', max: 10 }] },
    pay: {
      limits: [{ counter: 'money', window: 'day', max: 1, increment_from: 'args.amount' }],
      deny_if: [{ path: 'args.to', op: 'eq', value: 'evil' }],
    },
    merge: { action: 'require_approval' },
    night: {
      require: [
        { path: 'time.hour', op: 'lt', value: 6 },
        { path: 'identity.attributes.team', op: 'eq', value: 'core' },
        { path: 'request.ip', op: 'cidr', value: '10.0.0.0/8' },
      ],
      deny_if: [{ path: 'client.name', op: 'eq', value: 'bad' }],
    },
  },
  resources: { 'file:///open/*': {} },
};

const { test, toolgate, tenant } = tenantTest();
let upstream: Upstream;
let serverId: string;

test.beforeAll(async () => {
  upstream = await startUpstream({
    json: true,
    tools: [
      aTool('cancel_job', {
        inputSchema: { type: 'object', properties: { id: { type: 'number' } }, required: ['id'] },
      }),
      aTool('pay', { inputSchema: { type: 'object', properties: { amount: { type: 'number' } } } }),
    ],
  });
  serverId = await tenant.server(upstream.url);
});
test.afterAll(async () => {
  await upstream.close();
});

const run = (cases: unknown, more: object = { document: DOCUMENT }): Promise<Answer> =>
  tenant.api('POST', '/v1/policies/test', { ...more, cases });
const results = async (cases: readonly object[], more?: object): Promise<readonly Record<string, unknown>[]> => {
  const { status, body } = await run(cases, more);
  expect([status, body['errors']]).toEqual([200, undefined]);
  return body['results'] as Record<string, unknown>[];
};
const one = async (of: object): Promise<Record<string, unknown>> =>
  (await results([{ name: 'one', expect: { effect: 'allow' }, ...of }]))[0] ?? {};

describe('a file of cases', () => {
  test('answers for each case whether it came out as expected, and what came out otherwise', async () => {
    const { body } = await run([
      {
        name: 'a job is cancelled',
        tool: 'cancel_job',
        arguments: {},
        expect: { effect: 'allow', code: 'allowed', rule: '/tools/cancel_job' },
      },
      { name: 'wrong', tool: 'list', expect: { effect: 'allow', code: 'allowed', rule: '/tools/list' } },
      { name: 'half right', tool: 'list', expect: { effect: 'deny', code: 'hidden' } },
    ]);
    expect(body).toMatchObject({
      passed: 1,
      failed: 2,
      results: [
        {
          name: 'a job is cancelled',
          passed: true,
          differs: [],
          effect: 'allow',
          code: 'allowed',
          rule: '/tools/cancel_job',
        },
        {
          name: 'wrong',
          passed: false,
          effect: 'deny',
          code: 'not_listed',
          rule: '/default',
          differs: [
            { member: 'effect', expected: 'allow', actual: 'deny' },
            { member: 'code', expected: 'allowed', actual: 'not_listed' },
            { member: 'rule', expected: '/tools/list', actual: '/default' },
          ],
        },
        { name: 'half right', passed: false, differs: [{ member: 'code', expected: 'hidden', actual: 'not_listed' }] },
      ],
      warnings: [],
    });
  });

  test(
    'counts limits within each case, in the windows of its times, exactly, with the words and the ' +
      'seconds of the gateway',
    async () => {
      const time = '2026-11-22T10:00:18Z';
      const ten = { tool: 'cancel_job', time, repeat: 10 };
      expect(await one({ ...ten, repeat: 11 })).toMatchObject({
        effect: 'deny',
        code: 'rate_limited',
        rule: '/tools/cancel_job/limits/0',
        retryAfterSeconds: 42,
        reason: 'cancel_job: 10 per minute used up; try again in 42 s',
      });
      expect(await one(ten)).toMatchObject({ effect: 'allow' });
      expect(await one({ tool: 'cancel_job', time: '2026-11-22T10:01:00Z', before: [ten] })).toMatchObject({
        effect: 'allow',
      });
      expect(await one({ tool: 'cancel_job', time: '2026-11-22T10:00:59.9Z', before: [ten] })).toMatchObject({
        effect: 'deny',
        retryAfterSeconds: 1,
      });
      expect(await one({ tool: 'pay', arguments: { amount: 0.1 }, repeat: 10 })).toMatchObject({ effect: 'allow' });
      expect(await one({ tool: 'pay', arguments: { amount: 0.1 }, repeat: 11 })).toMatchObject({
        effect: 'deny',
        rule: '/tools/pay/limits/0',
      });
      const alone = await one({ tool: 'pay', arguments: { amount: 1.5 } });
      expect(alone).toMatchObject({ effect: 'deny', code: 'rate_limited' });
      expect(alone).not.toHaveProperty('retryAfterSeconds');
      expect(
        await one({
          tool: 'pay',
          arguments: { amount: 0.1 },
          before: [
            { tool: 'cancel_job', repeat: 10 },
            { tool: 'pay', arguments: { amount: 0.01 }, repeat: 10 },
          ],
        }),
      ).toMatchObject({ rule: '/all_tools/limits/0' });
    },
  );

  test('knows who calls, from where, when, with what client, and what was approved', async () => {
    const night = {
      tool: 'night',
      time: '2026-11-22T03:00:00Z',
      identity: { attributes: { team: 'core' } },
      request: { ip: '10.1.2.3' },
    };
    expect(await one(night)).toMatchObject({ effect: 'allow' });
    for (const change of [
      { time: '2026-11-22T09:00:00Z' },
      { identity: { name: 'x', kind: 'human' } },
      { request: { ip: '192.0.2.1' } },
      { request: {} },
      { client: { name: 'bad' } },
    ])
      expect(await one({ ...night, ...change })).toMatchObject({ effect: 'deny', code: 'argument_rule' });
    expect(await one({ tool: 'merge' })).toMatchObject({
      effect: 'hold',
      code: 'approval_required',
      rule: '/tools/merge/action',
    });
    expect(await one({ tool: 'merge', approved: true })).toMatchObject({ effect: 'allow' });
    expect(await one({ tool: 'secret_tool' })).toMatchObject({ effect: 'deny', code: 'hidden', rule: '/hide/0' });
    expect(await one({ tool: 'file:///open/a', kind: 'resource' })).toMatchObject({
      effect: 'allow',
      rule: '/resources/file:~1~1~1open~1*',
    });
    expect(await one({ tool: 'file:///open/a' })).toMatchObject({ effect: 'deny' });
  });

  test('in monitor mode says what enforcing would do, and counts on', async () => {
    const monitored = { document: { ...DOCUMENT, mode: 'monitor' } };
    const [limited, unlisted] = await results(
      [
        { name: 'l', tool: 'cancel_job', repeat: 12, expect: { effect: 'allow' } },
        { name: 'u', tool: 'x', expect: { effect: 'allow' } },
      ],
      monitored,
    );
    expect(limited).toMatchObject({
      passed: true,
      would: { effect: 'deny', code: 'rate_limited', rule: '/tools/cancel_job/limits/0' },
    });
    expect(unlisted).toMatchObject({ passed: true, would: { code: 'not_listed' } });
  });

  test('tells which rules were exercised, how often they refused, and which never', async () => {
    const { body } = await run([
      { name: 'a', tool: 'cancel_job', repeat: 11, expect: { effect: 'deny' } },
      { name: 'b', tool: 'pay', arguments: { to: 'evil', amount: 1 }, expect: { effect: 'deny' } },
      { name: 'c', tool: 'secret_x', expect: { effect: 'deny' } },
    ]);
    const { rules, exercised, never } = body['coverage'] as {
      rules: number;
      exercised: readonly { rule: string; calls: number; refused: number }[];
      never: readonly string[];
    };
    expect(Object.fromEntries(exercised.map(({ rule, calls, refused }) => [rule, [calls, refused]]))).toEqual({
      '/hide/0': [1, 1],
      '/tools/cancel_job': [11, 0],
      '/tools/cancel_job/limits/0': [11, 1],
      '/all_tools/limits/0': [11, 0],
      '/tools/pay': [1, 0],
      '/tools/pay/deny_if/0': [1, 1],
    });
    expect([...never].sort()).toEqual(
      [
        '/default',
        '/resources/file:~1~1~1open~1*',
        '/tools/merge',
        '/tools/merge/action',
        '/tools/night',
        '/tools/night/deny_if/0',
        '/tools/night/require/0',
        '/tools/night/require/1',
        '/tools/night/require/2',
        '/tools/pay/limits/0',
      ].sort(),
    );
    expect(rules).toBe(exercised.length + never.length);
  });

  test('holds names that programs stumble over', async () => {
    const text =
      '{"document":{"version":"1","default":"deny","tools":{"__proto__":{"require":[{"path":"args.__proto__",' +
      '"op":"eq","value":1}]}}},"cases":[{"name":"x","tool":"__proto__","arguments":{"__proto__":1},' +
      '"expect":{"effect":"allow","rule":"/tools/__proto__"}},{"name":"nul","tool":"a\\u0000",' +
      '"expect":{"effect":"deny"}}]}';
    const response = await fetch(`${toolgate.url}/v1/policies/test`, {
      method: 'POST',
      headers: { authorization: `Bearer ${tenant.token}`, 'content-type': 'application/json' },
      body: text,
    });
    expect(await response.json()).toMatchObject({ passed: 2, failed: 0 });
  });
});

describe('what is tested', () => {
  const cases = [
    { name: 'a', tool: 'cancel_job', arguments: { id: 'x' }, expect: { effect: 'deny', code: 'arguments_invalid' } },
    { name: 'b', tool: 'cancel_job', arguments: { id: 1 }, expect: { effect: 'allow' } },
  ];

  test('is a policy as it stands, or a document beside the tools of a server', async () => {
    const policyId = await tenant.policy(serverId, {
      version: '1',
      default: 'deny',
      check_arguments: true,
      tools: { cancel_job: {} },
    });
    expect((await run(cases, { policyId })).body).toMatchObject({ passed: 2, failed: 0 });
    const document = { version: '1', default: 'deny', check_arguments: true, tools: { cancel_job: {}, typo: {} } };
    expect((await run(cases, { document, serverId })).body).toMatchObject({
      passed: 2,
      warnings: [{ pointer: '/tools/typo', code: 'unknown_tool' }],
    });
    expect(
      (await run([{ ...cases[1], expect: { effect: 'deny', code: 'arguments_invalid' } }], { document })).body,
    ).toMatchObject({ passed: 1 });
  });

  test('is named once', async () => {
    const policyId = await tenant.policy(serverId, DOCUMENT);
    for (const more of [
      {},
      { serverId },
      { document: DOCUMENT, policyId },
      { policyId, serverId },
      { document: 'x' },
      { document: null },
    ])
      expect((await run([], more)).status, JSON.stringify(more)).toBe(400);
    expect((await run([], { policyId })).status).toBe(200);
  });

  test('must be a document that could be saved', async () => {
    const bad = badPolicies.find(
      ({ document }) => typeof document === 'object' && document !== null && !Array.isArray(document),
    );
    expect(await run([], { document: bad?.document })).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: expect.any(String) }] },
    });
    expect((await run([], { document: { version: '1', default: 'deny', surprise: 1 } })).body['code']).toBe(
      'unsupported_key',
    );
  });

  test('is left alone, and nothing is recorded or counted', async () => {
    const counts = async (): Promise<unknown> =>
      (
        await toolgate.db.worker.query(
          `select (select count(*) from events) as events, (select count(*)
            from limit_counters) as counters, (select count(*) from log_records) as log`,
        )
      ).rows[0];
    const before = await counts();
    await run([{ name: 'a', tool: 'cancel_job', repeat: 50, expect: { effect: 'deny' } }]);
    expect(await counts()).toEqual(before);
  });
});

describe('cases that can not be read', () => {
  const good = { name: 'a', tool: 'x', expect: { effect: 'allow' } };

  test.each([
    ['no list', {}, ['/cases']],
    ['an unknown key', [{ ...good, argument: {} }], ['/cases/0/argument']],
    [
      'everything wrong at once',
      [
        good,
        {
          tool: 7,
          repeat: 0,
          time: 'noon',
          arguments: [],
          expect: { effect: 'maybe', rule: 1 },
          before: [{ repeat: 1.5 }],
        },
      ],
      [
        '/cases/1/tool',
        '/cases/1/repeat',
        '/cases/1/time',
        '/cases/1/arguments',
        '/cases/1/expect/effect',
        '/cases/1/expect/rule',
        '/cases/1/before/0/repeat',
        '/cases/1/before/0/tool',
        '/cases/1/name',
      ],
    ],
    ['more than a thousand', Array.from({ length: 1001 }, () => good), ['/cases']],
    ['more than ten thousand calls', Array.from({ length: 11 }, () => ({ ...good, repeat: 1000 })), ['/cases']],
  ])('are refused: %s', async (_name, cases, pointers) => {
    const { status, body } = await run(cases);
    expect([status, body['code']]).toEqual([400, 'invalid_body']);
    expect((body['errors'] as { pointer: string }[]).map(({ pointer }) => pointer)).toEqual(pointers);
  });

  /** Some ten thousand calls that each take a while. */
  const heavy = (): Promise<Answer> =>
    run(
      Array.from({ length: 10 }, (_, index) => ({
        name: String(index),
        tool: 'x',
        arguments: { a: 'ab'.repeat(1000) },
        repeat: 1000,
        expect: { effect: 'allow' },
      })),
      {
        document: {
          version: '1',
          default: 'allow',
          tools: {
            x: { deny_if: Array.from({ length: 8 }, () => ({ path: 'args.a', op: 'matches', value: '(a|b)+c' })) },
          },
        },
      },
    );

  test('and ten thousand calls are judged while other requests are answered', async () => {
    const running = heavy();
    let answered = 0;
    for (let busy = true; busy;) {
      busy = await Promise.race([running.then(() => false), fetch(`${toolgate.url}/healthz`).then(() => true)]);
      if (busy) answered += 1;
    }
    expect([200, 413]).toContain((await running).status);
    // Without turns in between it is one, from before the work began.
    expect(answered).toBeGreaterThan(5);
  });

  test('and only so many at a time', async () => {
    const answers = await Promise.all([1, 2, 3, 4, 5].map(heavy));
    expect(answers.map(({ status }) => status)).toContain(429);
    expect(answers.filter(({ status }) => status === 200 || status === 413).length).toBeGreaterThanOrEqual(2);
    expect(Number(answers.find(({ status }) => status === 429)?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await run([good])).status).toBe(200);
  });
});
