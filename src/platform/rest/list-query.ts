import type { Type } from '@nestjs/common';
import { ApiPropertyOptional } from '@nestjs/swagger';
import { ValidateBy, ValidateIf } from 'class-validator';
import { Problem } from '../runtime/problems.js';
import { OneOf, QueryWhole, Text } from './fields.js';
import { cursorAt, type Page } from './page.js';

/** The SQL of a column that a list is sorted by, as text or as a whole number; never null. */
export type SortColumn = Readonly<{ sql: string; type: 'text' | 'bigint' }>;

/** A column of text, without regard to the case of ASCII letters; the same order in every locale. */
export const textColumn = (column: string): SortColumn => ({
  sql: `lower((${column}) collate "C")`,
  type: 'text',
});

/** A column of whole numbers. */
export const numberColumn = (column: string): SortColumn => ({ sql: `(${column})::bigint`, type: 'bigint' });

/** A column of times, to the microsecond; `whenNull` says where rows without a time stand in ascending order. */
export const timeColumn = (column: string, whenNull: 'first' | 'last' = 'last'): SortColumn => ({
  sql: `coalesce((extract(epoch from ${column}) * 1000000)::bigint,
    ${whenNull === 'first' ? '-1' : '9000000000000000000'})`,
  type: 'bigint',
});

/** A list in SQL: the column of its ids, the columns that `q` searches, and the columns that `sort` names. */
export type ListSource = Readonly<{
  id: string;
  search: readonly string[];
  sort: Readonly<Record<string, SortColumn>>;
}>;

/** `?limit=&after=&q=&sort=`, as a DTO of `listQueryOf` has checked it. */
export type ListQuery = Readonly<{ limit?: number; after?: string; q?: string; sort?: string }>;

const DEFAULT_LIMIT = 100;
const MAX_CURSOR_LENGTH = 4000;
const MAX_SEARCH_LENGTH = 200;

/**
 * The DTO class of the query of a list that can be searched and sorted. `fields` are the names that `sort` takes; `-`
 * before one is descending.
 */
export const listQueryOf = (fields: readonly string[]): Type<ListQuery> => {
  class Query {
    @QueryWhole(1, 1000, { description: `How many items at most; ${DEFAULT_LIMIT} without it` })
    limit?: number;

    @ApiPropertyOptional({ type: String, description: 'The nextCursor of the page before, with the same sort and q' })
    @ValidateIf((_object, value) => value !== undefined)
    @ValidateBy({
      name: 'isCursor',
      validator: {
        validate: (value) =>
          typeof value === 'string' && value.length <= MAX_CURSOR_LENGTH && /^[A-Za-z0-9_-]*$/.test(value),
        defaultMessage: () => 'after must be a nextCursor of this list',
      },
    })
    after?: string;

    @Text(1, MAX_SEARCH_LENGTH, { optional: true, description: 'Only items in whose names this text occurs' })
    q?: string;

    @OneOf(fields.flatMap((field) => [field, `-${field}`]), {
      optional: true,
      description: 'The field to sort by, - before it for descending; without it, as created',
    })
    sort?: string;
  }
  return Query;
};

/** The end of a list's statement, its values, and the expression that each row is to give as `sort_key`. */
export type ListClauses = Readonly<{ sortKey: string; tail: string; values: unknown[] }>;

const wrongCursor = (): Problem =>
  new Problem('invalid_body', 'Send a nextCursor of this list, with the same sort.', {
    errors: [{ pointer: '/after', code: 'invalid', message: 'after must be a nextCursor of this list' }],
  });

type Place = Readonly<{ id: string; key: string }>;

/** Whether a text is a whole number that PostgreSQL's bigint holds. */
const isBigint = (text: string): boolean =>
  /^-?\d{1,19}$/.test(text) && BigInt.asIntN(64, BigInt(text)) === BigInt(text);

/** Where a page starts: the id and the sort key of the last item before it. */
const placeIn = ({ after, sort = '' }: ListQuery, type: SortColumn['type']): Place | undefined => {
  if (after === undefined || after === '') return undefined;
  const [sortedBy, id = '', ...rest] = Buffer.from(after, 'base64url').toString().split('|');
  const key = rest.join('|');
  if (sortedBy !== sort || !/^\w{1,100}$/.test(id) || /[\0]/.test(key)) throw wrongCursor();
  if (type === 'bigint' && !isBigint(key)) throw wrongCursor();
  return { id, key };
};

/** The column of a sort; rows without one stand in the order of their ids. */
const columnOf = ({ id, sort: columns }: ListSource, sort: string | undefined): SortColumn => {
  if (sort === undefined) return { sql: id, type: 'text' };
  const name = sort.replace(/^-/, '');
  const column = Object.hasOwn(columns, name) ? columns[name] : undefined;
  if (!column) throw new Error(`a list without a column for sort=${name}`);
  return column;
};

/**
 * A text without regard to case: that of ASCII letters in every locale (Turkish would make another letter of I), that
 * of other letters as the database's locale has it.
 */
const withoutCase = (sql: string): string => `lower(lower((${sql})::text collate "C") collate "default")`;

/**
 * The clauses of a list for a query: search, place, order and limit. They continue a `where` whose own values are
 * `values`. `select ${id}, ${sortKey} as sort_key … where organization_id = $1 ${tail}`
 * @throws Problem invalid_body for a cursor of another list or another sort
 */
export const listClauses = (source: ListSource, query: ListQuery, values: readonly unknown[]): ListClauses => {
  const all = [...values];
  const bind = (value: unknown): string => `$${all.push(value)}`;
  const { sql: sortKey, type } = columnOf(source, query.sort);
  const [direction, beyond] = query.sort?.startsWith('-') ? ['desc', '<'] : ['asc', '>'];
  let tail = '';
  if (query.q !== undefined) {
    const text = withoutCase(bind(query.q.normalize('NFC')));
    tail += ` and (${source.search.map((column) => `position(${text} in ${withoutCase(column)}) > 0`).join(' or ')})`;
  }
  const place = placeIn(query, type);
  if (place) tail += ` and (${sortKey}, ${source.id}) ${beyond} (${bind(place.key)}::${type}, ${bind(place.id)})`;
  tail += ` order by ${sortKey} ${direction}, ${source.id} ${direction} limit ${(query.limit ?? DEFAULT_LIMIT) + 1}`;
  return { sortKey: `(${sortKey})::text`, tail, values: all };
};

/** What each row of a list has for its cursor. */
export type SortKey = Readonly<{ sort_key: string }>;

/** A page of the rows that `listClauses` led to. */
export const toListPage = <R extends SortKey, T>(
  rows: readonly R[],
  query: ListQuery,
  shape: Readonly<{ idOf: (row: R) => string; view: (row: R) => T }>,
): Page<T> => {
  const limit = query.limit ?? DEFAULT_LIMIT;
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  const hasMore = rows.length > limit;
  return {
    items: items.map(shape.view),
    nextCursor: hasMore && last ? cursorAt(`${query.sort ?? ''}|${shape.idOf(last)}|${last.sort_key}`) : null,
    hasMore,
  };
};
