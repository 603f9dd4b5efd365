import { describe, expect } from 'vitest';
import { tenantTest } from '../../support/product-test.js';
import { aTool, startUpstream, type Upstream } from '../../support/upstream.js';
import type { Json } from '../api/problem.js';

const { test, tenant } = tenantTest();
const TOOLS = ['list_jobs', 'create_issue', 'cancel_job', 'delete_project', 'create_refund'];
let upstream: Upstream;
let serverId: string;
test.beforeAll(async () => {
  upstream = await startUpstream({
    json: true,
    tools: TOOLS.map((name) => ({ ...aTool(name), description: name.replaceAll('_', ' ') })),
  });
  serverId = await tenant.server(upstream.url);
});
test.afterAll(() => upstream.close());

const tools = async (): Promise<Readonly<Record<string, Json>>> => {
  const { body } = await tenant.api('GET', `/v1/servers/${serverId}/tools`);
  return Object.fromEntries((body['items'] as readonly Json[]).map((tool) => [tool['name'], tool]));
};
const recommended = async (posture: string): Promise<Json> =>
  (await tenant.api('POST', `/v1/servers/${serverId}/policies/recommended`, { posture })).body;
const entriesOf = ({ document }: Json): Json => (document as { tools?: Json }).tools ?? {};

test('A registered server says of each tool what it can do, why, and which policy fits it', async () => {
  expect(await tools()).toMatchObject({
    list_jobs: { category: 'Read', risk: 'low', recommendedPolicy: { tools: { list_jobs: {} } }, overruled: null },
    create_issue: { category: 'Write', risk: 'medium' },
    cancel_job: {
      category: 'Execute',
      risk: 'high',
      evidence: expect.arrayContaining([expect.stringContaining('cancel')]) as unknown,
      recommendedPolicy: { tools: { cancel_job: { limits: [{ window: 'minute', max: 10 }] } } },
    },
    delete_project: { category: 'Destructive', risk: 'critical' },
    create_refund: { category: 'Financial', risk: 'critical' },
  });
});

describe('The recommended policy of a server', () => {
  test('allows by its posture what the categories say, and is valid', async () => {
    expect(Object.keys(entriesOf(await recommended('read-only')))).toEqual(['list_jobs']);
    expect(entriesOf(await recommended('balanced'))).toMatchObject({
      list_jobs: {},
      create_issue: { limits: [{ window: 'hour', max: 30 }] },
      cancel_job: { limits: [{ window: 'minute', max: 10 }] },
      delete_project: { action: 'deny' },
      create_refund: { action: 'require_approval' },
    });
    expect(entriesOf(await recommended('open'))).toMatchObject({
      cancel_job: { limits: [{}] },
      delete_project: { action: 'require_approval' },
      create_refund: { action: 'require_approval' },
    });
    for (const posture of ['read-only', 'balanced', 'open']) {
      const { document, explanation } = await recommended(posture);
      expect(explanation).toContain('Everything else is denied');
      expect((await tenant.api('POST', '/v1/policies/validate', { document })).body).toMatchObject({
        valid: true,
        errors: [],
      });
    }
  });

  test('is stored by nobody, wants a posture that exists, and a server of the organization', async () => {
    const stored = async (): Promise<unknown> => (await tenant.api('GET', `/v1/servers/${serverId}/policies`)).body;
    const before = await stored();
    await recommended('open');
    expect(await stored()).toEqual(before);
    expect((await tenant.api('POST', `/v1/servers/${serverId}/policies/recommended`, { posture: 'all' })).status).toBe(
      400,
    );
  });
});

test('A member overrules a category with a reason, as an event, and takes it back', async () => {
  const path = `/v1/servers/${serverId}/tools/list_jobs/category`;
  const { status, body } = await tenant.api('PUT', path, { category: 'Destructive', reason: 'It purges old jobs' });
  expect([status, body]).toMatchObject([
    200,
    {
      category: 'Destructive',
      risk: 'critical',
      overruled: { found: 'Read', reason: 'It purges old jobs' },
      recommendedPolicy: { tools: { list_jobs: { action: 'deny' } } },
    },
  ]);
  expect((await tools())['list_jobs']).toMatchObject({ category: 'Destructive' });
  expect(entriesOf(await recommended('balanced'))).toMatchObject({ list_jobs: { action: 'deny' } });
  expect((await tenant.api('PUT', path, { category: 'Destructive' })).status).toBe(400);
  expect((await tenant.api('PUT', path.replace('list_jobs', 'nobody'), { category: 'Read', reason: 'x' })).status).toBe(
    404,
  );
  expect((await tenant.api('DELETE', path)).status).toBe(204);
  expect((await tools())['list_jobs']).toMatchObject({ category: 'Read', overruled: null });
  await expect
    .poll(async () => (await tenant.events('&type=tool.categoryOverruled&type=tool.categoryRestored')).length)
    .toBe(2);
  expect((await tenant.events('&type=tool.categoryOverruled'))[0]).toMatchObject({
    serverId,
    tool: 'list_jobs',
    category: 'Destructive',
    reason: 'It purges old jobs',
    actor: { type: 'member' },
  });
});
