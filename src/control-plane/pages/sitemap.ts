import { CATEGORIES } from '../../policy-engine/classify/classify.js';
import type { CatalogReader } from './catalog-reader.js';
import { ATTACKS } from './content/attacks.js';
import { html, type Html } from './document/html.js';
import { serverPath, toolPath } from './views/parts.js';

/** Site maps may hold 50,000 addresses each; a smaller part costs a request less. */
const PART_SIZE = 10_000;
const NAMESPACE = 'http://www.sitemaps.org/schemas/sitemap/0.9';

/** The pages that are always there. */
const ownPaths = (): readonly string[] => [
  '/',
  '/catalog',
  '/attacks',
  '/token-cost',
  '/contact',
  ...CATEGORIES.map((category) => `/risks/${category.toLowerCase()}`),
  ...ATTACKS.map(({ slug }) => `/attacks/${slug}`),
];

const xml = (content: Html): string => `<?xml version="1.0" encoding="UTF-8"?>\n${content.toString()}\n`;

const urlSet = (url: string, paths: readonly string[]): string =>
  xml(html`<urlset xmlns="${NAMESPACE}">${paths.map((path) => html`<url><loc>${url}${path}</loc></url> `)}</urlset>`);

/** The paths of a part of the catalog, from 1; undefined behind the last. */
const catalogPaths = async (catalog: CatalogReader, part: number): Promise<readonly string[] | undefined> => {
  const found = await catalog.addresses(part - 1, PART_SIZE);
  if (found.length === 0) return undefined;
  return found.flatMap(({ slug, tool }) => (tool === null ? serverPath(slug) : (toolPath(slug, tool) ?? [])));
};

/** How many parts the addresses of the catalog take. */
const partsOf = ({ servers, tools }: Readonly<{ servers: number; tools: number }>): number =>
  Math.ceil((servers + tools) / PART_SIZE);

/**
 * The site map: all addresses while they are few, else the list of its parts, of which the first holds the pages that
 * are always there.
 */
export const sitemap = async (catalog: CatalogReader, url: string): Promise<string> => {
  const totals = await catalog.totals();
  const parts = partsOf(totals);
  if (parts <= 2) {
    const found = [];
    for (let part = 1; part <= parts; part += 1) found.push(...((await catalogPaths(catalog, part)) ?? []));
    return urlSet(url, [...ownPaths(), ...found]);
  }
  return xml(
    html`<sitemapindex xmlns="${NAMESPACE}"
      >${Array.from(
        { length: parts + 1 },
        (_, at) => html`<sitemap><loc>${url}/sitemap-${at + 1}.xml</loc></sitemap> `,
      )}</sitemapindex
    >`,
  );
};

/** One part of the site map, from 1; undefined behind the last. */
export const sitemapPart = async (catalog: CatalogReader, url: string, part: number): Promise<string | undefined> => {
  if (part === 1) return urlSet(url, ownPaths());
  if (part - 1 > partsOf(await catalog.totals())) return undefined;
  const paths = await catalogPaths(catalog, part - 1);
  return paths && urlSet(url, paths);
};

/** What crawlers are told. */
export const robots = (url: string): string =>
  `User-agent: *\nDisallow: /v1/\nDisallow: /mcp/\nSitemap: ${url}/sitemap.xml\n`;
