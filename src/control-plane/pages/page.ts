import type { Block, Text } from './document/blocks.js';

type Crumb = Readonly<{ to: string; text: string }>;

/**
 * One page. `path` is its canonical address; `data` is what search engines read of it (JSON-LD), `kicker` the line
 * above its heading. A page with `isPrivate` stays out of search engines; so does one with
 * `isFault`, which has no address of its own.
 */
export type Page = Readonly<{
  path: string;
  title: string;
  description: string;
  heading: string;
  kicker?: Text;
  crumbs?: readonly Crumb[];
  blocks: readonly Block[];
  data?: readonly object[];
  isFault?: true;
  isPrivate?: true;
}>;

/** What a page may link to, as this installation serves it. `console` is the path of the console where it is served. */
export type Site = Readonly<{ url: string; console: string | undefined }>;

/** The address of a page's Markdown twin: `/index.md` for `/`. */
export const twinOf = (path: string): string => (path === '/' ? '/index.md' : `${path}.md`);

/** The crumbs of a page as search engines read them. */
export const crumbsData = (site: Site, crumbs: readonly Crumb[], last: string): object => ({
  '@context': 'https://schema.org',
  '@type': 'BreadcrumbList',
  itemListElement: [...crumbs.map(({ to, text }) => ({ item: `${site.url}${to}`, name: text })), { name: last }].map(
    (item, at) => ({ '@type': 'ListItem', position: at + 1, ...item }),
  ),
});
