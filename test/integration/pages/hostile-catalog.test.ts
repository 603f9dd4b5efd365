import { expect } from 'vitest';
import { productTest } from '../../support/product-test.js';
import { get, linksIn, putServer, unescaped } from './page-support.js';

const { test, toolgate } = productTest();

const MARKUP = '</script><script>alert(1)</script><img src=x onerror=alert(1)>"\'`&';
const NAMES = [
  MARKUP,
  'a/b?c#d%20e',
  'list_things.md',
  '[link](javascript:alert(1))',
  'line\nbreak | cell',
  '\u202egpj.exe',
  '```\n# heading',
  '..',
  '${7*7}{{7*7}}',
  'x'.repeat(900),
];

test.beforeAll(async () => {
  await putServer(
    toolgate,
    { name: `evil ${MARKUP}`, summary: `A server ${MARKUP} [x](javascript:alert(1))` },
    NAMES.map((name) => ({ name, description: MARKUP, inputSchema: { properties: { [MARKUP]: {}, 'a`b|c': {} } } })),
  );
});

const found = async (): Promise<string> => {
  const { text } = await get(`${toolgate.url}/catalog?q=evil`);
  return linksIn(text).find((to) => to.startsWith('/catalog/evil')) ?? '';
};

/** The elements and attributes of a page that its templates do not make. */
const foreign = (html: string): readonly string[] =>
  (html.match(/<[a-z][^>]*>/gi) ?? [])
    .map((tag) => tag.replaceAll(/"[^"]*"/g, '""'))
    .filter((tag) => /^<(?:img|iframe|object|svg|style)\b|^<script(?! type="")|\s(?:on\w+|style)=/i.test(tag));

test('Names and texts of a hostile server are text on every page that shows them', async () => {
  const server = await found();
  const { text } = await get(toolgate.url + server);
  const tools = linksIn(text).filter((to) => to.startsWith(`${server}/`));
  expect(tools).toHaveLength(NAMES.length - 1);
  const pages = ['/', '/catalog?q=evil', '/token-cost', '/risks/write', server, ...tools];
  for (const path of pages) {
    const { status, text: html } = await get(toolgate.url + path);
    expect([path, status, foreign(html)]).toEqual([path, 200, []]);
    expect(linksIn(html).filter((to) => /^\s*(?:javascript|data):/i.test(to))).toEqual([]);
    for (const [, json] of html.matchAll(/<script type="application\/ld\+json"[^>]*>([^]*?)<\/script>/g))
      expect(() => JSON.parse(json ?? '') as unknown).not.toThrow();
  }
  const shown = unescaped((await get(toolgate.url + server)).text);
  for (const name of NAMES) expect(shown).toContain(name);
});

test('A tool has a page of its own whatever it is called', async () => {
  const server = await found();
  for (const name of NAMES.filter((one) => one !== '..')) {
    const { status, text } = await get(`${toolgate.url}${server}/${encodeURIComponent(name)}`);
    expect([name, status]).toEqual([name, 200]);
    expect(unescaped(/<h1>([^]*?)<\/h1>/.exec(text)?.[1] ?? '')).toBe(name);
    expect((await get(`${toolgate.url}${server}/${encodeURIComponent(name)}.md`)).status).toBe(200);
  }
});

test('Hostile texts stay text in Markdown, in the site map and in JSON', async () => {
  const server = await found();
  for (const path of [`${server}.md`, `${server}/${encodeURIComponent(MARKUP)}.md`, '/catalog.md?q=evil']) {
    const { text } = await get(toolgate.url + path);
    const outside = text.replaceAll(/(`{3,})[^]*?\n\1|(`+)[^\n]*?[^`]\2(?!`)/g, '');
    expect(outside, path).not.toMatch(/(?<!\\)<(?:script|img)|(?<!\\)\]\((?:javascript|data):|\n# heading/);
  }
  const map = (await get(`${toolgate.url}/sitemap.xml`)).text;
  expect(map).not.toMatch(/<(?!\/?(?:urlset|url|loc)\b|\?xml)/);
  expect(map).not.toContain('/..</loc>');
});
