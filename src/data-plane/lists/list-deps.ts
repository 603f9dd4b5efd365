import type { RelayDeps } from '../relay/exchange.js';
import type { DiscoveredTool } from '../../mcp/upstream/tool-definition.js';
import type { ListCache } from './list-cache.js';

export type SeenTools = Readonly<{ organizationId: string; serverId: string; tools: readonly DiscoveredTool[] }>;

/** What showing lists takes. */
export type ListDeps = RelayDeps &
  Readonly<{
    lists: ListCache;
    /**
     * Puts definitions on record that the directory does not know yet. Never rejects, and keeps nobody waiting for
     * long.
     */
    recordSeenTools: (noticed: SeenTools) => Promise<void>;
  }>;
