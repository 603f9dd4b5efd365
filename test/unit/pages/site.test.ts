import { describe, expect, test } from 'vitest';
import type { CatalogReader } from '../../../src/control-plane/pages/catalog-reader.js';
import { PageCache } from '../../../src/control-plane/pages/page-cache.js';
import { etagOf, type Rendered } from '../../../src/control-plane/pages/rendered.js';
import { routesOf } from '../../../src/control-plane/pages/route.js';
import { sitemap, sitemapPart } from '../../../src/control-plane/pages/sitemap.js';
import { blocksHtml } from '../../../src/control-plane/pages/document/to-html.js';
import { landingView } from '../../../src/control-plane/pages/views/landing.view.js';

const NO_TOOLS = { Read: 0, Write: 0, Execute: 0, Destructive: 0, Financial: 0 };
const SERVERS = 42_500;
const TOOLS = 500_000;

/** A catalog of many addresses, in parts of one size. */
const large = {
  totals: async () => ({ version: '1', servers: SERVERS, tools: TOOLS, byCategory: NO_TOOLS }),
  addresses: async (part: number, size: number) =>
    Array.from({ length: Math.max(0, Math.min(size, SERVERS + TOOLS - part * size)) }, (_, at) => {
      const place = part * size + at;
      return { slug: `s${place}`, tool: place < SERVERS ? null : `t&${place}` };
    }),
} as unknown as CatalogReader;

const locations = (xml: string): readonly string[] =>
  [...xml.matchAll(/<loc>([^<]*)<\/loc>/g)].map(([, at]) => at ?? '');

test('The site map of a large catalog is a list of parts that hold every address once, below 50,000 each', async () => {
  const url = 'https://toolgate.example';
  const parts = locations(await sitemap(large, url));
  const seen = new Set<string>();
  for (const part of parts) {
    const number = Number(/\/sitemap-(\d+)\.xml$/.exec(part)?.[1]);
    const found = locations((await sitemapPart(large, url, number)) ?? '');
    expect(found.length).toBeGreaterThan(0);
    expect(found.length).toBeLessThan(50_000);
    for (const one of found) seen.add(one);
  }
  const ownPages = locations((await sitemapPart(large, url, 1)) ?? '').length;
  expect(seen.size).toBe(SERVERS + TOOLS + ownPages);
  expect(await sitemapPart(large, url, parts.length + 1)).toBeUndefined();
});

const pageOf = (size: number): Rendered => {
  const body = 'x'.repeat(size);
  return { status: 200, type: 'text/plain', body, etag: etagOf(body), cacheControl: '' };
};

describe('The memory of rendered pages', () => {
  test('renders a page once for an asker who wants it several times at once, and for nobody again', async () => {
    const cache = new PageCache();
    let count = 0;
    const render = async (): Promise<Rendered> => {
      count += 1;
      return pageOf(10);
    };
    await Promise.all(Array.from({ length: 20 }, () => cache.get('a', 'one', render)));
    await cache.get('a', 'another', render);
    expect(count).toBe(1);
  });

  test('lets nobody wait for what another asker has rendered', async () => {
    const cache = new PageCache();
    let count = 0;
    const never = new Promise<Rendered>(() => undefined);
    void cache.get('a', 'one', () => never);
    const made = await cache.get('a', 'another', async () => {
      count += 1;
      return pageOf(10);
    });
    expect([made, count]).toEqual([pageOf(10), 1]);
  });

  test('lets go of the page that nobody wanted for longest when it is full, and keeps no failure', async () => {
    const cache = new PageCache();
    const rendered: string[] = [];
    const get = (key: string) =>
      cache.get(key, 'one', async () => {
        rendered.push(key);
        return pageOf(3 * 2 ** 20);
      });
    for (const key of ['a', 'b', 'c', 'a', 'd', 'a', 'e', 'a', 'b']) await get(key);
    expect(rendered).toEqual(['a', 'b', 'c', 'd', 'e', 'b']);
    await expect(cache.get('z', 'one', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await cache.get('z', 'one', async () => undefined)).toBeUndefined();
    expect(await cache.get('z', 'one', async () => pageOf(1))).toEqual(pageOf(1));
  });
});

test('An address with .md may be a tool of that name, or the twin of a page', () => {
  const none = new URLSearchParams();
  expect(routesOf('/catalog/s/x.md', none)).toEqual([
    { route: { page: 'tool', slug: 's', tool: 'x.md' }, isMarkdown: false },
    { route: { page: 'tool', slug: 's', tool: 'x' }, isMarkdown: true },
  ]);
  expect(routesOf('/index.md', none)).toEqual([{ route: { page: 'landing' }, isMarkdown: true }]);
  for (const path of [
    '/.md',
    '/md',
    '/catalog/../x',
    '/catalog/S',
    `/catalog/s/${'x'.repeat(3000)}`,
    '/risks/constructor',
  ])
    expect(routesOf(path, none), path).toEqual([]);
});

test('Pages lead to the console where it is served', () => {
  const totals = { version: '1', servers: 0, tools: 0, byCategory: NO_TOOLS };
  const linksOf = (console: string | undefined): readonly string[] =>
    [
      ...blocksHtml(landingView(totals, { url: '', console }).blocks)
        .toString()
        .matchAll(/href="(\/app[^"]*)"/g),
    ].map(([, to]) => to ?? '');
  expect(linksOf(undefined)).toEqual([]);
  expect(linksOf('/app')).toEqual(['/app/signup', '/app']);
});
