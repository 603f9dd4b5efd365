import type { Tx } from '../../platform/postgres/database.js';
import type { CatalogTool, ServerPreset } from './catalog-entry.js';
import { SERVER_COLUMNS, serverOf, type CatalogServer, type ServerRow } from './catalog-row.js';

export type CatalogVersion = Readonly<{ version: string; toolCount: number; tokens: number; seenOn: string }>;

/** A server with all that is known of it. */
export type CatalogServerDetail = CatalogServer &
  Readonly<{ preset: ServerPreset; versions: readonly CatalogVersion[]; tools: readonly CatalogTool[] }>;

type ToolRow = Readonly<{
  name: string;
  category: CatalogTool['category'];
  confidence: number;
  evidence: readonly string[];
  signals: readonly string[];
  inputs: readonly string[];
  amount_input: string | null;
  tokens: number;
  definition_hash: string;
}>;

const TOOL_COLUMNS = 'name, category, confidence, evidence, signals, inputs, amount_input, tokens, definition_hash';

const toolOf = (row: ToolRow): CatalogTool => ({
  name: row.name,
  category: row.category,
  confidence: Number(row.confidence.toFixed(2)),
  evidence: row.evidence,
  signals: row.signals,
  inputs: row.inputs,
  amountInput: row.amount_input,
  tokens: row.tokens,
  definitionHash: row.definition_hash,
});

const findServerRow = async (tx: Tx, slug: string): Promise<(ServerRow & { preset: ServerPreset }) | undefined> => {
  const { rows } = await tx.prepared<ServerRow & { preset: ServerPreset }>(
    'catalog_server',
    `select ${SERVER_COLUMNS}, preset from catalog_servers where slug = $1`,
    [slug],
  );
  return rows[0];
};

/** A server with its tools by name and its versions, newest first. */
export const findCatalogServer = async (tx: Tx, slug: string): Promise<CatalogServerDetail | undefined> => {
  const row = await findServerRow(tx, slug);
  if (!row) return undefined;
  const { rows: tools } = await tx.prepared<ToolRow>(
    'catalog_server_tools',
    `select ${TOOL_COLUMNS} from catalog_tools where server_slug = $1 order by name`,
    [slug],
  );
  const { rows: versions } = await tx.prepared<CatalogVersion>(
    'catalog_server_versions',
    `select version, tool_count as "toolCount", tokens, seen_on::text as "seenOn" from catalog_versions
      where server_slug = $1 order by seen_on desc, version desc limit 50`,
    [slug],
  );
  return { ...serverOf(row), preset: row.preset, versions, tools: tools.map(toolOf) };
};

/** One tool of a server, with its server. */
export const findCatalogTool = async (
  tx: Tx,
  slug: string,
  name: string,
): Promise<Readonly<{ server: CatalogServer; tool: CatalogTool }> | undefined> => {
  const row = await findServerRow(tx, slug);
  if (!row) return undefined;
  const { rows } = await tx.prepared<ToolRow>(
    'catalog_tool',
    `select ${TOOL_COLUMNS} from catalog_tools where server_slug = $1 and name = $2`,
    [slug, name],
  );
  return rows[0] && { server: serverOf(row), tool: toolOf(rows[0]) };
};
