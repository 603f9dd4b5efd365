import { expect } from 'vitest';
import { tenantTest } from '../../support/product-test.js';
import { append, decided, until } from '../audit/audit-support.js';

const { test, toolgate, tenant } = tenantTest();

test('usage shows names beside ids, also those of identities and servers that were deleted', async () => {
  const serverId = await tenant.server('http://127.0.0.1:9/', { name: 'GitLab' });
  const identityId = await tenant.identity('release bot');
  const { id: grantId } = await tenant.grant({ serverId, identityId });
  await tenant.api('PATCH', `/v1/grants/${grantId}`, { label: 'laptop' });
  await append(toolgate.toolgate.eventLog, [decided(tenant.organizationId, { grantId, identityId, serverId })]);
  const usage = async (groupBy: string): Promise<unknown> =>
    (await tenant.api('GET', `/v1/usage?interval=day&groupBy=${groupBy}`)).body['items'];
  await until(async () => ((await usage('grant')) as readonly unknown[]).length === 1);
  const names = { identityName: 'release bot', serverName: 'GitLab' };
  for (let round = 0; round < 2; round += 1) {
    expect(await usage('grant')).toMatchObject([{ grant: grantId, grantLabel: 'laptop', ...names, calls: 1 }]);
    expect(await usage('identity,server')).toMatchObject([{ identity: identityId, server: serverId, ...names }]);
    await tenant.api('DELETE', `/v1/identities/${identityId}`);
    await tenant.api('DELETE', `/v1/servers/${serverId}`);
  }
});
