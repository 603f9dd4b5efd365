import { describe, expect } from 'vitest';
import { ATTACKS } from '../../../src/control-plane/pages/content/attacks.js';
import { CatalogService } from '../../../src/control-plane/catalog/catalog.service.js';
import { productTest } from '../../support/product-test.js';
import { get, linksIn, putServer, unescaped } from './page-support.js';

const { test, toolgate } = productTest();

const TOOLS = ['/catalog/zereight-mcp-gitlab', '/catalog/zereight-mcp-gitlab/cancel_pipeline_job'];
const RISKS = ['read', 'write', 'execute', 'destructive', 'financial'].map((category) => `/risks/${category}`);
const PAGES = [
  '/',
  '/catalog',
  ...TOOLS,
  ...RISKS,
  '/attacks',
  ...ATTACKS.map(({ slug }) => `/attacks/${slug}`),
  '/token-cost',
  '/contact',
];

const page = (path: string, headers = {}) => get(toolgate.url + path, headers);
const twin = (path: string): string => (path === '/' ? '/index.md' : `${path}.md`);

describe('A public page', () => {
  test.each(PAGES)('%s has a title, a description, one heading and its canonical address', async (path) => {
    const { status, text, headers } = await page(path);
    expect([status, headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(text).toMatch(/<title>[^<]{10,110}<\/title>/);
    expect(text).toMatch(/<meta name="description" content="[^"]{30,300}"/);
    expect(text.match(/<h1>/g)).toHaveLength(1);
    expect(text).toContain(`<link rel="canonical" href="${toolgate.url}${path}"`);
    expect(text).toContain(`<link rel="alternate" type="text/markdown" href="${toolgate.url}${twin(path)}"`);
  });

  test.each(PAGES)('%s has a twin in Markdown with the same heading and no HTML', async (path) => {
    const heading = unescaped(/<h1>([^<]*)<\/h1>/.exec((await page(path)).text)?.[1] ?? '');
    const { status, text, headers } = await page(twin(path));
    expect([status, headers.get('content-type')]).toEqual([200, 'text/markdown; charset=utf-8']);
    expect(text.split('\n', 1)[0]?.replaceAll('\\', '')).toBe(`# ${heading}`);
    expect(text.replaceAll(/```[^]*?```|`[^`\n]*`/g, '')).not.toMatch(/<\/?[a-z]+[ >]/);
  });

  test('has data for search engines under the nonce of its response, which is another each time', async () => {
    const nonces = new Set<string>();
    for (let count = 0; count < 2; count += 1) {
      const { text, headers } = await page('/catalog/zereight-mcp-gitlab/cancel_pipeline_job');
      const scripts = [...text.matchAll(/<script type="application\/ld\+json" nonce="([^"]+)">([^]*?)<\/script>/g)];
      expect(scripts.map(([, , json]) => (JSON.parse(json ?? '') as { '@type': string })['@type'])).toEqual([
        'FAQPage',
        'BreadcrumbList',
      ]);
      for (const [, nonce] of scripts) {
        expect(headers.get('content-security-policy')).toContain(`'nonce-${nonce}'`);
        nonces.add(nonce ?? '');
      }
    }
    expect(nonces.size).toBe(2);
  });

  test('allows itself nothing but its own files, and no script or style in its text', async () => {
    for (const path of PAGES) {
      const { text, headers } = await page(path);
      const policy = headers.get('content-security-policy') ?? '';
      expect(policy).toMatch(
        /^default-src 'none'; script-src 'self' 'nonce-[^']+'; style-src 'self'; img-src 'self'; /,
      );
      expect(policy).not.toMatch(/unsafe|\*|https?:/);
      expect(text.replaceAll(/<script type="application\/ld\+json"[^]*?<\/script>/g, '')).not.toMatch(
        /<script(?![^>]* src="\/assets\/)|<style|\sstyle=|\son\w+=/,
      );
      expect([headers.get('x-content-type-options'), headers.get('set-cookie')]).toEqual(['nosniff', null]);
    }
  });

  test('is sent once to a client that keeps it, and again when it changed', async () => {
    const path = '/catalog/changing-server';
    await putServer(toolgate, { name: 'changing server' }, [{ name: 'list_things' }]);
    await expect.poll(async () => (await page(path)).status, { timeout: 20_000 }).toBe(200);
    const first = await page(path);
    const etag = first.headers.get('etag') ?? '';
    expect([etag, first.headers.get('cache-control')]).toEqual([
      expect.stringMatching(/^W\/".+"$/),
      expect.stringMatching(/^public, max-age=\d+/),
    ]);
    for (const known of [etag, etag.replace('W/', ''), `"other", ${etag}`, '*']) {
      const { status, text, headers } = await page(path, { 'if-none-match': known });
      expect([status, text, headers.get('etag'), headers.get('content-security-policy')]).toEqual([
        304,
        '',
        etag,
        null,
      ]);
    }
    await putServer(toolgate, { name: 'changing server' }, [{ name: 'list_things' }, { name: 'delete_things' }]);
    await expect.poll(async () => (await page(path, { 'if-none-match': etag })).status, { timeout: 20_000 }).toBe(200);
  });

  test('answers HEAD as GET, without the body', async () => {
    for (const path of ['/', '/catalog/zereight-mcp-gitlab', '/index.md', '/sitemap.xml']) {
      const got = await page(path);
      const head = await fetch(toolgate.url + path, { method: 'HEAD' });
      expect([head.status, await head.text(), head.headers.get('content-type'), head.headers.get('etag')]).toEqual([
        200,
        '',
        got.headers.get('content-type'),
        got.headers.get('etag'),
      ]);
      expect(head.headers.get('content-length')).toBe(String(Buffer.byteLength(got.text)));
    }
  });
});

test('Every link of every page leads somewhere, and so does every anchor', async () => {
  const status = new Map<string, number>();
  const wanted = [...PAGES, '/llms.txt'];
  for (const path of wanted) {
    const { text } = await page(path);
    const ids = new Set([...text.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id));
    for (const to of linksIn(text)) {
      if (to.startsWith('#')) expect(ids, `${path} ${to}`).toContain(to.slice(1));
      else if (to.startsWith(`${toolgate.url}/`) || to.startsWith('/')) {
        const target = to.replace(toolgate.url, '').replace(/#.*$/, '');
        if (!status.has(target)) status.set(target, (await page(target)).status);
        expect(status.get(target), `${path} ${to}`).toBe(200);
      } else expect.unreachable(`${path} links to ${to}`);
    }
  }
  expect(status.size).toBeGreaterThan(200);
});

test('A tool page with all that it loads weighs less than 60 KB', async () => {
  const { text } = await page('/catalog/zereight-mcp-gitlab/cancel_pipeline_job');
  let bytes = Buffer.byteLength(text);
  for (const file of linksIn(text).filter((to) => to.startsWith('/assets/'))) {
    const { text: content, headers } = await page(file);
    expect(headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    bytes += Buffer.byteLength(content);
  }
  expect(bytes).toBeLessThan(60_000);
});

describe('An address where nothing is', () => {
  test.each([
    '/nothing',
    '/catalog/no-such-server',
    '/catalog/zereight-mcp-gitlab/no_such_tool',
    '/attacks/none',
    '/risks/Read',
    '/risks/other',
    '/catalog/a/b/c',
  ])('%s is a page that says so with status 404', async (path) => {
    const { status, text, headers } = await page(path);
    expect([status, headers.get('content-type')]).toEqual([404, 'text/html; charset=utf-8']);
    expect(text).toContain('<h1>Nothing here</h1>');
    expect(text).toContain('<meta name="robots" content="noindex"');
  });

  test('is a problem for a program, and always below /v1', async () => {
    for (const [path, accept] of [
      ['/nothing', '*/*'],
      ['/v1/nothing', 'text/html'],
    ] as const) {
      const { status, headers } = await page(path, { accept });
      expect([status, headers.get('content-type')]).toEqual([404, 'application/problem+json']);
    }
  });

  test('whose escapes are no UTF-8 is refused as a page', async () => {
    for (const path of ['/catalog/%ff/x', '/catalog/zereight-mcp-gitlab/%ff', '/%']) {
      const { status, headers } = await page(path);
      expect([status, headers.get('content-type')]).toEqual([400, 'text/html; charset=utf-8']);
    }
  });

  test('with a slash behind the address of a page leads to the page', async () => {
    for (const path of ['/catalog/', '/attacks/rug-pull/', '/catalog/zereight-mcp-gitlab/']) {
      const { status, headers } = await page(path);
      expect([status, headers.get('location')]).toEqual([308, path.slice(0, -1)]);
    }
    for (const path of ['//example.com/', '//catalog/', '/\\example.com/'])
      expect((await page(path)).headers.get('location'), path).toBeNull();
  });
});

test('The paths of the API and of operations are as they were', async () => {
  expect((await page('/healthz')).headers.get('content-type')).toBe('application/json');
  expect((await page('/docs')).text).toContain('<h1>Toolgate API</h1>');
  expect((await page('/openapi.json')).headers.get('content-type')).toMatch(/^application\/json/);
});

test('Pages link to the console where it is served and nowhere else, and those links lead somewhere', async () => {
  const isServed = (await page('/app')).status === 200;
  const links = new Set<string>();
  for (const path of PAGES) for (const to of linksIn((await page(path)).text)) if (to.startsWith('/app')) links.add(to);
  expect(links.size > 0).toBe(isServed);
  for (const to of links) expect((await page(to)).status, to).toBe(200);
});

test('The catalog is searched by words, by category, by risk and by transport', async () => {
  const found = async (query: string): Promise<readonly string[]> =>
    linksIn((await page(`/catalog?${query}`)).text).filter((to) => /^\/catalog\/[^?]/.test(to));
  expect(await found('q=gitlba')).toContain('/catalog/zereight-mcp-gitlab');
  expect(await found('q=gitlab&category=Destructive&transport=stdio')).toContain('/catalog/zereight-mcp-gitlab');
  expect(await found('q=xyzzyplugh')).toEqual([]);
  expect((await page('/catalog?q=gitlab')).text).toContain('<meta name="robots" content="noindex"');
  expect((await page('/catalog?q=%3Cscript%3E%22&category=%22%3E')).text).toContain('value="&lt;script&gt;&quot;"');
});

test('llms.txt and the site map name every page, and robots.txt the site map', async () => {
  const map = (await page('/sitemap.xml')).text;
  for (const path of PAGES) expect(map).toContain(`<loc>${toolgate.url}${path}</loc>`);
  const llms = (await page('/llms.txt')).text;
  for (const path of [...RISKS, ...ATTACKS.map(({ slug }) => `/attacks/${slug}`)])
    expect(llms).toContain(`${toolgate.url}${path}.md`);
  expect((await page('/robots.txt')).text).toContain(`Sitemap: ${toolgate.url}/sitemap.xml`);
});

test('The parts of a catalog hold each of its addresses once, whole servers together, in order', async () => {
  const catalog = new CatalogService(toolgate.db);
  const all = await catalog.addresses(0, 1_000_000, 'test');
  const { servers, tools } = await catalog.totals('test');
  expect(all).toHaveLength(servers + tools);
  for (const size of [1000, 150]) {
    const parts = [];
    for (let part = 0; part < Math.ceil(all.length / size); part += 1)
      parts.push(await catalog.addresses(part, size, 'test'));
    expect(parts.flat()).toEqual(all);
    expect(parts.flatMap((part) => part.slice(0, 1)).filter(({ tool }) => tool !== null)).toEqual([]);
    expect(await catalog.addresses(parts.length, size, 'test')).toEqual([]);
  }
});
