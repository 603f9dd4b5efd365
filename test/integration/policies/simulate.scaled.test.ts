import fc from 'fast-check';
import { beforeAll, describe, expect } from 'vitest';
import type { PolicyDocument } from '../../../src/policy-engine/document.js';
import { scaled } from '../../support/scaled.js';
import { tenantTest } from '../../support/product-test.js';
import { connect, openSession, signUp, type Tenant } from '../../support/tenant.js';
import { seedDecisions, seededPolicy } from '../../support/seed-decisions.js';
import { aTool, startUpstream, type Upstream } from '../../support/upstream.js';

const { test, toolgate, tenant } = tenantTest();
let upstream: Upstream;
let serverId: string;

test.beforeAll(async () => {
  upstream = await startUpstream({ tools: ['a', 'b', 'pay'].map((name) => aTool(name)), json: true });
  serverId = await tenant.server(upstream.url);
});
test.afterAll(async () => {
  await upstream.close();
});

type Json = Readonly<Record<string, unknown>>;
type Group = Readonly<{
  rule: string;
  code: string;
  certain: boolean;
  tool: string;
  grantId: string;
  from: string;
  to: string;
  calls: number;
  examples: readonly string[];
}>;
type Answer = Readonly<{
  calls: number;
  same: number;
  flipped: number;
  unjudged: number;
  setAside: number;
  notRecorded: number;
  grants: number | null;
  version: number | null;
  byRule: readonly Group[];
  byTool: readonly Group[];
  byGrant: readonly Group[];
  unjudgedByRule: readonly Group[];
}>;

const open = { version: '1', default: 'allow' };
const closed = { version: '1', default: 'deny' };
const always = { from: '2020-01-01T00:00:00Z', to: '2099-01-01T00:00:00Z' };

const simulate = async (of: Tenant, policyId: string, body: Json = {}): Promise<Answer> => {
  const { status, body: answer } = await of.api('POST', `/v1/policies/${policyId}/simulate`, { ...always, ...body });
  if (status !== 200) throw new Error(`${status} ${JSON.stringify(answer)}`);
  return answer as unknown as Answer;
};

type Call = Readonly<{ tool: string; args?: unknown }>;

/** Makes calls one after the other in a session of a grant, and waits until they are on record. */
const callAll = async (
  of: Tenant,
  grant: Readonly<{ id: string; mcpUrl: string; token: string }>,
  calls: readonly Call[],
): Promise<readonly Json[]> => {
  const session = await openSession(grant);
  for (const { tool, args } of calls)
    await (
      await session.post({
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: { name: tool, ...(args === undefined ? {} : { arguments: args }) },
      })
    ).text();
  await expect
    .poll(async () => (await of.events(`&type=toolCall.decided&grantId=${grant.id}`)).length, { timeout: 30_000 })
    .toBe(calls.length);
  return of.events(`&type=toolCall.decided&grantId=${grant.id}`);
};

const recorded = async (
  document: object,
  calls: readonly Call[],
): Promise<Readonly<{ policyId: string; events: readonly Json[]; grantId: string }>> => {
  const policyId = await tenant.policy(serverId, document);
  const grant = await tenant.grant({ serverId, policyId });
  return { policyId, grantId: grant.id, events: await callAll(tenant, grant, calls) };
};

describe('a simulation', () => {
  test(
    'answers which recorded calls a draft would have decided otherwise, by rule, tool and grant, and ' +
      'where to look',
    async () => {
      const { policyId, grantId, events } = await recorded({ ...closed, tools: { a: {} } }, [
        { tool: 'a' },
        { tool: 'a' },
        { tool: 'b' },
        { tool: 'a' },
      ]);
      const [first, second, third, last] = events.map(({ id }) => id);
      const document = { ...closed, tools: { a: { limits: [{ counter: 'few', window: 'month', max: 1 }] }, b: {} } };
      expect(await simulate(tenant, policyId, { document })).toEqual({
        policyId,
        policyName: 'policy',
        version: null,
        serverId,
        serverName: 'Upstream',
        from: '2020-01-01T00:00:00.000Z',
        to: '2099-01-01T00:00:00.000Z',
        grants: 1,
        calls: 4,
        same: 1,
        flipped: 3,
        unjudged: 0,
        setAside: 0,
        notRecorded: 0,
        byRule: [
          {
            rule: '/tools/a/limits/0',
            code: 'rate_limited',
            certain: true,
            from: 'allow',
            to: 'deny',
            calls: 2,
            examples: [second, last],
          },
          { rule: '/tools/b', code: 'allowed', certain: true, from: 'deny', to: 'allow', calls: 1, examples: [third] },
        ],
        byTool: [
          { tool: 'a', from: 'allow', to: 'deny', calls: 2, examples: [second, last] },
          { tool: 'b', from: 'deny', to: 'allow', calls: 1, examples: [third] },
        ],
        byGrant: [
          {
            grantId,
            identityName: expect.any(String),
            grantLabel: null,
            from: 'allow',
            to: 'deny',
            calls: 2,
            examples: [second, last],
          },
          {
            grantId,
            identityName: expect.any(String),
            grantLabel: null,
            from: 'deny',
            to: 'allow',
            calls: 1,
            examples: [third],
          },
        ],
        unjudgedByRule: [],
      });
      expect(first).toBeDefined();
      expect(await simulate(tenant, policyId)).toMatchObject({ version: 1, calls: 4, same: 4, flipped: 0 });
    },
  );

  test(
    'says what depends on values that are not kept, and knows those that earlier rules and limits ' + 'tell',
    async () => {
      const pay = { limits: [{ counter: 'money', window: 'month', max: 100, increment_from: 'args.amount' }] };
      const { policyId } = await recorded(
        { ...open, tools: { pay, b: { require: [{ path: 'args.n', op: 'gt', value: 1 }] } } },
        [
          { tool: 'pay', args: { amount: 0.1 } },
          { tool: 'pay', args: { amount: 0.2 } },
          { tool: 'a', args: { n: 1 } },
          { tool: 'b', args: { n: 2 } },
          { tool: 'b', args: { n: 1 } },
          { tool: 'b', args: {} },
        ],
      );
      const paid = (max: number) =>
        simulate(tenant, policyId, {
          document: {
            ...open,
            tools: {
              pay: { limits: [{ ...pay.limits[0], max }] },
              b: { require: [{ value: 1, op: 'gt', path: 'args.n', on_deny: 'other words' }] },
            },
          },
        });
      expect(await paid(0.3)).toMatchObject({ calls: 6, same: 6, unjudged: 0 });
      expect(await paid(0.29)).toMatchObject({
        calls: 6,
        same: 5,
        byRule: [{ rule: '/tools/pay/limits/0', code: 'rate_limited', calls: 1 }],
      });
      const asking = await simulate(tenant, policyId, {
        document: { ...open, all_tools: { deny_if: [{ path: 'args.n', op: 'eq', value: 2 }] } },
      });
      expect(asking).toMatchObject({
        calls: 6,
        same: 2,
        flipped: 1,
        unjudged: 3,
        unjudgedByRule: [{ rule: '/all_tools/deny_if/0', calls: 3 }],
      });
      const none = { ...open, tools: { a: { limits: [{ counter: 'none', window: 'month', max: 0 }] } } };
      const either = { ...none, all_tools: { deny_if: [{ path: 'args.n', op: 'eq', value: 2 }] } };
      const limitOf = async (document: object): Promise<unknown> =>
        (await simulate(tenant, policyId, { document })).byRule.find(
          ({ rule: pointer }) => pointer === '/tools/a/limits/0',
        );
      expect(await limitOf(none)).toMatchObject({
        code: 'rate_limited',
        certain: true,
        from: 'allow',
        to: 'deny',
        calls: 1,
      });
      expect(await limitOf(either)).toMatchObject({
        code: 'rate_limited',
        certain: false,
        from: 'allow',
        to: 'deny',
        calls: 1,
      });
    },
  );

  test(
    'is of the grants that have the policy, also as their shadow or until they were revoked; without ' +
      'any, of all calls of its server',
    async () => {
      const other = await signUp(toolgate.url);
      const server = await other.server(upstream.url);
      const [mine, theirs] = [await other.policy(server, open), await other.policy(server, open)];
      const shadowed = await other.grant({ serverId: server, policyId: theirs });
      await other.api('PATCH', `/v1/grants/${shadowed.id}`, { shadowPolicyId: mine });
      const revoked = await other.grant({ serverId: server, policyId: mine });
      const stranger = await other.grant({ serverId: server, policyId: theirs });
      for (const grant of [shadowed, revoked, stranger]) await callAll(other, grant, [{ tool: 'a' }]);
      await other.api('POST', `/v1/grants/${revoked.id}/revoke`);
      expect(await simulate(other, mine)).toMatchObject({ grants: 2, calls: 2 });
      expect(await simulate(other, theirs)).toMatchObject({ grants: 2, calls: 2 });
      expect(await simulate(other, await other.policy(server, closed))).toMatchObject({
        grants: null,
        calls: 3,
        flipped: 3,
      });
      expect(await simulate(other, await other.policy(await other.server(upstream.url), closed))).toMatchObject({
        grants: null,
        calls: 0,
      });
    },
  );

  test(
    'sets aside what was refused whatever the policy, gives back what was not sent, and goes by the ' +
      'identity as it was then',
    async () => {
      const other = await signUp(toolgate.url);
      const server = await other.server(upstream.url);
      const policyId = await other.policy(server, {
        ...open,
        tools: { a: { limits: [{ counter: 'one', window: 'month', max: 1 }] } },
      });
      const identityId = (
        await other.api('POST', '/v1/identities', { name: 'x', kind: 'agent', attributes: { team: 'red' } })
      ).body['id'] as string;
      const grant = await other.grant({ serverId: server, policyId, identityId });
      await other.api('PATCH', `/v1/identities/${identityId}`, { disabled: true });
      await callAll(other, grant, [{ tool: 'b' }]).catch(() => undefined);
      await other.api('PATCH', `/v1/identities/${identityId}`, { disabled: false });
      const before = await simulate(other, policyId);
      await (await openSession(grant)).post({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'a' } });
      await other.api('PATCH', `/v1/identities/${identityId}`, { attributes: { team: 'blue' } });
      await expect.poll(async () => (await simulate(other, policyId)).calls, { timeout: 8000 }).toBe(1);
      expect([before, await simulate(other, policyId)]).toMatchObject([{ calls: 0 }, { calls: 1, same: 1 }]);
      const red = {
        ...open,
        all_tools: {
          require: [
            { path: 'identity.attributes.team', op: 'eq', value: 'red' },
            { path: 'identity.kind', op: 'eq', value: 'agent' },
          ],
        },
      };
      expect(await simulate(other, policyId, { document: red })).toMatchObject({ calls: 1, same: 1, unjudged: 0 });
      expect(
        await simulate(other, policyId, {
          document: {
            ...open,
            all_tools: { require: [{ path: 'identity.attributes.team', op: 'eq', value: 'blue' }] },
          },
        }),
      ).toMatchObject({ calls: 1, flipped: 1 });
    },
  );

  test('knows calls that were held, and lets those pass that were approved', async () => {
    const asking = { ...open, tools: { a: { action: 'require_approval', approval: { wait: 0 } } } };
    const { policyId } = await recorded(asking, [{ tool: 'a' }, { tool: 'b' }]);
    expect(await simulate(tenant, policyId)).toMatchObject({ calls: 2, same: 2 });
    expect(await simulate(tenant, policyId, { document: open })).toMatchObject({
      flipped: 1,
      byTool: [{ tool: 'a', from: 'hold', to: 'allow' }],
    });
    expect(
      await simulate(tenant, policyId, { document: { ...asking, tools: { ...asking.tools, b: asking.tools.a } } }),
    ).toMatchObject({ same: 1, byTool: [{ tool: 'b', from: 'allow', to: 'hold' }] });
  });

  test.each([
    [400, 'invalid_body', { from: always.to, to: always.from }],
    [400, 'invalid_body', { from: 'yesterday' }],
    [400, 'invalid_body', { document: 'deny' }],
    [400, 'invalid_body', { more: 1 }],
    [422, 'policy_invalid', { document: { version: '2', default: 'deny' } }],
    [422, 'unsupported_key', { document: { ...open, surprise: 1 } }],
  ])('is refused with %i %s for %o', async (status, code, body) => {
    const policyId = await tenant.policy(serverId, open);
    expect(await tenant.api('POST', `/v1/policies/${policyId}/simulate`, { ...always, ...body })).toMatchObject({
      status,
      body: { code },
    });
  });

  test('changes nothing: no event, no count', async () => {
    const { policyId } = await recorded(
      { ...open, tools: { a: { limits: [{ counter: 'kept', window: 'month', max: 9 }] } } },
      [{ tool: 'a' }],
    );
    const counts = async (): Promise<unknown> =>
      (
        await toolgate.db.worker.query(
          'select (select count(*) from events) as events, (select sum(used) from limit_counters) as used',
        )
      ).rows[0];
    const before = await counts();
    expect(await simulate(tenant, policyId)).toMatchObject({ calls: 1 });
    expect(await counts()).toEqual(before);
  });
});

describe('a long simulation', () => {
  const DECISIONS = 5000;
  const since = new Date(Date.now() - 3 * 86_400_000);
  let policyId: string;
  let body: string;
  let long: Tenant;

  beforeAll(async () => {
    long = await signUp(toolgate.url);
    const server = await long.server(upstream.url);
    policyId = await long.policy(server, seededPolicy);
    const grants = await Promise.all([1, 2, 3].map(() => long.grant({ serverId: server, policyId })));
    await seedDecisions(toolgate.db, {
      organizationId: long.organizationId,
      serverId: server,
      policyId,
      identityIds: grants.map(({ identityId }) => identityId),
      grantIds: grants.map(({ id }) => id),
      decisions: DECISIONS,
      since,
    });
    body = JSON.stringify({ from: since.toISOString(), to: new Date(since.getTime() + 2 * 86_400_000).toISOString() });
  });

  const ask = (accept: string, signal?: AbortSignal): Promise<Response> =>
    fetch(`${toolgate.url}/v1/policies/${policyId}/simulate`, {
      method: 'POST',
      headers: { authorization: `Bearer ${long.token}`, 'content-type': 'application/json', accept },
      body,
      ...(signal ? { signal } : {}),
    });

  test('tells how far it is, line by line, and last what came of it, the same as in one answer', async () => {
    const response = await ask('application/x-ndjson');
    expect(response.headers.get('content-type')).toBe('application/x-ndjson');
    const lines = (await response.text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { progress?: { done: number; total: number }; simulation?: Json });
    const progress = lines.flatMap((line) => line.progress ?? []);
    expect(progress.map(({ done }) => done)).toEqual([2000, 4000, 6000, 8000, 10_000]);
    expect(progress.every(({ total }) => total === 2 * DECISIONS)).toBe(true);
    const alone = await ask('application/json');
    expect(alone.headers.get('content-type')).toContain('application/json');
    expect(lines.at(-1)).toEqual({ simulation: await alone.json() });
    expect(lines.at(-1)?.simulation).toMatchObject({ calls: DECISIONS });
  });

  test('ends when its client leaves, and two at a time are enough', async () => {
    const leave = new AbortController();
    const left = [1, 2].map(async () => (await ask('application/x-ndjson', leave.signal)).text());
    const third = await ask('application/json');
    if (third.status !== 200)
      expect([third.status, third.headers.get('retry-after'), await third.json()]).toMatchObject([
        429,
        '10',
        { code: 'too_many_requests' },
      ]);
    leave.abort();
    await Promise.allSettled(left);
    await expect.poll(async () => (await ask('application/json')).status, { timeout: 8000 }).toBe(200);
  });
});

/** Policies over what the record keeps and does not keep, with windows whose edges are far away. */
const limits = fc.array(
  fc.record(
    {
      counter: fc.constantFrom('c', 'd'),
      window: fc.constantFrom('month' as const, 31_622_400),
      max: fc.constantFrom(0, 0.3, 1, 2, 3),
      scope: fc.constantFrom(
        'grant' as const,
        'session' as const,
        'server' as const,
        'identity' as const,
        'organization' as const,
      ),
      increment_from: fc.constant('args.n'),
    },
    { requiredKeys: ['counter', 'window', 'max', 'scope'] },
  ),
  { maxLength: 2 },
);
const rule = fc.record({
  path: fc.constantFrom('args.n', 'args.o.n', 'identity.kind', 'request.ip', 'args.N'),
  op: fc.constantFrom('eq' as const, 'neq' as const, 'exists' as const),
  value: fc.constantFrom(true),
});
const entry = fc.record(
  {
    action: fc.constantFrom('allow' as const, 'allow' as const, 'deny' as const),
    require: fc.array(rule, { maxLength: 1 }),
    deny_if: fc.array(rule, { maxLength: 1 }),
    limits,
  },
  { requiredKeys: [] },
);
const policies: fc.Arbitrary<PolicyDocument> = fc.record(
  {
    version: fc.constant('1' as const),
    default: fc.constantFrom('allow' as const, 'deny' as const),
    hide: fc.subarray(['b']),
    tools: fc.record({ a: entry, 'p*': entry, b: entry }, { requiredKeys: [] }),
    all_tools: fc.record({ limits, deny_if: fc.array(rule, { maxLength: 1 }) }, { requiredKeys: [] }),
  },
  { requiredKeys: ['version', 'default'] },
);
const someCalls = fc.array(
  fc.record({
    tool: fc.constantFrom('a', 'pay', 'b'),
    args: fc.constantFrom(
      undefined,
      {},
      { n: 0.1 },
      { n: 0.2 },
      { n: 1 },
      { n: true },
      { n: null },
      { N: true },
      { o: { n: true } },
      { n: 'x', o: 1 },
    ),
  }),
  { minLength: 3, maxLength: 5 },
);

/** What a machine answers that is too busy for the deadlines of a call: it says nothing of policies. */
const TOO_SLOW: ReadonlySet<unknown> = new Set(['audit_unavailable', 'limits_unavailable', 'stale_directory']);

/** As many as SIMULATE_RUNS says; else 200 with FAULTS=full. */
const RUNS = Number(process.env['SIMULATE_RUNS'] ?? (process.env['FAULTS'] === 'full' ? 200 : scaled(10, 4)));

describe('for any policies and calls', () => {
  test(
    'a simulation answers as a live run of the same calls under the draft, or says that it can not know',
    async () => {
      const seed = Number(process.env['SEED'] ?? Date.now() % 0x7fffffff);
      console.log(`fast-check seed ${seed}`);
      let judged = 0;
      let count = 0;
      /** Each run counts by counters of its own. */
      const run = (document: PolicyDocument, calls: readonly Call[]) =>
        recorded(
          JSON.parse(JSON.stringify(document).replaceAll('"counter":"', `"counter":"run${(count += 1)}.`)) as object,
          calls,
        );
      await fc.assert(
        fc.asyncProperty(policies, policies, someCalls, async (was, draft, calls) => {
          const [before, live] = [await run(was, calls), await run(draft, calls)];
          fc.pre(![...before.events, ...live.events].some(({ code }) => TOO_SLOW.has(code)));
          const answer = await simulate(tenant, before.policyId, { document: draft });
          const unjudged = new Set(answer.unjudgedByRule.flatMap(({ examples }) => examples));
          const flips = new Map(answer.byRule.flatMap((group) => group.examples.map((id) => [id, group] as const)));
          expect(answer.calls).toBe(calls.length);
          for (const [index, event] of before.events.entries()) {
            if (unjudged.has(event['id'] as string)) continue;
            judged += 1;
            const expected = live.events[index];
            const flip = flips.get(event['id'] as string);
            expect(flip?.to ?? event['effect']).toBe(expected?.['effect']);
            if (flip?.certain) expect([flip.code, flip.rule]).toEqual([expected?.['code'], expected?.['rule']]);
          }
        }),
        { numRuns: RUNS, seed },
      );
      expect(judged).toBeGreaterThan(0);
    },
    300_000 + RUNS * 2000,
  );
});

test('a call whose upstream was away counts perhaps: what depends on it is unjudged, not guessed', async () => {
  const gone = await startUpstream({ tools: [aTool('a')], json: true });
  const server = await tenant.server(gone.url);
  const limited = { ...open, tools: { a: { limits: [{ counter: 'gone', window: 'month', max: 1 }] } } };
  const grant = await tenant.grant({ serverId: server, policyId: await tenant.policy(server, open) });
  const client = await connect(grant);
  await client.callTool({ name: 'a', arguments: {} });
  await gone.close();
  const policyId = await tenant.policy(server, limited);
  for (let n = 0; n < 2; n += 1) await client.callTool({ name: 'a', arguments: {} }).catch(() => undefined);
  await expect
    .poll(async () => (await tenant.events(`&type=toolCall.completed&grantId=${grant.id}`)).length, { timeout: 8000 })
    .toBe(3);
  expect(await simulate(tenant, policyId)).toMatchObject({ calls: 3, same: 1, flipped: 2, unjudged: 0 });
  expect(
    await simulate(tenant, policyId, {
      document: { ...limited, tools: { a: { limits: [{ counter: 'gone', window: 'month', max: 2 }] } } },
    }),
  ).toMatchObject({ calls: 3, same: 2, flipped: 0, unjudged: 1 });
});
