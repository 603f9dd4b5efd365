import { CATEGORIES, RISK_NAMES, type Category, type Risk } from '../../policy-engine/classify/classify.js';
import { CATALOG_TRANSPORTS } from '../catalog/catalog-list.js';
import type { CatalogQuery } from './views/catalog.view.js';

/** Which page an address means. A page of the catalog may turn out not to be there. */
export type Route =
  | Readonly<{ page: 'landing' | 'attacks' | 'token-cost' | 'contact' | 'llms' | 'sitemap' | 'robots' }>
  | Readonly<{ page: 'catalog'; query: CatalogQuery }>
  | Readonly<{ page: 'server'; slug: string; at: number }>
  | Readonly<{ page: 'tool'; slug: string; tool: string }>
  | Readonly<{ page: 'risk'; category: Category }>
  | Readonly<{ page: 'attack'; slug: string }>
  | Readonly<{ page: 'sitemap-part'; part: number }>;

/** An address and the form in which it wants its page. */
export type Wanted = Readonly<{ route: Route; isMarkdown: boolean }>;

const MAX_PATH_LENGTH = 2048;
const MAX_QUERY_LENGTH = 200;
const MAX_AFTER_LENGTH = 400;
const SLUG = /^[a-z0-9][a-z0-9-]{0,199}$/;

const decoded = (segment: string): string | undefined => {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
};

const oneOf = <T extends string>(values: readonly T[], value: string | null): T | undefined =>
  values.find((one) => one === value);

/** The filters of a catalog's address; what it does not know is left out. */
const catalogQuery = (query: URLSearchParams): CatalogQuery => {
  const q = query
    .get('q')
    ?.replaceAll(/\p{Cc}/gu, ' ')
    .trim()
    .slice(0, MAX_QUERY_LENGTH);
  const category: Category | undefined = oneOf(CATEGORIES, query.get('category'));
  const risk: Risk | undefined = oneOf(RISK_NAMES, query.get('risk'));
  const transport = oneOf(CATALOG_TRANSPORTS, query.get('transport'));
  const after = query.get('after')?.slice(0, MAX_AFTER_LENGTH);
  return {
    ...(q ? { q } : {}),
    ...(category ? { category } : {}),
    ...(risk ? { risk } : {}),
    ...(transport ? { transport } : {}),
    ...(after ? { after } : {}),
  };
};

const pageNumber = (query: URLSearchParams): number => {
  const text = query.get('page') ?? '1';
  return /^[1-9]\d{0,3}$/.test(text) ? Number(text) : 1;
};

const PLAIN = { '/': 'landing', '/attacks': 'attacks', '/token-cost': 'token-cost', '/contact': 'contact' } as const;

const FILES = { '/llms.txt': 'llms', '/sitemap.xml': 'sitemap', '/robots.txt': 'robots' } as const;

const belowCatalog = (slug: string, tool: string | undefined, query: URLSearchParams): Route | undefined => {
  if (!SLUG.test(slug)) return undefined;
  if (tool === undefined) return { page: 'server', slug, at: pageNumber(query) };
  const name = decoded(tool);
  return name === undefined || name === '' ? undefined : { page: 'tool', slug, tool: name };
};

const routeAt = (path: string, query: URLSearchParams): Route | undefined => {
  const plain = (PLAIN as Readonly<Record<string, (typeof PLAIN)[keyof typeof PLAIN] | undefined>>)[path];
  if (plain) return { page: plain };
  if (path === '/catalog') return { page: 'catalog', query: catalogQuery(query) };
  const [, area, name = '', more, ...rest] = path.split('/');
  if (rest.length > 0 || name === '') return undefined;
  if (area === 'catalog') return belowCatalog(name, more, query);
  if (more !== undefined) return undefined;
  if (area === 'attacks' && SLUG.test(name)) return { page: 'attack', slug: name };
  const category = area === 'risks' ? CATEGORIES.find((one) => one.toLowerCase() === name) : undefined;
  return category && { page: 'risk', category };
};

/**
 * What an address may mean, the likeliest first: a tool may be called `x.md`, which is also the Markdown of `x`. Empty
 * for an address that is none of ours.
 */
export const routesOf = (path: string, query: URLSearchParams): readonly Wanted[] => {
  if (path.length > MAX_PATH_LENGTH) return [];
  const file = (FILES as Readonly<Record<string, (typeof FILES)[keyof typeof FILES] | undefined>>)[path];
  if (file) return [{ route: { page: file }, isMarkdown: false }];
  const part = /^\/sitemap-([1-9]\d{0,4})\.xml$/.exec(path)?.[1];
  if (part !== undefined) return [{ route: { page: 'sitemap-part', part: Number(part) }, isMarkdown: false }];
  const twin = path.endsWith('.md') ? path.slice(0, -'.md'.length) : undefined;
  const [page, markdown] = [
    routeAt(path, query),
    twin === undefined ? undefined : routeAt(twin === '/index' ? '/' : twin, query),
  ];
  return [
    ...(page ? [{ route: page, isMarkdown: false }] : []),
    ...(markdown && twin !== '/' ? [{ route: markdown, isMarkdown: true }] : []),
  ];
};
