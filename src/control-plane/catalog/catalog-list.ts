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

/** The columns that `sort` names; servers of the same number, and those by name, are in the order of their slugs. */
const SORTS: Readonly<Record<string, string | undefined>> = {
  name: undefined,
  toolCount: 'tool_count',
  tokens: 'tokens',
};

/** The ways in which servers are reached, as `transport` takes them. */
export const CATALOG_TRANSPORTS = ['stdio', 'streamable-http', 'sse'] as const;

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

/** The values of a statement under way. */
class Values {
  readonly all: unknown[] = [];

  bind(value: unknown): string {
    return `$${this.all.push(value)}`;
  }
}

type Conditions = readonly string[];

const filtersOf = (values: Values, { category, risk, transport }: CatalogQuery): Conditions => [
  ...(category === undefined ? [] : [`${COUNTS[category]} > 0`]),
  ...(risk === undefined
    ? []
    : [
        `(${categoriesOf(risk)
          .map((one) => `${COUNTS[one]} > 0`)
          .join(' or ')})`,
      ]),
  ...(transport === undefined ? [] : [`transports @> array[${values.bind(transport)}::text]`]),
];

/** Servers with known tools come before the others. */
const KNOWN_FIRST: readonly Conditions[] = [['tool_count > 0'], ['tool_count = 0']];

/** A statement binds only values that stand in it: PostgreSQL can't tell the type of another. */
const once = (make: () => string): (() => string) => {
  let made: string | undefined;
  return () => (made ??= make());
};

type Level = () => Conditions;

/**
 * How well servers fit a search, from best to least, each level without those before it: the one of this very name;
 * every word in the name; in other forms; some of them there; all of them among name, summary and tools. A level is
 * read only when those before it do not fill the page.
 */
const levelsOf = (values: Values, q: string, words: readonly SearchedWord[]): readonly Level[] => {
  const list = (texts: readonly string[]): (() => string) => once(() => `${values.bind(texts)}::text[]`);
  const forms = words.map(({ alternatives }) => list(alternatives));
  const all = list(words.flatMap(({ alternatives }) => alternatives));
  const exact = list(words.map(({ word }) => word));
  const slug = once(() => values.bind(slugOf(q)));
  const anywhere = (): Conditions => forms.map((any) => `words && ${any()}`);
  const inName = (): string => forms.map((any) => `name_words && ${any()}`).join(' and ');
  const exactlyInName = (): string => `name_words @> ${exact()}`;
  const partlyInName = (): string => `name_words && ${all()}`;
  const other = (): string => `slug <> ${slug()}`;
  return [
    () => [`slug = ${slug()}`, ...anywhere()],
    () => [exactlyInName(), other()],
    () => [inName(), `not ${exactlyInName()}`, other()],
    ...(words.length > 1 ? [() => [...anywhere(), partlyInName(), `not (${inName()})`, other()]] : []),
    () => [...anywhere(), `not ${partlyInName()}`, other()],
  ];
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

type Searched = Readonly<{ words: readonly SearchedWord[]; isHopeless: boolean }>;

/** A search for a word that no server has finds nothing. */
const searchedIn = async (tx: Tx, { q }: CatalogQuery): Promise<Searched> => {
  if (q === undefined) return { words: [], isHopeless: false };
  const words = await readSearch(tx, q);
  return { words, isHopeless: words.length === 0 || words.some(({ alternatives }) => alternatives.length === 0) };
};

type Listed = ServerRow & { sort_key: number };

/** Reads level by level: PostgreSQL begins one only when the levels before it do not fill the page. */
const readLevels = (
  levels: readonly Level[],
  { values, place, count }: Readonly<{ values: Values; place: Place | undefined; count: number }>,
): string => {
  const from = place?.key ?? 0;
  if (from >= levels.length) throw wrongCursor();
  const parts = levels.slice(from).map((conditions, at) => {
    const after = at === 0 && place ? [`slug > ${values.bind(place.slug)}`] : [];
    return `(select ${SERVER_COLUMNS}, ${from + at} as sort_key from catalog_servers
      where ${[...conditions(), ...after].join(' and ')} order by slug limit ${count})`;
  });
  // The last level stands alone: to PostgreSQL a second limit around it is a syntax error.
  return parts.length === 1 ? parts.join('') : `${parts.join('\nunion all\n')}\nlimit ${count}`;
};

/** Reads in the order of a column, or of the slugs. */
const readSorted = (
  sort: string,
  conditions: Conditions,
  { values, place, count }: Readonly<{ values: Values; place: Place | undefined; count: number }>,
): string => {
  const isDescending = sort.startsWith('-');
  const column = SORTS[sort.replace(/^-/, '')];
  const [order, beyond] = isDescending ? ['desc', '<'] : ['asc', '>'];
  const slug = place && values.bind(place.slug);
  const after =
    place === undefined
      ? []
      : [
          column === undefined
            ? `slug ${beyond} ${slug}`
            : `(${column}, slug) ${beyond} (${values.bind(place.key)}, ${slug})`,
        ];
  const wanted = [...conditions, ...after];
  return `select ${SERVER_COLUMNS}, ${column ?? '0'} as sort_key from catalog_servers
    ${wanted.length === 0 ? '' : `where ${wanted.join(' and ')}`}
    order by ${column === undefined ? '' : `${column} ${order}, `}slug ${order} limit ${count}`;
};

const statementOf = (
  query: CatalogQuery,
  words: readonly SearchedWord[],
  read: Readonly<{ values: Values; place: Place | undefined; count: number }>,
): string => {
  const { q, sort } = query;
  const filters = filtersOf(read.values, query);
  if (sort !== undefined) {
    const found = words.map(({ alternatives }) => `words && ${read.values.bind(alternatives)}::text[]`);
    return readSorted(sort, [...filters, ...found], read);
  }
  const levels = q === undefined ? [(): Conditions => []] : levelsOf(read.values, q, words);
  const all = levels.flatMap((level) => KNOWN_FIRST.map((known) => () => [...filters, ...known, ...level()]));
  return readLevels(all, read);
};

/** A page of the servers that a query wants. @throws Problem invalid_body for a cursor of another list */
export const listCatalogServers = async (tx: Tx, query: CatalogQuery): Promise<Page<CatalogServer>> => {
  const place = placeIn(query);
  const { words, isHopeless } = await searchedIn(tx, query);
  if (isHopeless) return { items: [], nextCursor: null, hasMore: false };
  const limit = query.limit ?? DEFAULT_LIMIT;
  const values = new Values();
  const { rows } = await tx.query<Listed>(statementOf(query, words, { values, place, count: limit + 1 }), values.all);
  const last = rows[limit - 1];
  const hasMore = rows.length > limit;
  return {
    items: rows.slice(0, limit).map(serverOf),
    nextCursor: hasMore && last ? cursorAt(`${query.sort ?? ''}|${last.sort_key}|${last.slug}`) : null,
    hasMore,
  };
};
