import { showTransport } from '../../platform/crypto/hidden-parts.js';
import type { Stream } from '../../record/event-store/event-store.js';
import type {
  DiscoveredTool,
  ServerBody,
  ServerStatus,
  Transport,
  UpstreamAuth,
} from '../../record/event-log/events/index.js';
import type { Tx } from '../../platform/postgres/database.js';
import { notFound, Problem } from '../../platform/runtime/problems.js';
import {
  listClauses,
  textColumn,
  timeColumn,
  type ListQuery,
  type ListSource,
  type SortKey,
} from '../../platform/rest/list-query.js';
import type { Era } from '../../mcp/protocol/era.js';
import { evolveServer, type ClientAuth, type ServerState } from './servers.js';
import type { ToolsState } from './tool-definitions.js';

/** A server without its tools: what lists show. */
export type ServerSummary = Readonly<{ id: string; version: number; toolCount: number }> & Common;

type Common = Omit<ServerState, keyof ToolsState | 'disabledTools' | 'toolCategories' | 'deleted'>;

type Row = {
  id: string;
  name: string;
  transport: Transport;
  auth: UpstreamAuth;
  client_auth: ClientAuth;
  default_policy_id: string | null;
  status: ServerStatus;
  status_detail: string | null;
  disabled: boolean;
  restart_sessions: boolean;
  server_info: Readonly<Record<string, unknown>> | null;
  protocol_version: string | null;
  eras: readonly Era[];
  created_at: Date;
  discovered_at: Date | null;
};

const COLUMNS =
  'id, name, transport, auth, client_auth, default_policy_id, status, status_detail, disabled, restart_sessions, ' +
  'server_info, protocol_version, eras, created_at, discovered_at';

const common = (row: Row): Common => ({
  name: row.name,
  transport: row.transport,
  auth: row.auth,
  clientAuth: row.client_auth,
  defaultPolicyId: row.default_policy_id,
  status: row.status,
  statusDetail: row.status_detail,
  disabled: row.disabled,
  restartSessions: row.restart_sessions,
  serverInfo: row.server_info,
  protocolVersion: row.protocol_version,
  eras: row.eras,
  createdAt: row.created_at.toISOString(),
  discoveredAt: row.discovered_at?.toISOString() ?? null,
});

const saveDefinitions = async (
  tx: Tx,
  { organizationId, id, tools }: Readonly<{ organizationId: string; id: string; tools: ToolsState['tools'] }>,
): Promise<void> => {
  await tx.query(
    `insert into tool_definitions(organization_id, server_id, definition_hash, definition)
     select $1, $2, t->>'definitionHash', t->'definition' from jsonb_array_elements($3::jsonb) t
       on conflict do nothing`,
    [organizationId, id, JSON.stringify(tools)],
  );
};

const toolValues = ({ tools, disabledTools, accepted, acceptances }: ServerState): readonly unknown[] => [
  JSON.stringify(tools),
  JSON.stringify(disabledTools),
  JSON.stringify(accepted),
  acceptances,
];

const lateValues = ({ eras, restartSessions, toolCategories, defaultPolicyId }: ServerState): readonly unknown[] => [
  eras,
  restartSessions,
  JSON.stringify(toolCategories),
  defaultPolicyId,
];

/**
 * The history of a server, its row in `servers`, and in `tool_definitions` every definition that its tools have had.
 */
export const serverStream: Stream<ServerState, ServerBody> = {
  noun: 'server',
  evolve: evolveServer,
  shown: (_id, state) => {
    const { name, transport, auth, clientAuth, status, statusDetail, disabled, restartSessions, disabledTools } = state;
    const { defaultPolicyId } = state;
    const access = { auth, clientAuth, defaultPolicyId };
    const settings = { name, transport: showTransport(transport), ...access, disabled, restartSessions };
    return { ...settings, status, statusDetail, disabledTools, protocolVersion: state.protocolVersion };
  },
  load: async (tx, organizationId, id) => {
    const { rows } = await tx.query<
      Row &
        ToolsState & {
          version: number;
          disabled_tools: readonly string[];
          tool_categories: ServerState['toolCategories'];
          deleted: boolean;
        }
    >(
      `select ${COLUMNS}, version, tools, disabled_tools, tool_categories, accepted, acceptances, deleted from servers
        where organization_id = $1 and id = $2`,
      [organizationId, id],
    );
    const [row] = rows;
    return (
      row && {
        version: row.version,
        state: {
          ...common(row),
          tools: row.tools,
          disabledTools: row.disabled_tools,
          toolCategories: row.tool_categories,
          accepted: row.accepted,
          acceptances: row.acceptances,
          deleted: row.deleted,
        },
      }
    );
  },
  save: async (tx, { organizationId, id, version, state }) => {
    await tx.query(
      `insert into servers(organization_id, id, version, name, transport, auth, client_auth, status, status_detail,
        disabled, server_info, protocol_version, tools, disabled_tools, accepted, acceptances, created_at,
        discovered_at, deleted, eras, restart_sessions, tool_categories, default_policy_id)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
         $23)
       on conflict (organization_id, id) do update
         set version = excluded.version, name = excluded.name, transport = excluded.transport, auth = excluded.auth,
         client_auth = excluded.client_auth, status = excluded.status, status_detail = excluded.status_detail,
           disabled = excluded.disabled, server_info = excluded.server_info,
         protocol_version = excluded.protocol_version, tools = excluded.tools,
           disabled_tools = excluded.disabled_tools, accepted = excluded.accepted, acceptances = excluded.acceptances,
           discovered_at = excluded.discovered_at, deleted = excluded.deleted, eras = excluded.eras,
           restart_sessions = excluded.restart_sessions, tool_categories = excluded.tool_categories,
           default_policy_id = excluded.default_policy_id`,
      [
        organizationId,
        id,
        version,
        state.name,
        state.transport,
        state.auth,
        state.clientAuth,
        state.status,
        state.statusDetail,
        state.disabled,
        state.serverInfo,
        state.protocolVersion,
        ...toolValues(state),
        state.createdAt,
        state.discoveredAt,
        state.deleted,
        ...lateValues(state),
      ],
    );
    await saveDefinitions(tx, { organizationId, id, tools: state.tools });
  },
};

type SummaryRow = Row & { version: number; tool_count: number };

const SUMMARY = `${COLUMNS}, version, jsonb_array_length(tools) as tool_count`;
const PRESENT = 'from servers where organization_id = $1 and not deleted';

const summary = (row: SummaryRow): ServerSummary => ({
  id: row.id,
  version: row.version,
  toolCount: row.tool_count,
  ...common(row),
});

const SERVERS: ListSource = {
  id: 'id',
  search: ['name'],
  sort: {
    name: textColumn('name'),
    status: textColumn(`case when disabled then 'disabled' else status end`),
    createdAt: timeColumn('created_at'),
    discoveredAt: timeColumn('discovered_at', 'first'),
  },
};

/** An organization's servers, in the order they were registered unless the query sorts them. */
export const listServers = async (
  tx: Tx,
  organizationId: string,
  query: ListQuery,
): Promise<readonly (ServerSummary & SortKey)[]> => {
  const { sortKey, tail, values } = listClauses(SERVERS, query, [organizationId]);
  const { rows } = await tx.query<SummaryRow & SortKey>(
    `select ${SUMMARY}, ${sortKey} as sort_key ${PRESENT} ${tail}`,
    values,
  );
  return rows.map((row) => ({ ...summary(row), sort_key: row.sort_key }));
};

/** One server without its tools; undefined when there is none or it is deleted. */
export const findServer = async (tx: Tx, organizationId: string, id: string): Promise<ServerSummary | undefined> => {
  const { rows } = await tx.query<SummaryRow>(`select ${SUMMARY} ${PRESENT} and id = $2`, [organizationId, id]);
  return rows[0] && summary(rows[0]);
};

/**
 * Requires that the policy that a server's sign-ins are to have is one of the server's. @throws Problem not_found,
 * policy_of_other_server
 */
export const requirePolicyOf = async (
  tx: Tx,
  of: Readonly<{ organizationId: string; serverId: string; defaultPolicyId?: string | null }>,
): Promise<void> => {
  if (!of.defaultPolicyId) return;
  const { rows } = await tx.query<{ server_id: string }>(
    'select server_id from policies where organization_id = $1 and id = $2 and not deleted',
    [of.organizationId, of.defaultPolicyId],
  );
  if (!rows[0]) throw notFound('policy');
  if (rows[0].server_id !== of.serverId) throw new Problem('policy_of_other_server', 'Name a policy of this server.');
};

/** Definitions that a server's tools have had, by their hashes. */
export const findDefinitions = async (
  tx: Tx,
  organizationId: string,
  of: Readonly<{ serverId: string; hashes: readonly string[] }>,
): Promise<ReadonlyMap<string, DiscoveredTool['definition']>> => {
  const { rows } = await tx.query<{ hash: string; definition: DiscoveredTool['definition'] }>(
    `select definition_hash as hash, definition from tool_definitions where organization_id = $1 and server_id = $2
      and definition_hash = any ($3)`,
    [organizationId, of.serverId, of.hashes],
  );
  return new Map(rows.map(({ hash, definition }) => [hash, definition]));
};
