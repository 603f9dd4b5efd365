import type { CatalogSource, CategoryCounts } from './catalog-entry.js';

/** A server of the catalog in a list. `byCategory` counts its tools, `verifiedOn` is when they were listed. */
export type CatalogServer = Readonly<{
  slug: string;
  name: string;
  summary: string;
  version: string | null;
  source: CatalogSource;
  transports: readonly string[];
  deprecated: boolean;
  toolCount: number;
  byCategory: CategoryCounts;
  tokens: number;
  verifiedOn: string | null;
}>;

/** A row of `catalog_servers` in these columns. */
export type ServerRow = {
  slug: string;
  name: string;
  summary: string;
  version: string | null;
  source: CatalogSource;
  transports: readonly string[];
  deprecated: boolean;
  tool_count: number;
  read_count: number;
  write_count: number;
  execute_count: number;
  destructive_count: number;
  financial_count: number;
  tokens: number;
  verified_on: string | null;
};

export const SERVER_COLUMNS =
  'slug, name, summary, version, source, transports, deprecated, tool_count, read_count, write_count, execute_count, ' +
  'destructive_count, financial_count, tokens, verified_on::text';

/** The server that a row holds. */
export const serverOf = (row: ServerRow): CatalogServer => ({
  slug: row.slug,
  name: row.name,
  summary: row.summary,
  version: row.version,
  source: row.source,
  transports: row.transports,
  deprecated: row.deprecated,
  toolCount: row.tool_count,
  byCategory: {
    Read: row.read_count,
    Write: row.write_count,
    Execute: row.execute_count,
    Financial: row.financial_count,
    Destructive: row.destructive_count,
  },
  tokens: row.tokens,
  verifiedOn: row.verified_on,
});
