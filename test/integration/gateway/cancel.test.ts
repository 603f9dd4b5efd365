import { expect } from 'vitest';
import { tenantTest } from '../../support/product-test.js';
import { connect, openSession, type Grant } from '../../support/tenant.js';
import { aTool, startUpstream, type Upstream } from '../../support/upstream.js';

const { test, tenant } = tenantTest();
let upstream: Upstream;
let grant: Grant;

test.beforeAll(async () => {
  upstream = await startUpstream({ tools: [aTool('endless')], call: () => new Promise(() => undefined) });
  const serverId = await tenant.server(upstream.url);
  grant = await tenant.grant({ serverId, policyId: await tenant.policy(serverId, { version: '1', default: 'allow' }) });
});
test.afterAll(async () => {
  await upstream.close();
});

const outcomes = async (): Promise<readonly unknown[]> =>
  (await tenant.events('&type=toolCall.completed')).map((event) => event['status']);

test('a call that the client cancels is cancelled upstream and ends at once with the outcome cancelled', async () => {
  const client = await connect(grant);
  const leave = new AbortController();
  const called = client
    .callTool({ name: 'endless', arguments: {} }, undefined, { signal: leave.signal })
    .catch(() => 'cancelled');
  await expect.poll(() => upstream.seenOf('tools/call').length).toBe(1);
  leave.abort();
  expect(await called).toBe('cancelled');
  await expect.poll(outcomes, { timeout: 5000 }).toEqual(['cancelled']);
  expect(upstream.seenOf('notifications/cancelled')).toHaveLength(1);
  await client.close();
});

test("another session's call of the same id, or an id of another type, is not cancelled", async () => {
  const [mine, other] = [await openSession(grant), await openSession(grant)];
  const before = upstream.seenOf('tools/call').length;
  const waiting = mine
    .post({ jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name: 'endless' } })
    .then((response) => response.text());
  await expect.poll(() => upstream.seenOf('tools/call').length).toBe(before + 1);
  const ended = (await outcomes()).length;
  await other.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 7 } });
  await mine.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: '7' } });
  await new Promise((resolve) => setTimeout(resolve, 700));
  expect((await outcomes()).length).toBe(ended);
  await mine.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 7 } });
  expect(await waiting).toContain('the request was cancelled');
  await expect.poll(async () => (await outcomes()).length, { timeout: 5000 }).toBe(ended + 1);
});
