import type { ServerSummary } from './servers.store.js';
import type { ServerView } from './servers.dto.js';

/** The view of a server, with the names of its credentials only. `publicUrl` is the origin of its `mcpUrl`. */
export const serverView = (server: ServerSummary, publicUrl: string): ServerView => ({
  id: server.id,
  version: server.version,
  name: server.name,
  transport: server.transport,
  auth: server.auth,
  clientAuth: server.clientAuth,
  defaultPolicyId: server.defaultPolicyId,
  status: server.disabled ? 'disabled' : server.status,
  statusDetail: server.statusDetail,
  disabled: server.disabled,
  restartSessions: server.restartSessions,
  toolCount: server.toolCount,
  serverInfo: server.serverInfo,
  protocolVersion: server.protocolVersion,
  eras: server.eras,
  mcpUrl: `${publicUrl}/mcp/${server.id}`,
  createdAt: server.createdAt,
  discoveredAt: server.discoveredAt,
});
