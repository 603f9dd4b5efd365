import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer, request } from 'node:http';
import { expect } from 'vitest';
import { startTestToolgate } from '../../support/toolgate.ts';
import { signUp } from '../../support/tenant.ts';
import { launchChromium } from './chromium.mjs';

export const DESKTOP = { width: 1280, height: 900 };
export const PHONE = { width: 360, height: 740 };
const PASSWORD = 'correct horse battery';

const devFront = async () => {
  let target;
  const server = createServer(async (incoming, outgoing) => {
    const path = incoming.url.split('?')[0];
    if (path.startsWith('/app')) {
      const file = path.includes('/assets/') ? path.slice('/app'.length) : '/dev.html';
      const body = await readFile(`/tmp/bld/out${file}`);
      outgoing.writeHead(200, { 'content-type': file.endsWith('.js') ? 'text/javascript' : file.endsWith('.css') ? 'text/css' : 'text/html' });
      return outgoing.end(body);
    }
    const forwarded = request(target + incoming.url, { method: incoming.method, headers: incoming.headers }, (answer) => {
      outgoing.writeHead(answer.statusCode, answer.headers);
      answer.pipe(outgoing);
    });
    forwarded.on('error', () => outgoing.destroy());
    outgoing.on('close', () => forwarded.destroy());
    incoming.pipe(forwarded);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${server.address().port}`, to: (url) => (target = url), close: () => server.closeAllConnections() || server.close() };
};

/** A product with its console, and a browser. */
export const startConsole = async (settings = {}) => {
  const front = process.env.BLD ? await devFront() : undefined;
  const [toolgate, browser, axe] = await Promise.all([
    startTestToolgate({ ...settings, ...(front && { PUBLIC_URL: front.url }) }),
    launchChromium(),
    readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'),
  ]);
  front?.to(toolgate.url);
  const url = front?.url ?? toolgate.url;
  const tenant = await signUp(toolgate.url);

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

  /** What axe finds in a page, in both themes. Its script is run from outside: the page's policy would not let it in. */
  const audit = async (page) => {
    const found = [];
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => globalThis.axe.run());
      for (const { id, nodes } of violations)
        found.push(`${colorScheme} ${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`);
    }
    await page.emulateMedia({ colorScheme: 'light' });
    return found;
  };

  const me = (await tenant.api('GET', '/v1/me')).body;
  return {
    toolgate,
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
      front?.close();
      await toolgate.close();
    },
  };
};
