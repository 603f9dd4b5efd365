import { createRequire } from 'node:module';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestToolgate } from '../support/toolgate.ts';
import { chromiumPath, launchChromium } from './support/chromium.mjs';
import { PAGES } from './support/pages.mjs';

const DESKTOP = { width: 1280, height: 900 };
const PHONE = { width: 360, height: 740 };
const TOOL = '/catalog/zereight-mcp-gitlab/cancel_pipeline_job';

const isMissing = chromiumPath() === undefined;
if (isMissing)
  process.stderr.write(
    '\n*** NO CHROMIUM: the tests in a browser are SKIPPED; install it, or name it in CHROMIUM ***\n\n',
  );

describe.skipIf(isMissing)('The public pages in a browser', () => {
  let toolgate;
  let browser;
  let axe;
  beforeAll(async () => {
    [toolgate, browser, axe] = await Promise.all([
      startTestToolgate(),
      launchChromium(),
      readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'),
    ]);
  });
  afterAll(async () => {
    await browser?.close();
    await toolgate?.close();
  });

  /** A page that notes what goes wrong in it, and asks nothing of anybody but Toolgate. */
  const open = async (path, options = {}) => {
    const context = await browser.newContext({ viewport: DESKTOP, ...options });
    const page = await context.newPage();
    const faults = [];
    const requests = [];
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
    page.on('request', (request) => requests.push({ url: request.url(), body: request.postData() ?? '' }));
    await page.addInitScript(() => {
      globalThis.violations = [];
      document.addEventListener('securitypolicyviolation', (event) =>
        globalThis.violations.push(`${event.violatedDirective} ${event.blockedURI}`),
      );
    });
    await page.goto(toolgate.url + path);
    return { page, faults, requests, close: () => context.close() };
  };

  /** What axe finds in a page. Its script is run from outside: the page's policy would not let it in. */
  const audit = async (page) => {
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => globalThis.axe.run());
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 100)).join(' | ')}`);
  };

  const LOOKS = ['light', 'dark'].flatMap((colorScheme) =>
    [DESKTOP, PHONE].map((viewport) => ({ colorScheme, viewport })),
  );

  test.each(PAGES)(
    'axe finds no violation on %s, light and dark, on a desktop and on a phone, and nothing sticks out',
    async (path) => {
      const { page, faults, close } = await open(path);
      for (const { colorScheme, viewport } of LOOKS) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize(viewport);
        expect([colorScheme, viewport.width, await audit(page)]).toEqual([colorScheme, viewport.width, []]);
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(viewport.width);
      }
      expect(await page.evaluate(() => globalThis.violations)).toEqual([]);
      expect(faults.filter((fault) => !(path === '/catalog/nothing-here' && fault.includes('404')))).toEqual([]);
      await close();
    },
  );

  test('every link of every page leads to a page of status 200', async () => {
    const { page, close } = await open('/');
    const seen = new Map();
    for (const path of PAGES.filter((one) => !one.endsWith('nothing-here'))) {
      await page.goto(toolgate.url + path);
      const links = await page.$$eval('a[href]', (all) => all.map((one) => one.href));
      for (const link of links) {
        const target = link.replace(/#.*$/, '');
        expect(target.startsWith(toolgate.url), link).toBe(true);
        if (!seen.has(target)) seen.set(target, (await fetch(target, { headers: { accept: 'text/html' } })).status);
        expect([link, seen.get(target)]).toEqual([link, 200]);
      }
    }
    expect(seen.size).toBeGreaterThan(200);
    await close();
  });

  test('a tool page loads less than 60 KB, and nothing from elsewhere', async () => {
    const { page, requests, close } = await open(TOOL);
    await page.waitForLoadState('networkidle');
    expect(requests.filter(({ url }) => !url.startsWith(toolgate.url))).toEqual([]);
    let bytes = 0;
    for (const { url } of requests)
      bytes += (await (await fetch(url, { headers: { accept: 'text/html' } })).arrayBuffer()).byteLength;
    expect(bytes).toBeLessThan(60_000);
    await close();
  });

  test('the button at a policy copies it, and says so', async () => {
    const { page, close } = await open(TOOL, { permissions: ['clipboard-read', 'clipboard-write'] });
    const shown = await page.locator('figure.code code').first().textContent();
    await page
      .getByRole('button', { name: /^Copy policy\.json/ })
      .first()
      .click();
    await expect.poll(() => page.getByRole('status').first().textContent()).toBe('Copied');
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(shown);
    expect(JSON.parse(shown ?? '').tools).toHaveProperty('cancel_pipeline_job');
    await close();
  });

  test('a keyboard alone reaches the content, the search and what it finds', async () => {
    const { page, close } = await open('/catalog');
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Skip to the content');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('q');
    await page.keyboard.type('gitlba');
    await page.keyboard.press('Enter');
    await page.waitForURL(/q=gitlba/);
    await page.getByRole('link', { name: '@zereight/mcp-gitlab' }).first().click();
    expect(new URL(page.url()).pathname).toBe('/catalog/zereight-mcp-gitlab');
    await close();
  });

  test('without JavaScript every page shows its content, and the contact form sends', async () => {
    const { page, close } = await open(TOOL, { javaScriptEnabled: false });
    expect(await page.locator('figure.code code').first().textContent()).toContain('cancel_pipeline_job');
    await page.goto(`${toolgate.url}/contact`);
    await page.getByLabel('Email').fill('ada@example.com');
    await page.getByLabel('Message').fill('A question.');
    await page.getByRole('button', { name: 'Send message' }).click();
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Message sent.');
    await page.goto(`${toolgate.url}/token-cost`);
    expect(await page.locator('#config').isVisible()).toBe(false);
    expect(await page.locator('#config').getAttribute('name')).toBeNull();
    await close();
  });

  test('the calculator counts the servers of a pasted configuration, and sends nothing of it but names', async () => {
    const { page, requests, close } = await open('/token-cost');
    const config = `{
      // a comment, as clients take it
      "mcpServers": {
        "zereight-gitlab": {
          "command": "npx-canary", "args": ["-y", "@zereight/mcp-gitlab", "--token=canary-argument"],
          "env": { "GITLAB_TOKEN": "canary-env" }
        },
        "internal": { "url": "https://canary-host.example/canary-path", "headers": { "Authorization": "canary-header" } },
      }
    }`;
    await page.getByLabel('Configuration of a client').fill(config);
    await page.getByRole('button', { name: 'Count tokens' }).click();
    await expect.poll(() => page.locator('#result').textContent()).toMatch(/About [\d,]+ tokens before the first call/);
    const result = await page.locator('#result').textContent();
    expect(result).toContain('1 of 2 servers are not known.');
    expect(await page.locator('#result a').getAttribute('href')).toBe('/catalog/zereight-mcp-gitlab');
    expect(requests.some(({ url }) => url.includes('/v1/catalog/servers?'))).toBe(true);
    expect(JSON.stringify(requests)).not.toContain('canary');
    expect(await audit(page)).toEqual([]);
    await page.getByLabel('Configuration of a client').fill('not JSON');
    await page.getByRole('button', { name: 'Count tokens' }).click();
    await expect.poll(() => page.locator('#result').textContent()).toContain('not the configuration of a client');
    await close();
  });
});
