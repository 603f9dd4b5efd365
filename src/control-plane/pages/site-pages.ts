import { randomBytes } from 'node:crypto';
import { loadAssets, type Asset } from './assets.js';
import type { CatalogReader, ServerSearch } from './catalog-reader.js';
import { findAttack } from './content/attacks.js';
import { riskWordsOf } from './content/risks.js';
import { pageHtml, pageMarkdown } from './layout.js';
import { llmsText } from './llms.js';
import type { Page, Site } from './page.js';
import { etagOf, type Rendered } from './rendered.js';
import type { Route, Wanted } from './route.js';
import { robots, sitemap, sitemapPart } from './sitemap.js';
import { attacksView, attackView } from './views/attack.view.js';
import { catalogView } from './views/catalog.view.js';
import { contactView } from './views/contact.view.js';
import { landingView } from './views/landing.view.js';
import { riskView } from './views/risk.view.js';
import { serverView } from './views/server.view.js';
import { tokenCostView } from './views/token-cost.view.js';
import { toolView } from './views/tool.view.js';

const SERVERS_PER_PAGE = 30;
const SERVERS_OF_A_RISK = 6;
const LARGEST_SERVERS = 50;

const FRESH = 'public, max-age=60, stale-while-revalidate=600';

type Views = Readonly<{
  [Name in Route['page']]?: (route: Extract<Route, { page: Name }>) => Promise<Page | undefined>;
}>;
type Texts = Readonly<{
  [Name in Route['page']]?: (route: Extract<Route, { page: Name }>) => Promise<string | undefined>;
}>;

/** Servers with the most tools come first, unless somebody searches: then it is what fits best. */
const largestUnless = (q: string | undefined): Pick<ServerSearch, 'sort'> =>
  q === undefined ? { sort: 'toolCount' } : {};

const views = (catalog: CatalogReader, site: Site): Views => ({
  landing: async () => landingView(await catalog.totals(), site),
  attacks: async () => attacksView(site),
  attack: async ({ slug }) => {
    const attack = findAttack(slug);
    return attack && attackView(attack, site);
  },
  contact: async () => contactView(),
  'token-cost': async () =>
    tokenCostView((await catalog.search({ sort: 'tokens', limit: LARGEST_SERVERS })).items, await catalog.totals()),
  catalog: async ({ query }) =>
    catalogView(
      query,
      await catalog.search({ ...query, ...largestUnless(query.q), limit: SERVERS_PER_PAGE }),
      await catalog.totals(),
    ),
  server: async ({ slug, at }) => {
    const server = await catalog.server(slug);
    return server && serverView(server, at, site);
  },
  tool: async ({ slug, tool }) => {
    const found = await catalog.tool(slug, tool);
    return found && toolView(found, site);
  },
  risk: async ({ category }) =>
    riskView(
      riskWordsOf(category),
      (await catalog.search({ category, sort: 'toolCount', limit: SERVERS_OF_A_RISK })).items,
      site,
    ),
});

const texts = (catalog: CatalogReader, { url }: Site): Texts => ({
  llms: async () => llmsText(url),
  robots: async () => robots(url),
  sitemap: () => sitemap(catalog, url),
  'sitemap-part': ({ part }) => sitemapPart(catalog, url, part),
});

const fileOf = ({ type, bytes }: Asset): Rendered => ({
  status: 200,
  type,
  body: bytes,
  etag: etagOf(bytes),
  cacheControl: 'public, max-age=31536000, immutable',
});

/** The pages of the site, and the files that they load. */
export class SitePages {
  readonly #assets = loadAssets();
  readonly #files = new Map(Object.values(this.#assets).map((asset) => [asset.path, fileOf(asset)]));
  readonly #mark = randomBytes(16).toString('hex');

  /** A file that pages load, by its path. */
  file(path: string): Rendered | undefined {
    return this.#files.get(path);
  }

  /** What an address wants, rendered; undefined when there is no such page. */
  async render({ route, isMarkdown }: Wanted, catalog: CatalogReader, site: Site): Promise<Rendered | undefined> {
    const text = (texts(catalog, site)[route.page] as ((of: Route) => Promise<string | undefined>) | undefined)?.(
      route,
    );
    if (text) return this.#plain(await text, route.page.startsWith('sitemap') ? 'application/xml' : 'text/plain');
    const view = views(catalog, site)[route.page] as ((of: Route) => Promise<Page | undefined>) | undefined;
    const page = await view?.(route);
    if (!page) return undefined;
    return isMarkdown ? this.#plain(pageMarkdown(page, site), 'text/markdown') : this.page(page, site);
  }

  /** A page as an HTML document. */
  page(
    page: Page,
    site: Site,
    { status = 200, cacheControl = FRESH }: Partial<Pick<Rendered, 'status' | 'cacheControl'>> = {},
  ): Rendered {
    const body = pageHtml(page, site, { assets: this.#assets, nonce: this.#mark });
    return {
      status,
      type: 'text/html; charset=utf-8',
      body,
      etag: etagOf(body.replaceAll(this.#mark, '')),
      cacheControl,
      mark: this.#mark,
      mayFetch: page.path === '/token-cost',
    };
  }

  #plain(body: string | undefined, type: string): Rendered | undefined {
    if (body === undefined) return undefined;
    return { status: 200, type: `${type}; charset=utf-8`, body, etag: etagOf(body), cacheControl: FRESH };
  }
}
