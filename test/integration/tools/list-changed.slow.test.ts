import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { expect } from 'vitest';
import { tenantTest } from '../../support/product-test.js';
import { connect } from '../../support/tenant.js';
import { aTool, startUpstream } from '../../support/upstream.js';

const { test, tenant } = tenantTest();

/** Longer than open streams take to be told of a change. */
const quiet = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 700));

test('one change of a server brings its clients one list_changed, and a change of its name none', async () => {
  const upstream = await startUpstream({ tools: [aTool('echo')] });
  const serverId = await tenant.server(upstream.url);
  const policyId = await tenant.policy(serverId, { version: '1', default: 'allow', pin_tools: false });
  const client = await connect(await tenant.grant({ serverId, policyId }));
  let notices = 0;
  client.setNotificationHandler(ToolListChangedNotificationSchema, async () => {
    notices += 1;
    await client.listTools();
  });
  await expect.poll(() => upstream.seen.filter(({ httpMethod }) => httpMethod === 'GET').length).toBeGreaterThan(0);
  const descriptionOf = async (): Promise<unknown> => {
    const { body } = await tenant.api('GET', `/v1/servers/${serverId}/tools`);
    return (body['items'] as readonly Record<string, unknown>[])[0]?.['description'];
  };
  for (const [index, description] of ['first', 'second'].entries()) {
    upstream.setTools([aTool('echo', { description })]);
    await upstream.announceTools();
    await expect.poll(descriptionOf).toBe(description);
    await quiet();
    expect(notices).toBe(index + 1);
  }
  expect((await tenant.api('PATCH', `/v1/servers/${serverId}`, { name: 'renamed' })).status).toBe(200);
  await quiet();
  expect(notices).toBe(2);
  // Nobody but Toolgate can say this.
  expect((await tenant.api('PATCH', `/v1/servers/${serverId}/tools/echo`, { disabled: true })).status).toBe(200);
  await expect.poll(() => notices).toBe(3);
  await client.close();
  await upstream.close();
});
