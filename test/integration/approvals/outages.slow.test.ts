import pg from 'pg';
import { expect } from 'vitest';
import { newId } from '../../../src/platform/crypto/ids.js';
import { usedOf } from '../../support/counters.js';
import { tenantTest } from '../../support/product-test.js';
import { openSession, type Grant, type Person } from '../../support/tenant.js';
import { aTool, startUpstream, type Upstream } from '../../support/upstream.js';

type Told = Readonly<{ code: string; approvalId: string; text: string }>;
type Session = Awaited<ReturnType<typeof openSession>>;

const { test, toolgate, tenant } = tenantTest();
let upstream: Upstream;
let approver: Person;
let serverId: string;

test.beforeAll(async () => {
  upstream = await startUpstream({ tools: [aTool('merge')], json: true });
  approver = await tenant.person('approver');
  serverId = await tenant.server(upstream.url);
});
test.afterAll(async () => {
  await upstream.close();
});

/**
 * Runs `work` while another session holds a table, as an outage of what lives in it; a `share` lock lets others read.
 */
const whileLocked = async <T>(
  table: string,
  mode: 'share' | 'access exclusive',
  work: () => Promise<T>,
): Promise<T> => {
  const client = new pg.Client({ connectionString: toolgate.databaseUrl });
  await client.connect();
  try {
    await client.query('begin');
    await client.query(`lock table ${table} in ${mode} mode`);
    return await work();
  } finally {
    await client.query('rollback');
    await client.end();
  }
};

const LIMIT = { counter: 'merges', window: 'month', max: 100 };
const granted = async (): Promise<Grant> =>
  tenant.grant({
    serverId,
    policyId: await tenant.policy(serverId, {
      version: '1',
      default: 'deny',
      approval: { wait: 0 },
      tools: { merge: { action: 'require_approval', limits: [LIMIT] } },
    }),
  });

const merge = async (session: Session): Promise<Told> => {
  const { result } = (await (
    await session.post({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'merge', arguments: { iid: 1 } },
    })
  ).json()) as {
    result: {
      isError?: boolean;
      content: { text: string }[];
      _meta?: Record<string, { code: string; approvalId: string }>;
    };
  };
  const decision = result._meta?.['io.toolgate/decision'];
  return {
    code: result.isError === true ? (decision?.code ?? '') : 'done',
    approvalId: decision?.approvalId ?? '',
    text: result.content[0]?.text ?? '',
  };
};

/** A grant whose call was approved. */
const approved = async (): Promise<
  Readonly<{ grant: Grant; session: Session; approvalId: string; forwarded: () => number }>
> => {
  const grant = await granted();
  const session = await openSession(grant);
  const { approvalId } = await merge(session);
  expect((await approver.api('POST', `/v1/approvals/${approvalId}/approve`)).status).toBe(200);
  const before = upstream.seenOf('tools/call').length;
  return { grant, session, approvalId, forwarded: () => upstream.seenOf('tools/call').length - before };
};

const statusOf = async (id: string): Promise<unknown> =>
  (await tenant.api('GET', `/v1/approvals/${id}`)).body['status'];
const used = (grant: Grant): Promise<number | undefined> =>
  usedOf(toolgate.db, tenant.organizationId, {
    counter: LIMIT.counter,
    window: 'month',
    scope: 'grant',
    whom: grant.id,
  });

/** What is given back lets exactly one repeat run. */
const expectOneMore = async ({
  session,
  approvalId,
  forwarded,
}: Awaited<ReturnType<typeof approved>>): Promise<void> => {
  await expect.poll(() => statusOf(approvalId), { timeout: 10_000 }).toBe('approved');
  expect((await merge(session)).code).toBe('done');
  expect((await merge(session)).code).toBe('approval_required');
  expect([forwarded(), await statusOf(approvalId)]).toEqual([1, 'used']);
};

test(
  'a log that does not acknowledge: the approved call is not made, and its approval and limits are ' + 'given back',
  async () => {
    const one = await approved();
    expect((await toolgate.log.whileAway(() => merge(one.session))).code).toBe('audit_unavailable');
    expect(one.forwarded()).toBe(0);
    await expect.poll(() => used(one.grant)).toBe(0);
    await expectOneMore(one);
  },
);

test('limits out of reach: the approved call is not made, and its approval is not used', async () => {
  const one = await approved();
  expect((await whileLocked('limit_counters', 'access exclusive', () => merge(one.session))).code).toBe(
    'limits_unavailable',
  );
  expect([one.forwarded(), await statusOf(one.approvalId)]).toEqual([0, 'approved']);
  await expectOneMore(one);
});

test(
  'a use that is not known to be one in time: the call is not made, and what was used late is given ' + 'back',
  async () => {
    const one = await approved();
    const told = await whileLocked('approval_ends', 'share', () => merge(one.session));
    expect([told.code, told.text]).toEqual([
      'approval_required',
      "[POLICY DENIED] merge needs a person's approval, and approvals are out of reach; try again shortly",
    ]);
    expect(one.forwarded()).toBe(0);
    // All tries that hung have come through by now, or were given up.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await expect.poll(() => used(one.grant)).toBe(0);
    await expectOneMore(one);
  },
);

test('approvals out of reach: nothing is made, and once they are back the call is held as ever', async () => {
  const session = await openSession(await granted());
  const told = await whileLocked('approvals', 'access exclusive', () => merge(session));
  expect([told.code, told.approvalId]).toEqual(['approval_required', '']);
  expect((await merge(session)).approvalId).toMatch(/^apr_/);
});

test(
  'a gateway that dies between using an approval and the append: the approval holds again once the ' +
    'boot is known to be over, and one whose call is on record does not',
  async () => {
    const made = await approved();
    expect((await merge(made.session)).code).toBe('done');
    const lost = await approved();
    await expect
      .poll(async () => (await tenant.events(`&type=toolCall.decided&grantId=${made.grant.id}&effect=allow`)).length, {
        timeout: 8000,
      })
      .toBe(1);
    const { worker } = toolgate.db;
    const before = `now() - interval '20 seconds'`;
    await worker.query(
      `insert into approval_ends(organization_id, approval_id, call_id, ended_as, at)
      values ($1, $2, $3, 'used', ${before})`,
      [tenant.organizationId, lost.approvalId, newId('call')],
    );
    await worker.query(`update approval_ends set at = ${before} where approval_id = $1`, [made.approvalId]);
    expect((await merge(lost.session)).code).toBe('approval_required');
    await worker.query(
      `insert into gateway_boots(boot_id, last_seen, open_since, silent_ms)
      values ($1, now() - interval '31 seconds', now() - interval '31 seconds', 30000)`,
      [newId('boot')],
    );
    await expectOneMore(lost);
    expect(await statusOf(made.approvalId)).toBe('used');
  },
);
