import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startUpstream } from '../support/upstream.ts';
import { chromiumPath } from './support/chromium.mjs';
import { startConsole } from './support/console.mjs';

const TOOLS = ['cancel_job', 'list_issues', 'delete_group'].map((name) => ({
  name,
  description: `${name} of a project`,
  inputSchema: { type: 'object', properties: { id: { type: 'integer' }, amount: { type: 'number' } } },
}));

const PRODUCT_POLICY = {
  version: '1',
  default: 'deny',
  tools: { cancel_job: { limits: [{ counter: 'cancel_job_rate', window: 'minute', max: 10, scope: 'grant' }] } },
};

describe.skipIf(chromiumPath() === undefined)('The policy builder in a browser', () => {
  let product;
  let upstream;
  beforeAll(async () => {
    [product, upstream] = await Promise.all([startConsole(), startUpstream({ tools: TOOLS })]);
    await product.tenant.server(upstream.url, { name: 'GitLab' });
  });
  afterAll(async () => {
    await product?.close();
    await upstream?.close();
  });

  const rowOf = (page, name) =>
    page.getByRole('row').filter({ has: page.getByRole('rowheader', { name, exact: true }) });
  const policies = async () => (await product.tenant.api('GET', '/v1/policies?sort=-createdAt')).body.items;

  test('a policy that is built by clicks is the document of the introduction', async () => {
    const { page, open, context, faults } = await product.signIn(product.admin);
    await open('/policies');
    await page.getByRole('link', { name: 'New policy' }).click();
    const row = rowOf(page, 'cancel_job');
    await row.getByRole('radiogroup', { name: 'Effect' }).waitFor();
    await row.getByRole('radio', { name: 'Limit' }).check();
    await row.getByLabel('At most').fill('10');
    await row.getByLabel('per').selectOption('minute');
    await page.getByRole('button', { name: 'Save policy' }).click();
    await expect.poll(async () => (await policies())[0]?.document).toEqual(PRODUCT_POLICY);
    await expect.poll(() => new URL(page.url()).pathname).toBe(`/app/policies/${(await policies())[0].id}`);
    expect(faults).toEqual([]);
    expect(await product.audit(page)).toEqual([]);
    await context.close();
  });
});
