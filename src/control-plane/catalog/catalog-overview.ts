import type { Tx } from '../../platform/postgres/database.js';
import type { Category } from '../../policy-engine/classify/classify.js';
import type { CategoryCounts } from './catalog-entry.js';

/** How much the catalog holds; `version` changes whenever it does. */
export type CatalogTotals = Readonly<{
  version: string;
  servers: number;
  tools: number;
  byCategory: CategoryCounts;
}>;

/** The totals over all servers: one pass over their rows, whose number the catalog bounds. */
export const readTotals = async (tx: Tx): Promise<CatalogTotals> => {
  const { rows } = await tx.prepared<
    Readonly<Record<'servers' | 'tools' | Lowercase<Category>, number> & { changed: string | null }>
  >(
    'catalog_totals',
    `select count(*) as servers, coalesce(sum(tool_count), 0)::int as tools, coalesce(sum(read_count), 0)::int as read,
      coalesce(sum(write_count), 0)::int as write, coalesce(sum(execute_count), 0)::int as execute,
      coalesce(sum(destructive_count), 0)::int as destructive, coalesce(sum(financial_count), 0)::int as financial,
      max(updated_at)::text as changed from catalog_servers`,
    [],
  );
  const row = rows[0];
  const of = (name: 'servers' | 'tools' | Lowercase<Category>): number => row?.[name] ?? 0;
  return {
    version: `${of('servers')} ${of('tools')} ${row?.changed ?? ''}`,
    servers: of('servers'),
    tools: of('tools'),
    byCategory: {
      Read: of('read'),
      Write: of('write'),
      Execute: of('execute'),
      Destructive: of('destructive'),
      Financial: of('financial'),
    },
  };
};

/** Of the servers whose tools are known, how many there are, and how many take fewer tokens than this. */
export type TokenRank = Readonly<{ known: number; fewer: number }>;

/** Where a server stands among all by the tokens of its definitions. */
export const readTokenRank = async (tx: Tx, tokens: number): Promise<TokenRank> => {
  const { rows } = await tx.prepared<TokenRank>(
    'catalog_token_rank',
    `select count(*)::int as known, count(*) filter (where tokens < $1)::int as fewer
      from catalog_servers where tokens > 0`,
    [tokens],
  );
  return rows[0] ?? { known: 0, fewer: 0 };
};

/** A tool in few words. */
export type ToolInBrief = Readonly<{ name: string; category: Category; tokens: number }>;

/** The tool that others are wanted like. */
export type SimilarTo = Readonly<{ slug: string; name: string; category: Category }>;

/** Other tools of a server that are of the same category, the first in the order of their names. */
export const findSimilarTools = async (
  tx: Tx,
  { slug, name, category }: SimilarTo,
  limit: number,
): Promise<readonly ToolInBrief[]> =>
  (
    await tx.prepared<ToolInBrief>(
      'catalog_similar_tools',
      `select name, category, tokens from catalog_tools where server_slug = $1 and category = $2 and name <> $3
        order by name limit $4`,
      [slug, category, name, limit],
    )
  ).rows;

/** Where a server or a tool of the catalog is: `tool` is null for the server itself. */
export type CatalogAddress = Readonly<{ slug: string; tool: string | null }>;

/** The servers of a part lie between two slugs, so that their tools are read by their key. */
const ADDRESSES = `with sized as (select slug, (sum(tool_count + 1) over (order by slug) - 1)::int / $2 as part
    from catalog_servers),
  own as (select min(slug) as first, max(slug) as last from sized where part = $1)
  select slug, null as tool from catalog_servers, own where slug between own.first and own.last
  union all
  select server_slug, name from catalog_tools, own where server_slug between own.first and own.last
  order by slug, tool nulls first`;

/**
 * A part of the addresses of all servers and tools, from 0, in their order; one behind the last is empty. A part holds
 * whole servers, each with its tools: about `size` addresses, and at most the tools of one server more.
 */
export const listAddresses = async (tx: Tx, part: number, size: number): Promise<readonly CatalogAddress[]> =>
  (await tx.prepared<CatalogAddress>('catalog_addresses', ADDRESSES, [part, size])).rows;
