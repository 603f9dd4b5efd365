import { describe, expect } from 'vitest';
import { tenantTest } from '../../support/product-test.js';
import { openSession, type Answer, type Grant, type Tenant } from '../../support/tenant.js';
import { aTool, startUpstream, type Upstream } from '../../support/upstream.js';

type Json = Readonly<Record<string, unknown>>;

const TOOLS = ['list_issues', 'list_jobs', 'cancel_job', 'pay', 'delete_group'];
const limit = { counter: 'rate', window: 'minute', max: 100 } as const;

const { test, tenant } = tenantTest();
let upstream: Upstream;
let serverId: string;

test.beforeAll(async () => {
  upstream = await startUpstream({ json: true, tools: TOOLS.map((name) => aTool(name)) });
  serverId = await tenant.server(upstream.url);
});
test.afterAll(async () => {
  await upstream.close();
});

const granted = async (document: object): Promise<Grant & Readonly<{ policyId: string }>> => {
  const policyId = await tenant.policy(serverId, document);
  return { ...(await tenant.grant({ serverId, policyId })), policyId };
};
const calls = async (
  grant: Grant,
  ...names: readonly (string | readonly [name: string, args: Json])[]
): Promise<readonly string[]> => {
  const session = await openSession(grant);
  const answers: string[] = [];
  for (const one of names) {
    const [name, args] = typeof one === 'string' ? [one, {}] : one;
    answers.push(
      await (
        await session.post({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } })
      ).text(),
    );
  }
  return answers;
};
/** The advice once that many calls are on record. */
const adviceOf = async ({ id }: Grant, recorded: number, query = ''): Promise<Json> => {
  let advice: Answer | undefined;
  await expect
    .poll(async () => (advice = await tenant.api('GET', `/v1/grants/${id}/advice${query}`)).body['calls'], {
      timeout: 10_000,
    })
    .toBe(recorded);
  return advice?.body ?? {};
};
const accept = (
  { id }: Grant,
  ifMatch: string | undefined,
  range: Json = {},
  as: Tenant['api'] = tenant.api,
): Promise<Answer> =>
  as('POST', `/v1/grants/${id}/advice/accept`, range, ifMatch === undefined ? {} : { 'if-match': ifMatch });
const policyOf = async (policyId: unknown): Promise<Json> =>
  (await tenant.api('GET', `/v1/policies/${String(policyId)}`)).body;

describe('advice', () => {
  test(
    'tells what was used and what never, how far limits are above use, and a tighter document with ' +
      'what it changes',
    async () => {
      const grant = await granted({
        version: '1',
        default: 'allow',
        all_tools: { limits: [{ counter: 'all', window: 'hour', max: 5 }] },
        tools: { 'list_*': { limits: [limit] }, delete_group: { action: 'deny' } },
      });
      await calls(grant, 'list_issues', 'cancel_job', 'list_issues', 'delete_group');
      const { id, policyId } = grant;
      const advice = await adviceOf(grant, 4);
      expect(advice).toMatchObject({
        grantId: id,
        policyId,
        policyVersion: 1,
        calls: 4,
        tools: [
          { tool: 'list_issues', calls: 2 },
          { tool: 'cancel_job', calls: 1 },
        ],
        changes: [
          { code: 'default_denied', rule: '/default', tool: null },
          { code: 'pattern_narrowed', rule: '/tools/list_*', tool: 'list_*' },
          { code: 'limit_above_use', rule: '/tools/list_*/limits/0', tool: null },
        ],
        document: {
          version: '1',
          default: 'deny',
          all_tools: { limits: [{ counter: 'all', window: 'hour', max: 5 }] },
          tools: { list_issues: { limits: [{ ...limit, max: 4 }] }, delete_group: { action: 'deny' }, cancel_job: {} },
          resources: { '*': {} },
          prompts: { '*': {} },
        },
        hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      });
      expect(advice['neverUsed']).toEqual([
        { tool: 'list_jobs', rule: '/tools/list_*' },
        { tool: 'pay', rule: '/default' },
      ]);
      expect(advice['limits']).toEqual([
        {
          rule: '/all_tools/limits/0',
          tool: null,
          counter: 'all',
          window: 'hour',
          scope: 'grant',
          max: 5,
          peak: 3,
          peakAt: expect.stringMatching(/:00:00.000Z$/),
          proposedMax: null,
        },
        {
          rule: '/tools/list_*/limits/0',
          tool: 'list_*',
          ...limit,
          scope: 'grant',
          peak: 2,
          peakAt: expect.stringMatching(/:00.000Z$/),
          proposedMax: 4,
        },
      ]);
    },
  );

  test('measures what was spent, over all tools that spend from one counter', async () => {
    const spending = (max: number, window: string) => ({
      counter: 'money',
      window,
      max,
      increment_from: 'args.amount',
    });
    const grant = await granted({
      version: '1',
      default: 'deny',
      tools: {
        pay: { limits: [spending(1000, 'day'), spending(1000, 'month')] },
        cancel_job: { limits: [spending(30, 'day')] },
      },
    });
    await calls(
      grant,
      ['pay', { amount: 2.5 }],
      ['pay', { amount: 0.25 }],
      ['cancel_job', { amount: 2 }],
      ['pay', { amount: 'x' }],
    );
    const { limits, document } = await adviceOf(grant, 4);
    // Nothing is said of the limit by month: the range holds no two of them.
    expect(
      (limits as Json[]).map(({ rule, max, peak, proposedMax }) => [rule, max, peak, proposedMax]).toSorted(),
    ).toEqual([
      ['/tools/cancel_job/limits/0', 30, 4.75, 10],
      ['/tools/pay/limits/0', 1000, 4.75, 10],
    ]);
    expect(document).toMatchObject({
      tools: { pay: { limits: [{ max: 10 }, { max: 1000, window: 'month' }] }, cancel_job: { limits: [{ max: 10 }] } },
    });
  });

  test('of a monitored policy goes by what enforcing would have let pass', async () => {
    const grant = await granted({ version: '1', default: 'deny', mode: 'monitor', tools: { cancel_job: {}, pay: {} } });
    await calls(grant, 'cancel_job', 'list_jobs');
    expect(await adviceOf(grant, 2)).toMatchObject({
      tools: [{ tool: 'cancel_job' }],
      document: { mode: 'monitor', tools: { cancel_job: {} } },
      changes: [{ code: 'tool_never_used', rule: '/tools/pay' }],
    });
  });

  test('looks at the range it is asked for, and at this grant alone', async () => {
    const grant = await granted({ version: '1', default: 'deny', tools: { pay: {}, cancel_job: {} } });
    await calls(grant, 'pay');
    const { to } = await adviceOf(grant, 1);
    const other = await tenant.grant({ serverId, policyId: grant.policyId });
    await calls(other, 'cancel_job');
    await adviceOf(other, 1);
    expect(await adviceOf(grant, 1)).toMatchObject({ tools: [{ tool: 'pay' }], neverUsed: [{ tool: 'cancel_job' }] });
    expect(await adviceOf(grant, 0, `?from=${String(to)}`)).toMatchObject({
      from: to,
      tools: [],
      document: null,
      hash: null,
      changes: [],
    });
    for (const query of [
      '?from=2099-01-01T00:00:00Z',
      '?from=2020-01-01T00:00:00Z',
      `?from=${String(to)}&to=${String(to)}`,
      '?from=yesterday',
    ]) {
      expect(await tenant.api('GET', `/v1/grants/${grant.id}/advice${query}`)).toMatchObject({
        status: 400,
        body: { code: 'invalid_body' },
      });
    }
  });

  test('is no document for a grant without a policy or without a call', async () => {
    const { id } = await tenant.grant({ serverId });
    expect((await tenant.api('GET', `/v1/grants/${id}/advice`)).body).toMatchObject({
      policyId: null,
      document: null,
      hash: null,
      neverUsed: [],
    });
    const idle = await granted({ version: '1', default: 'deny', tools: { pay: {} } });
    expect((await tenant.api('GET', `/v1/grants/${idle.id}/advice`)).body).toMatchObject({
      document: null,
      neverUsed: [{ tool: 'pay' }],
    });
    expect(await accept(idle, '*')).toMatchObject({ status: 409, body: { code: 'conflict' } });
  });
});

describe('accepting advice', () => {
  const DOCUMENT = { version: '1', default: 'deny', tools: { pay: {}, cancel_job: {} } };

  test('publishes its document in one call, by who accepts it, and the next call goes by it', async () => {
    const grant = await granted(DOCUMENT);
    await calls(grant, 'pay');
    const { hash, from, to } = await adviceOf(grant, 1);
    const manager = await tenant.person('policy_manager');
    expect(await accept(grant, `"${String(hash)}"`, { from, to }, manager.api)).toMatchObject({
      status: 200,
      body: { policyId: grant.policyId, policyVersion: 2, newPolicy: false },
    });
    expect(await policyOf(grant.policyId)).toMatchObject({
      version: 2,
      document: { version: '1', default: 'deny', tools: { pay: {} } },
    });
    const [refused, allowed] = await calls(grant, 'cancel_job', 'pay');
    expect(refused).toContain('POLICY DENIED');
    expect(allowed).not.toContain('POLICY DENIED');
    const { body } = await tenant.api('GET', `/v1/policies/${grant.policyId}/versions`);
    expect((body['items'] as Json[]).at(-1)).toMatchObject({
      version: 2,
      publishedBy: { type: 'member', id: manager.id },
    });
    expect(await accept(grant, `"${String(hash)}"`, { from, to })).toMatchObject({ status: 409 });
  });

  test(
    'gives the grant a policy of its own where others go by the one it had, or are judged by it ' + 'beside their own',
    async () => {
      for (const key of ['policyId', 'shadowPolicyId'] as const) {
        const grant = await granted(DOCUMENT);
        const other = await tenant.grant({ serverId });
        await tenant.api('PATCH', `/v1/grants/${other.id}`, { [key]: grant.policyId });
        await calls(grant, 'pay');
        await adviceOf(grant, 1);
        const { status, body } = await accept(grant, '*');
        expect([status, body]).toEqual([
          200,
          { policyId: expect.not.stringMatching(grant.policyId), policyVersion: 1, newPolicy: true },
        ]);
        expect(await policyOf(grant.policyId)).toMatchObject({ version: 1, document: DOCUMENT });
        expect(await policyOf(body['policyId'])).toMatchObject({
          serverId,
          name: `policy, for ${grant.id}`,
          document: { tools: { pay: {} } },
        });
        expect((await tenant.api('GET', `/v1/grants/${grant.id}`)).body['policyId']).toBe(body['policyId']);
        expect((await calls(grant, 'cancel_job'))[0]).toContain('POLICY DENIED');
      }
    },
  );

  test('wants the hash of the advice as it is now', async () => {
    const grant = await granted(DOCUMENT);
    await calls(grant, 'pay');
    const { hash, from, to } = await adviceOf(grant, 1);
    expect(await accept(grant, undefined, { from, to })).toMatchObject({ status: 428 });
    expect(await accept(grant, '"0"', { from, to })).toMatchObject({ status: 412 });
    expect(await accept(grant, `"${String(hash)}"`, { from })).toMatchObject({ status: 412 });
    await tenant.api('PUT', `/v1/policies/${grant.policyId}`, { document: DOCUMENT }, { 'if-match': '*' });
    expect(await accept(grant, `"${String(hash)}"`, { from, to })).toMatchObject({
      status: 412,
      body: { code: 'precondition_failed' },
    });
    expect((await policyOf(grant.policyId))['version']).toBe(2);
    await tenant.api('POST', `/v1/grants/${grant.id}/revoke`);
    expect(await accept(grant, '*')).toMatchObject({ status: 409 });
  });

  test('is done once of two at the same time', async () => {
    const grant = await granted(DOCUMENT);
    await calls(grant, 'pay');
    const { hash, from, to } = await adviceOf(grant, 1);
    const answers = await Promise.all([1, 2].map(() => accept(grant, `"${String(hash)}"`, { from, to })));
    expect(answers.map(({ status }) => status)).toContain(200);
    expect((await policyOf(grant.policyId))['version']).toBe(2);
  });

  test('is for policy managers, and leaves what was pinned as it was', async () => {
    const grant = await granted(DOCUMENT);
    await calls(grant, 'pay');
    await adviceOf(grant, 1);
    expect((await accept(grant, '*', {}, (await tenant.person('viewer')).api)).status).toBe(403);
    upstream.setTools([
      ...TOOLS.filter((name) => name !== 'pay').map((name) => aTool(name)),
      aTool('pay', { description: 'Pays twice' }),
    ]);
    await tenant.api('POST', `/v1/servers/${serverId}/discover`);
    expect((await accept(grant, '*')).status).toBe(200);
    expect((await calls(grant, 'pay'))[0]).toContain('"code":"tool_changed"');
  });
});
