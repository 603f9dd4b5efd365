import { expect } from 'vitest';
import { tenantTest } from '../../support/product-test.js';
import { startUpstream } from '../../support/upstream.js';

const { test, tenant } = tenantTest();

test('registering a server that never answers creates it as unreachable after 15 s', async () => {
  const silent = await startUpstream({ intercept: () => true });
  const { status, body } = await tenant.api('POST', '/v1/servers', {
    name: 'silent',
    transport: { type: 'streamable-http', url: silent.url },
  });
  await silent.close();
  expect(status).toBe(201);
  expect(body).toMatchObject({
    status: 'unreachable',
    statusDetail: 'The server gave no answer within 15 s.',
  });
});
