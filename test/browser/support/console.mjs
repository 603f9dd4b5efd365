import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { expect } from 'vitest';
import { startTestToolgate } from '../../support/toolgate.ts';
import { signUp } from '../../support/tenant.ts';
import { launchChromium } from './chromium.mjs';

export const DESKTOP = { width: 1280, height: 900 };
export const PHONE = { width: 360, height: 740 };
const PASSWORD = 'correct horse battery';

/** A product with its console, and a browser. */
export const startConsole = async (settings = {}) => {
  const [toolgate, browser, axe] = await Promise.all([
    startTestToolgate(settings),
    launchChromium(),
    readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'),
  ]);
  const { url } = toolgate;
  const tenant = await signUp(url);

  /** A browser's context in which a member is signed in, by the member's session. */
  const signIn = async (email, options = {}) => {
    const context = await browser.newContext({ viewport: DESKTOP, ...options });
    const answer = await context.request.post(`${url}/v1/login`, {
      data: { email, password: PASSWORD },
      headers: { origin: url },
    });
    expect(answer.status()).toBe(200);
    const page = await context.newPage();
    const faults = [];
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
    await page.addInitScript(() => {
      globalThis.violations = [];
      document.addEventListener('securitypolicyviolation', (event) =>
        globalThis.violations.push(`${event.violatedDirective} ${event.blockedURI}`),
      );
    });
    return { context, page, faults, open: (path) => page.goto(`${url}/app${path}`) };
  };

  /** What axe finds in a page, in both themes. It is run from outside: the page's policy would not let it in. */
  const audit = async (page) => {
    const found = [];
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => globalThis.axe.run('main'));
      for (const { id, nodes } of violations)
        found.push(`${colorScheme} ${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`);
    }
    await page.emulateMedia({ colorScheme: 'light' });
    return found;
  };

  const me = (await tenant.api('GET', '/v1/me')).body;
  return {
    toolgate,
    browser,
    url,
    tenant,
    admin: me.user.email,
    /** Another member; answers the address. */
    member: async (role) => {
      const person = await tenant.person(role);
      return { ...person, email: (await person.api('GET', '/v1/me')).body.user.email };
    },
    signIn,
    audit,
    close: async () => {
      await browser.close();
      await toolgate.close();
    },
  };
};
