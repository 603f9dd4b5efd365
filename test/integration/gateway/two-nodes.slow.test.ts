import { expect } from 'vitest';
import type { Toolgate } from '../../../src/app/toolgate.js';
import { tenantTest } from '../../support/product-test.js';
import { openSession, type Grant } from '../../support/tenant.js';
import { startBeside } from '../../support/toolgate.js';
import { aTool, startUpstream, type Upstream } from '../../support/upstream.js';
import { ROUNDS_IN_A_SECOND, roundsUntil } from '../../support/poll-rounds.js';

/** A hundred and more in CI, on Kafka. */
const CHANGES = process.env['FAULTS'] === undefined ? 10 : 50;

const { test, toolgate: here, tenant } = tenantTest();
let there: Toolgate;
let upstream: Upstream;
let serverId: string;

test.beforeAll(async () => {
  upstream = await startUpstream({ tools: [aTool('echo')], json: true });
  there = await startBeside(here);
  serverId = await tenant.server(upstream.url);
});
test.afterAll(async () => {
  await there.close();
  await upstream.close();
});

const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo', arguments: {} } };
const onOther = (grant: Grant): Grant => ({ ...grant, mcpUrl: grant.mcpUrl.replace(here.url, there.url) });

const until = (holds: () => Promise<boolean>): Promise<number> => roundsUntil(here.db, holds);

test(
  `a change on one node governs calls on another within a second, ${CHANGES} revocations and ${CHANGES} ` +
    'new policies',
  async () => {
    const took: number[] = [];
    const policyId = await tenant.policy(serverId, { version: '1', default: 'allow' });
    const steady = onOther(await tenant.grant({ serverId, policyId }));
    await until(() =>
      openSession(steady).then(
        () => true,
        () => false,
      ),
    );
    const session = await openSession(steady);
    for (let n = 0; n < CHANGES; n += 1) {
      const grant = onOther(await tenant.grant({ serverId, policyId }));
      const status = async (): Promise<number> => {
        const response = await fetch(grant.mcpUrl, {
          method: 'POST',
          headers: { authorization: `Bearer ${grant.token}` },
          body: '{}',
        });
        await response.text();
        return response.status;
      };
      took.push(await until(async () => (await status()) === 400));
      await tenant.api('POST', `/v1/grants/${grant.id}/revoke`);
      took.push(await until(async () => (await status()) === 401));
      const action = n % 2 === 0 ? 'deny' : 'allow';
      await tenant.api(
        'PUT',
        `/v1/policies/${policyId}`,
        { document: { version: '1', default: action } },
        { 'if-match': '*' },
      );
      took.push(
        await until(
          async () => (await (await session.post(call)).text()).includes('POLICY DENIED') === (action === 'deny'),
        ),
      );
    }
    expect(Math.max(...took)).toBeLessThan(ROUNDS_IN_A_SECOND);
  },
  240_000,
);

test(
  'a session opened on one node is served by the other, and ended on one it is 404 on the other ' + 'within a second',
  async () => {
    const grant = await tenant.grant({
      serverId,
      policyId: await tenant.policy(serverId, { version: '1', default: 'allow' }),
    });
    const session = await openSession(grant);
    const headers = {
      authorization: `Bearer ${grant.token}`,
      'mcp-session-id': session.id,
      'content-type': 'application/json',
    };
    const status = async (): Promise<number> => {
      const response = await fetch(onOther(grant).mcpUrl, { method: 'POST', headers, body: JSON.stringify(call) });
      await response.text();
      return response.status;
    };
    await until(async () => (await status()) === 200);
    await fetch(grant.mcpUrl, { method: 'DELETE', headers });
    expect(await until(async () => (await status()) === 404)).toBeLessThan(ROUNDS_IN_A_SECOND);
  },
);

test('ten of forty calls over two nodes pass a limit of ten', async () => {
  const policyId = await tenant.policy(serverId, {
    version: '1',
    default: 'deny',
    tools: { echo: { limits: [{ counter: 'ten', window: 'month', max: 10 }] } },
  });
  const grant = await tenant.grant({ serverId, policyId });
  await until(() =>
    openSession(onOther(grant)).then(
      () => true,
      () => false,
    ),
  );
  const [one, two] = [await openSession(grant), await openSession(onOther(grant))];
  const answers = await Promise.all(
    Array.from({ length: 40 }, async (_, index) => (await (index % 2 === 0 ? one : two).post(call)).text()),
  );
  expect(answers.filter((answer) => !answer.includes('POLICY DENIED'))).toHaveLength(10);
});

test('a node without the API answers its paths with a problem', async () => {
  for (const [method, path] of [
    ['GET', '/v1/me'],
    ['POST', '/v1/signup'],
    ['GET', '/'],
  ] as const) {
    const answer = await fetch(`${there.url}${path}`, { method });
    expect([answer.status, answer.headers.get('content-type')]).toEqual([404, 'application/problem+json']);
    expect(await answer.json()).toMatchObject({
      status: 404,
      code: 'not_found',
      title: 'Not found',
      detail: expect.stringContaining('ROLES'),
    });
  }
});
