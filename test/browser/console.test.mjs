import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGitLabApi } from '../../src/demo/gitlab-api.ts';
import { startGitLabServer } from '../../src/demo/gitlab-server.ts';
import { connect } from '../support/tenant.ts';
import { chromiumPath } from './support/chromium.mjs';
import { PHONE, startConsole } from './support/console.mjs';

const CREDENTIAL = 'glpat-console-credential';
const MAX_TABS = 60;

/** Screens that need nothing but a sign-in, and two before it. */
const SCREENS = ['/start', '/servers', '/servers/new', '/grants', '/grants/new', '/log-streams', '/log-streams/new'];
const SETTINGS = ['Organization', 'Members', 'API keys', 'Notifications', 'Your account', 'Proof'];

describe.skipIf(chromiumPath() === undefined)('The console in a browser', () => {
  let product;
  let gitlabApi;
  let gitlab;
  beforeAll(async () => {
    [product, gitlabApi] = await Promise.all([startConsole(), startGitLabApi(CREDENTIAL)]);
    gitlab = await startGitLabServer(gitlabApi.url);
  });
  afterAll(async () => {
    await gitlab?.close();
    await gitlabApi?.close();
    await product?.close();
  });

  /** Moves the focus to an element by Tab alone. */
  const tabTo = async (page, locator) => {
    await locator.waitFor();
    for (let presses = 0; presses < MAX_TABS; presses++) {
      if (await locator.evaluate((element) => element === document.activeElement)) return;
      await page.keyboard.press('Tab');
    }
    throw new Error(`no way by Tab to ${locator}`);
  };
  const type = async (page, label, text) => {
    await tabTo(page, page.getByLabel(label, { exact: true }));
    await page.keyboard.type(text);
  };
  const press = async (page, locator) => {
    await tabTo(page, locator);
    await page.keyboard.press('Enter');
  };
  const button = (page, name) => page.getByRole('button', { name, exact: true });

  test('by keyboard alone, a stranger signs up, adds the GitLab server, and sees the first call', async () => {
    const { page, faults, open, context } = await product.signIn(product.admin);
    await context.clearCookies();
    const hosts = new Set();
    page.on('request', (request) => hosts.add(new URL(request.url()).host));
    await open('/signup');
    await type(page, 'Email', 'stranger@example.com');
    await type(page, 'Password', 'a long enough password');
    await type(page, 'Organization name', 'Strangers');
    await press(page, button(page, 'Create organization'));
    await type(page, 'Name', 'GitLab');
    await type(page, 'URL', gitlab.url);
    await press(page, page.getByText('How it is reached'));
    await type(page, 'Authorization header', `Bearer ${CREDENTIAL}`);
    await press(page, button(page, 'Add server'));
    await page.getByRole('rowheader', { name: 'cancel_pipeline_job' }).waitFor();
    await press(page, button(page, 'Use this policy'));
    await type(page, 'Name', 'Claude');
    await press(page, button(page, 'Issue grant'));
    const token = await page.getByLabel('Grant token').textContent();
    await page.getByText('Waiting for the first call').waitFor();
    const command = await page.getByLabel('Terminal').textContent();
    expect(command).toContain(token);
    const client = await connect({ mcpUrl: /http:\S+/.exec(command)[0], token });
    try {
      const { tools } = await client.listTools();
      const { name } = tools.find((tool) => tool.name.startsWith('list_'));
      await client.callTool({ name, arguments: {} }).catch(() => undefined);
      await page.getByText(new RegExp(`^${name} was (allowed|refused)\\.$`)).waitFor();
    } finally {
      await client.close();
    }
    expect(await page.evaluate(() => globalThis.violations)).toEqual([]);
    expect([...hosts]).toEqual([new URL(product.url).host]);
    expect(faults.filter((fault) => !fault.includes('401'))).toEqual([]);
    await context.close();
  });

  test('a grant that one member revokes shows as revoked in the browser of another, without a reload', async () => {
    const { tenant } = product;
    const serverId = await tenant.server(gitlab.url, { name: 'Revoked' });
    const identity = (await tenant.api('POST', '/v1/identities', { name: 'Revoked agent', kind: 'agent' })).body;
    const { body } = await tenant.api('POST', '/v1/grants', { identityId: identity.id, serverId });
    const [first, second] = await Promise.all([product.signIn(product.admin), product.signIn(product.admin)]);
    await Promise.all([first.open(`/grants/${body.id}`), second.open('/grants')]);
    const row = second.page.getByRole('row').filter({ hasText: 'Revoked agent' }).first();
    await row.getByText('Active').waitFor();
    await button(first.page, 'Revoke').click();
    await first.page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
    await expect.poll(() => row.getByText('Revoked', { exact: true }).count()).toBeGreaterThan(0);
    await Promise.all([first.context.close(), second.context.close()]);
  });

  /** What is wrong with a screen as it is: in both themes, and where a phone shows it. */
  const isFine = async ({ page, faults }) => {
    expect(await product.audit(page)).toEqual([]);
    await page.setViewportSize(PHONE);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(PHONE.width);
    expect(await page.evaluate(() => globalThis.violations)).toEqual([]);
    expect(faults).toEqual([]);
  };

  test.each(SCREENS)(
    'axe finds no violation on %s, in both themes, and nothing sticks out on a phone',
    async (path) => {
      const signed = await product.signIn(product.admin);
      await signed.open(path);
      await signed.page.getByRole('heading', { level: 1 }).waitFor();
      await expect.poll(() => signed.page.locator('[aria-busy=true]').count()).toBe(0);
      await isFine(signed);
      await signed.context.close();
    },
  );

  test.each(SETTINGS)('axe finds no violation in the settings, under %s', async (tab) => {
    const signed = await product.signIn(product.admin);
    await signed.open('/settings');
    await signed.page.getByRole('tab', { name: tab, exact: true }).click();
    await expect.poll(() => signed.page.locator('[aria-busy=true]').count()).toBe(0);
    await isFine(signed);
    await signed.context.close();
  });

  test.each(['/login', '/signup', '/password-reset', '/invitation'])('axe finds no violation on %s', async (path) => {
    const signed = await product.signIn(product.admin);
    await signed.context.clearCookies();
    await signed.open(path);
    await signed.page.getByRole('heading', { level: 1 }).waitFor();
    await isFine(signed);
    await signed.context.close();
  });

  test('who is not signed in is sent to the sign-in and comes back to where they were going', async () => {
    const { page, context, open } = await product.signIn(product.admin);
    await context.clearCookies();
    await open('/grants?identity=idn_x');
    await page.getByLabel('Email').fill(product.admin);
    await page.getByLabel('Password').fill('not the password at all');
    await button(page, 'Sign in').click();
    await page.getByRole('alert').waitFor();
    await page.getByLabel('Password').fill('correct horse battery');
    await button(page, 'Sign in').click();
    await page.waitForURL(/\/app\/grants\?identity=idn_x/);
    await context.close();
  });
});
