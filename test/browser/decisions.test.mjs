import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, textOf } from '../support/tenant.ts';
import { startUpstream } from '../support/upstream.ts';
import { chromiumPath } from './support/chromium.mjs';
import { PHONE, startConsole } from './support/console.mjs';

/** Texts that would do something if anybody took them for more than text. */
const HOSTILE = [
  '<img src=x onerror=globalThis.hacked=1>',
  '"><script>globalThis.hacked=1</script>',
  "');globalThis.hacked=1;('",
  '{{constructor.constructor("globalThis.hacked=1")()}}',
  'javascript:globalThis.hacked=1',
  '</style><svg onload=globalThis.hacked=1>',
  '%3Cscript%3E',
  '&lt;b&gt;',
  '=HYPERLINK("http://127.0.0.1:9/")',
  '\u202Etxt.exe',
];
const hostile = Array.from({ length: 50 }, (_, at) => `${HOSTILE[at % HOSTILE.length]} ${at}`);

const TOOLS = [...['cancel_job', 'list_issues', 'merge', 'delete_group'], ...hostile].map((name) => ({
  name,
  description: `${name} of a project`,
  inputSchema: { type: 'object', properties: { id: { type: 'integer' }, amount: { type: 'number' } } },
}));

const PRODUCT_POLICY = {
  version: '1',
  default: 'deny',
  tools: { cancel_job: { limits: [{ counter: 'cancel_job_rate', window: 'minute', max: 10, scope: 'grant' }] } },
};

describe.skipIf(chromiumPath() === undefined)('Policies, the log and approvals in a browser', () => {
  let product;
  let upstream;
  let serverId;
  beforeAll(async () => {
    [product, upstream] = await Promise.all([startConsole(), startUpstream({ tools: TOOLS })]);
    serverId = await product.tenant.server(upstream.url, { name: 'GitLab' });
  });
  afterAll(async () => {
    await product?.close();
    await upstream?.close();
  });

  const rowOf = (page, name) =>
    page.getByRole('row').filter({ has: page.getByRole('rowheader', { name, exact: true }) });
  const read = async (path) => (await product.tenant.api('GET', path)).body;
  const newest = async () => (await read('/v1/policies?sort=-createdAt')).items[0];
  const isFine = async ({ page, faults }) => {
    expect(await product.audit(page)).toEqual([]);
    expect(await page.evaluate(() => [globalThis.violations, globalThis.hacked ?? 0])).toEqual([[], 0]);
    expect(faults).toEqual([]);
  };

  test('a policy that is built by clicks is the document of the introduction', async () => {
    const signed = await product.signIn(product.admin);
    const { page, open, context } = signed;
    await open('/policies');
    await page.getByRole('link', { name: 'New policy' }).click();
    const row = rowOf(page, 'cancel_job');
    await row.getByRole('radiogroup', { name: 'Effect' }).waitFor();
    await row.getByRole('radio', { name: 'Limit' }).check();
    await row.getByLabel('At most').fill('10');
    await row.getByLabel('per').selectOption('minute');
    await page.getByRole('button', { name: 'Save policy' }).click();
    await page.waitForURL(/\/app\/policies\/pol_/);
    expect((await newest()).document).toEqual(PRODUCT_POLICY);
    await isFine(signed);
    await page.setViewportSize(PHONE);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(PHONE.width);
    await context.close();
  });

  test('a keyboard alone limits a tool and saves the policy', async () => {
    const id = await product.tenant.policy(serverId, { version: '1', default: 'deny' });
    const { page, open, context } = await product.signIn(product.admin);
    await open(`/policies/${id}`);
    await rowOf(page, 'cancel_job').getByRole('radio', { name: 'Hide' }).focus();
    for (const key of ['ArrowLeft', 'ArrowLeft', 'ArrowLeft']) await page.keyboard.press(key);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Control+A');
    await page.keyboard.type('7');
    const save = page.getByRole('button', { name: 'Save policy' });
    await save.focus();
    await page.keyboard.press('Enter');
    await expect
      .poll(async () => (await read(`/v1/policies/${id}`)).document.tools?.cancel_job)
      .toMatchObject({
        limits: [{ max: 7, window: 'minute' }],
      });
    await context.close();
  });

  test('of two members who edit one policy the later one is told, and both changes can be kept', async () => {
    const id = await product.tenant.policy(serverId, { version: '1', default: 'deny', tools: { list_issues: {} } });
    const ben = await product.member('policy_manager');
    const [first, second] = [await product.signIn(product.admin), await product.signIn(ben.email)];
    for (const { open, page } of [first, second]) {
      await open(`/policies/${id}`);
      await rowOf(page, 'merge').waitFor();
    }
    await rowOf(first.page, 'cancel_job').getByRole('radio', { name: 'Limit' }).check();
    await rowOf(second.page, 'merge').getByRole('radio', { name: 'Approve' }).check();
    await first.page.getByRole('button', { name: 'Save policy' }).click();
    await first.page.getByText('Saved as version 2.').waitFor();
    await second.page.getByRole('button', { name: 'Save policy' }).click();
    await second.page.getByText(/saved version 2 while you edited version 1/).waitFor();
    await second.page.getByRole('button', { name: 'Put both together' }).click();
    await second.page.getByRole('button', { name: 'Save policy' }).click();
    await second.page.getByText('Saved as version 3.').waitFor();
    expect((await read(`/v1/policies/${id}`)).document.tools).toEqual({
      list_issues: {},
      cancel_job: { limits: [{ counter: 'cancel_job_rate', window: 'minute', max: 10, scope: 'grant' }] },
      merge: { action: 'require_approval' },
    });
    await first.context.close();
    await second.context.close();
  });

  test('an approval in a browser releases a call that a client waits for, and the log shows how it went', async () => {
    const merge = { action: 'require_approval', approval: { wait: 120 } };
    const document = { version: '1', default: 'deny', tools: { merge } };
    const policyId = await product.tenant.policy(serverId, document);
    const grant = await product.tenant.grant({ serverId, policyId });
    const client = await connect(grant);
    const call = client.callTool({ name: 'merge', arguments: { id: 7, amount: 1 } }, undefined, { timeout: 120_000 });
    const approver = await product.signIn((await product.member('approver')).email);
    await approver.open('/approvals');
    await approver.page.getByLabel('Exact arguments').waitFor();
    expect(await approver.page.getByLabel('Exact arguments').textContent()).toBe('{\n  "id": 7,\n  "amount": 1\n}');
    await isFine(approver);
    await approver.page.keyboard.press('a');
    await approver.page.getByText(/^Approved(\.|, and the call ran)/).waitFor();
    const result = await call;
    expect(result.isError ?? false).toBe(false);
    expect(textOf(result)).toContain('merge');
    const admin = await product.signIn(product.admin);
    await admin.open(`/log?grantId=${grant.id}`);
    await admin.page.getByRole('row').first().getByRole('link').first().click();
    await admin.page.getByLabel('The policy that decided').waitFor();
    expect(await admin.page.locator('mark').textContent()).toContain('require_approval');
    await isFine(admin);
    await client.close();
    await approver.context.close();
    await admin.context.close();
  });

  test('fifty hostile names of tools are shown as text in the builder and in the log', async () => {
    const policyId = await product.tenant.policy(serverId, { version: '1', default: 'deny' });
    const grant = await product.tenant.grant({
      serverId,
      policyId,
      identityId: await product.tenant.identity(HOSTILE[0]),
    });
    const client = await connect(grant);
    for (const name of hostile) await client.callTool({ name, arguments: { [name]: name } });
    const signed = await product.signIn(product.admin);
    await signed.open(`/policies/${policyId}`);
    await rowOf(signed.page, 'cancel_job').waitFor();
    const headers = await signed.page.getByRole('rowheader').allTextContents();
    expect(headers.filter((name) => hostile.includes(name)).length).toBeGreaterThanOrEqual(40);
    await isFine(signed);
    await signed.open(`/log?grantId=${grant.id}`);
    await signed.page.getByRole('row').nth(10).waitFor();
    expect(await signed.page.getByRole('row').first().textContent()).toContain(hostile.at(-1));
    expect(await signed.page.getByRole('row').first().textContent()).toContain(HOSTILE[0]);
    await isFine(signed);
    await client.close();
    await signed.context.close();
  });
});
