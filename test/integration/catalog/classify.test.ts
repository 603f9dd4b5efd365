import { describe, expect } from 'vitest';
import { tenantTest } from '../../support/product-test.js';
import { send, type Answer, type Json } from '../api/problem.js';

const { test, toolgate, tenant } = tenantTest();

const classify = (body: unknown): Promise<Answer> =>
  send(toolgate.url, 'POST', '/v1/catalog/classify', {
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

test('Anyone can ask what tools can do, and gets a policy for each that can be saved', async () => {
  const tools = [
    { name: 'cancel_job', description: 'Cancels a running job', outputSchema: {} },
    { name: 'delete_group', annotations: { readOnlyHint: true } },
    { name: 'create_refund', inputSchema: { properties: { amount: { type: 'number' } } } },
  ];
  const { status, body } = await classify({ server: { name: 'gitlab' }, tools });
  expect(status).toBe(200);
  expect(body).toMatchObject({
    tools: [
      { name: 'cancel_job', category: 'Execute', risk: 'high' },
      { name: 'delete_group', category: 'Destructive', risk: 'critical' },
      {
        name: 'create_refund',
        category: 'Financial',
        risk: 'critical',
        signals: ['takes an amount', 'says nothing about itself'],
      },
    ],
  });
  const found = body['tools'] as readonly Json[];
  expect(body['tokens']).toBe(found.reduce((sum, { tokens }) => sum + (tokens as number), 0));
  for (const { recommendedPolicy } of found) {
    const checked = await send(toolgate.url, 'POST', '/v1/policies/validate', {
      token: tenant.token,
      body: JSON.stringify({ document: recommendedPolicy }),
    });
    expect(checked.body).toMatchObject({ valid: true, errors: [] });
  }
});

describe('A request to classify', () => {
  test('that can not be read names each place that is wrong', async () => {
    const tools = [{ name: 'a' }, { name: '' }, 'b', { name: 'c', description: 7 }];
    const { status, body } = await classify({ server: { name: {} }, tools });
    expect(status).toBe(400);
    const pointers = (body['errors'] as readonly { pointer: string }[]).map(({ pointer }) => pointer);
    expect(pointers).toEqual(['/server/name', '/tools/1/name', '/tools/2', '/tools/3/description']);
  });

  test('takes 2,000 tools of the largest size, and refuses one more', async () => {
    const tools = Array.from({ length: 2000 }, (_, index) => ({
      name: `delete_${index}`,
      description: 'permanently deletes it, and never gets anything. '.repeat(18),
    }));
    const { status, body } = await classify({ tools });
    expect([status, (body['tools'] as readonly Json[]).length]).toEqual([200, 2000]);
    expect((await classify({ tools: [...tools, { name: 'one_more' }] })).status).toBe(400);
  });

  test('is refused with the seconds to wait after 30 of one address in a minute', async () => {
    const statuses = new Set<number>();
    for (let count = 0; count < 31; count += 1) statuses.add((await classify({ tools: [] })).status);
    expect(statuses).toEqual(new Set([200, 429]));
    const refused = await classify({ tools: [] });
    expect(refused).toMatchObject({ status: 429, body: { code: 'too_many_requests' } });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  });
});
