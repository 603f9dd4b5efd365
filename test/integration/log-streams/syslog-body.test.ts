import { expect } from 'vitest';
import { tenantTest } from '../../support/product-test.js';

const { test, tenant } = tenantTest();

test('a body of syslog that contradicts the format of its stream is refused, also in a change', async () => {
  const create = (format: string | undefined, body: string | undefined) =>
    tenant.api('POST', '/v1/log-streams', {
      name: 'syslog',
      kind: 'syslog',
      ...(format === undefined ? {} : { format }),
      config: { host: '127.0.0.1', port: 9, tls: false, ...(body === undefined ? {} : { body }) },
    });
  for (const [format, body] of [
    ['cef', 'json'],
    ['ocsf', 'cef'],
    ['ecs', 'cef'],
  ])
    expect(await create(format, body)).toMatchObject({ status: 400, body: { errors: [{ pointer: '/config/body' }] } });
  const { status, body } = await create(undefined, 'cef');
  expect(status).toBe(201);
  const change = (patch: object) => tenant.api('PATCH', `/v1/log-streams/${String(body['id'])}`, patch);
  expect((await change({ format: 'ocsf' })).status).toBe(400);
  expect((await change({ format: 'ocsf', config: { body: null } })).status).toBe(200);
  expect((await change({ config: { body: 'cef' } })).status).toBe(400);
  await tenant.api('DELETE', `/v1/log-streams/${String(body['id'])}`);
});
