import { CATEGORIES, RISK_NAMES } from '../../../policy-engine/classify/classify.js';
import { CATALOG_TRANSPORTS } from '../../catalog/catalog-list.js';
import type { CatalogTotals, ServerPage, ServerSearch } from '../catalog-reader.js';
import { heading, lead, link, paragraph, type Block } from '../document/blocks.js';
import { html, type Html } from '../document/html.js';
import type { Page } from '../page.js';
import { count, serverCards } from './parts.js';

/** What a visitor asks the catalog for; every member is one of a few words, but `q` and `after`. */
export type CatalogQuery = Omit<ServerSearch, 'limit' | 'sort'>;

const option = (value: string, chosen: string | undefined): Html =>
  value === chosen ? html`<option selected>${value}</option>` : html`<option>${value}</option>`;

const choice = (
  { name, label }: Readonly<{ name: string; label: string }>,
  values: readonly string[],
  chosen: string | undefined,
): Html =>
  html`<div class="field">
    <label for="${name}">${label}</label>
    <select id="${name}" name="${name}">
      <option value="">any</option>
      ${values.map((value) => option(value, chosen))}
    </select>
  </div>`;

/** The form that searches the catalog. */
export const searchForm = ({ q = '', category, risk, transport }: CatalogQuery): Block => ({
  as: 'html',
  markdown: '',
  html: html`<form class="search" action="/catalog" method="get" role="search">
    <div class="field">
      <label for="q">Search servers</label>
      <input id="q" name="q" type="search" value="${q}" maxlength="200" autocomplete="off" spellcheck="false" />
    </div>
    ${choice({ name: 'category', label: 'With tools of category' }, CATEGORIES, category)}
    ${choice({ name: 'risk', label: 'With tools of risk' }, RISK_NAMES, risk)}
    ${choice({ name: 'transport', label: 'Transport' }, CATALOG_TRANSPORTS, transport)}
    <button>Search</button>
  </form>`,
});

/** A query as the part of an address behind `/catalog`. */
export const queryText = (query: CatalogQuery): string => {
  const entries = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  return entries.length === 0 ? '' : `?${new URLSearchParams(entries as [string, string][]).toString()}`;
};

const isFiltered = (query: CatalogQuery): boolean => queryText(query) !== '';

const foundWords = (query: CatalogQuery, page: ServerPage): string => {
  if (page.items.length === 0) return 'No server matches. Try fewer words, or take a filter away.';
  const words = [query.q && `for ${query.q}`, query.category, query.risk && `${query.risk} risk`, query.transport];
  return `Servers ${words.filter((word) => word !== undefined && word !== '').join(', ')}`.trim();
};

const totalsBlock = ({ servers, tools, byCategory }: CatalogTotals): Block => ({
  as: 'figures',
  items: [
    { figure: count(servers), label: 'servers' },
    { figure: count(tools), label: 'tools' },
    ...CATEGORIES.map((category) => ({ figure: count(byCategory[category]), label: category })),
  ],
});

const HOW_TO_READ = paragraph(
  'A server that nobody could start without an account is listed by name, and its tools are unknown. A date says ' +
    'when the tools were listed last. ',
  link('/risks/destructive', 'What the categories mean'),
  '. Anyone can have definitions of their own classified, without an account: see ',
  link('/docs#classify', 'the API'),
  '.',
);

/** The catalog: its search, and one page of servers. */
export const catalogView = (query: CatalogQuery, page: ServerPage, totals: CatalogTotals): Page => {
  const more = page.nextCursor === null ? undefined : queryText({ ...query, after: page.nextCursor });
  return {
    path: '/catalog',
    title: 'MCP servers and their tools: what each can do, and the policy for it',
    description:
      `${count(totals.servers)} MCP servers and ${count(totals.tools)} tools, each with its risk, the evidence for ` +
      'it, and a policy to copy.',
    heading: 'What the tools of MCP servers can do',
    ...(isFiltered(query) ? { isPrivate: true } : {}),
    blocks: [
      lead(
        'Each tool is read by rules that say what it can do, why, and which policy fits. The same definition always ' +
          'gets the same answer.',
      ),
      searchForm(query),
      isFiltered(query) ? paragraph(foundWords(query, page)) : totalsBlock(totals),
      serverCards(page.items),
      ...(more === undefined ? [] : [paragraph(link(`/catalog${more}`, 'More servers'))]),
      heading('How to read it', 'read'),
      HOW_TO_READ,
    ],
  };
};
