import { Problem } from '../../platform/runtime/problems.js';
import type { Tx } from '../../platform/postgres/database.js';
import { cursorAt, type Page } from '../../platform/rest/page.js';
import { CATEGORIES, RISKS, type Category, type Risk } from '../../policy-engine/classify/classify.js';
import { readSearch, type SearchedWord } from './catalog-search.js';
import { slugOf } from './catalog-entry.js';
import { SERVER_COLUMNS, serverOf, type CatalogServer, type ServerRow } from './catalog-row.js';

/** What a list of servers is asked for. `category` and `risk` want a server with at least one such tool. */
export type CatalogQuery = Readonly<{
  q?: string;
  category?: Category;
  risk?: Risk;
  transport?: string;
  sort?: string;
  limit?: number;
  after?: string;
}>;

/** Of the columns that `sort` names. Without one, what fits a search best comes first. */
const SORTS: Readonly<Record<string, string>> = { name: '0', toolCount: 'tool_count', tokens: 'tokens' };

/** The names that `sort` takes; `-` before one is descending. */
export const CATALOG_SORTS: readonly string[] = Object.keys(SORTS);

const COUNTS: Readonly<Record<Category, string>> = {
  Read: 'read_count',
  Write: 'write_count',
  Execute: 'execute_count',
  Destructive: 'destructive_count',
  Financial: 'financial_count',
};

const categoriesOf = (risk: Risk): readonly Category[] => CATEGORIES.filter((category) => RISKS[category] === risk);

const DEFAULT_LIMIT = 100;

/** A statement under way: its text so far, and its values. */
class Statement {
  readonly values: unknown[] = [];
  readonly conditions: string[] = [];

  bind(value: unknown): string {
    return `$${this.values.push(value)}`;
  }

  want(condition: string): void {
    this.conditions.push(condition);
  }
}

const wantFilters = (statement: Statement, { category, risk, transport }: CatalogQuery): void => {
  if (category) statement.want(`${COUNTS[category]} > 0`);
  if (risk)
    statement.want(
      `(${categoriesOf(risk)
        .map((one) => `${COUNTS[one]} > 0`)
        .join(' or ')})`,
    );
  if (transport !== undefined) statement.want(`transports @> array[${statement.bind(transport)}::text]`);
};

/** Wants every searched word, and answers how well a row fits: names count for more than tools. */
const wantWords = (statement: Statement, q: string, words: readonly SearchedWord[]): string => {
  const fits = words.map(({ word, alternatives }) => {
    const any = `${statement.bind(alternatives)}::text[]`;
    statement.want(`words && ${any}`);
    return `(name_words @> array[${statement.bind(word)}::text])::int * 8 + (name_words && ${any})::int * 4`;
  });
  const whole = `(slug = ${statement.bind(slugOf(q))})::int * 64`;
  return [whole, ...fits, '(tool_count > 0)::int'].join(' + ');
};

type Place = Readonly<{ key: number; slug: string }>;

const wrongCursor = (): Problem =>
  new Problem('invalid_body', 'Send a nextCursor of this list, with the same q and sort.', {
    errors: [{ pointer: '/after', code: 'invalid', message: 'after must be a nextCursor of this list' }],
  });

const placeIn = ({ after = '', sort = '' }: CatalogQuery): Place | undefined => {
  if (after === '') return undefined;
  const [, sortedBy, key = '', slug = ''] =
    /^([\w-]*)\|(\d{1,9})\|([a-z0-9-]{1,200})$/.exec(Buffer.from(after, 'base64url').toString()) ?? [];
  if (sortedBy !== sort || slug === '') throw wrongCursor();
  return { key: Number(key), slug };
};

/** The order of a list: an expression of whole numbers, then the slug. */
const orderOf = (query: CatalogQuery, fit: string): Readonly<{ key: string; isDescending: boolean }> => {
  if (query.sort === undefined) return { key: fit, isDescending: true };
  return { key: SORTS[query.sort.replace(/^-/, '')] ?? '0', isDescending: query.sort.startsWith('-') };
};

const wantAfter = (
  statement: Statement,
  place: Place | undefined,
  { key, isDescending, byName }: Readonly<{ key: string; isDescending: boolean; byName: boolean }>,
): void => {
  if (!place) return;
  const [at, slug] = [`${statement.bind(place.key)}::int`, statement.bind(place.slug)];
  const beyond = isDescending && byName ? '<' : '>';
  statement.want(`(${key} ${isDescending ? '<' : '>'} ${at} or (${key} = ${at} and slug ${beyond} ${slug}))`);
};

type Searched = Readonly<{ words: readonly SearchedWord[]; isHopeless: boolean }>;

/** A search for a word that no server has finds nothing. */
const searchedIn = async (tx: Tx, { q }: CatalogQuery): Promise<Searched> => {
  if (q === undefined) return { words: [], isHopeless: false };
  const words = await readSearch(tx, q);
  return { words, isHopeless: words.length === 0 || words.some(({ alternatives }) => alternatives.length === 0) };
};

/** A page of the servers that a query wants. @throws Problem invalid_body for a cursor of another list */
export const listCatalogServers = async (tx: Tx, query: CatalogQuery): Promise<Page<CatalogServer>> => {
  const place = placeIn(query);
  const { words, isHopeless } = await searchedIn(tx, query);
  if (isHopeless) return { items: [], nextCursor: null, hasMore: false };
  const statement = new Statement();
  wantFilters(statement, query);
  const fit = query.q === undefined ? '(tool_count > 0)::int' : wantWords(statement, query.q, words);
  const order = { ...orderOf(query, fit), byName: query.sort === '-name' };
  wantAfter(statement, place, order);
  const limit = query.limit ?? DEFAULT_LIMIT;
  const { rows } = await tx.query<ServerRow & { sort_key: number }>(
    `select ${SERVER_COLUMNS}, (${order.key}) as sort_key from catalog_servers
      ${statement.conditions.length === 0 ? '' : `where ${statement.conditions.join(' and ')}`}
      order by sort_key ${order.isDescending ? 'desc' : 'asc'}, slug ${order.byName ? 'desc' : 'asc'}
      limit ${limit + 1}`,
    statement.values,
  );
  const last = rows[limit - 1];
  const hasMore = rows.length > limit;
  return {
    items: rows.slice(0, limit).map(serverOf),
    nextCursor: hasMore && last ? cursorAt(`${query.sort ?? ''}|${last.sort_key}|${last.slug}`) : null,
    hasMore,
  };
};
