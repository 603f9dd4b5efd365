import type { ServerStatus, Transport } from '../../record/event-log/events/index.js';
import type { Era } from '../../mcp/protocol/era.js';
import type { ServerSummary } from './servers.store.js';
import type { ClientAuth } from './servers.js';

/** A server as the API shows it: of its credentials the names only. */
export type ServerView = Readonly<{
  id: string;
  name: string;
  transport: Transport;
  auth: Readonly<{ type: 'none' | 'headers' | 'oauth'; names?: readonly string[] }>;
  clientAuth: ClientAuth;
  status: ServerStatus;
  statusDetail: string | null;
  disabled: boolean;
  toolCount: number;
  serverInfo: Readonly<Record<string, unknown>> | null;
  protocolVersion: string | null;
  eras: readonly Era[];
  mcpUrl: string;
  createdAt: string;
  discoveredAt: string | null;
}>;

/** A server as the REST API shows it, without secrets. `publicUrl` is the origin that its `mcpUrl` begins with. */
export const serverView = (server: ServerSummary, publicUrl: string): ServerView => ({
  id: server.id,
  name: server.name,
  transport: server.transport,
  auth: server.auth,
  clientAuth: server.clientAuth,
  status: server.disabled ? 'disabled' : server.status,
  statusDetail: server.statusDetail,
  disabled: server.disabled,
  toolCount: server.toolCount,
  serverInfo: server.serverInfo,
  protocolVersion: server.protocolVersion,
  eras: server.eras,
  mcpUrl: `${publicUrl}/mcp/${server.id}`,
  createdAt: server.createdAt,
  discoveredAt: server.discoveredAt,
});
