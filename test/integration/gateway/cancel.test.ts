import { expect } from 'vitest';
import { tenantTest } from '../../support/product-test.js';
import { connect, openSession, type Grant } from '../../support/tenant.js';
import { aTool, startUpstream, type Upstream } from '../../support/upstream.js';

const { test, tenant } = tenantTest();
let upstream: Upstream;
let grant: Grant;
/** The calls whose requests were closed before they were answered. */
let closed = 0;

test.beforeAll(async () => {
  upstream = await startUpstream({
    tools: [aTool('endless'), aTool('quick')],
    call: ({ name }) => (name === 'quick' ? { content: [] } : new Promise(() => undefined)),
    intercept: (_request, response) => {
      response.once('close', () => (closed += response.writableFinished ? 0 : 1));
      return false;
    },
  });
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

test('a call whose request its client closed is closed upstream when that client calls again', async () => {
  const [mine, other] = [await openSession(grant), await openSession(grant)];
  const [before, ended] = [upstream.seenOf('tools/call').length, (await outcomes()).length];
  const closing = new AbortController();
  const asked = fetch(grant.mcpUrl, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${grant.token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-session-id': mine.id,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 9, method: 'tools/call', params: { name: 'endless' } }),
    signal: closing.signal,
  }).then((response) => response.text());
  await expect.poll(() => upstream.seenOf('tools/call').length).toBe(before + 1);
  closed = 0;
  closing.abort();
  await expect(asked).rejects.toThrow();
  const quick = { jsonrpc: '2.0', id: 10, method: 'tools/call', params: { name: 'quick' } };
  expect((await other.post(quick)).status).toBe(200);
  expect(closed).toBe(0);
  await expect
    .poll(async () => {
      await (await mine.post(quick)).text();
      return closed;
    })
    .toBe(1);
  await expect.poll(async () => (await outcomes()).slice(ended)).toContain('unknown');
});
