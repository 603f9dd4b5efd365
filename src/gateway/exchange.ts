import type { Directory } from '../directory/directory.js';
import type { Enforcement } from '../enforcement/enforce.js';
import type { RunningCalls } from '../relay/running-calls.js';
import type { OpenSession } from '../sessions/sealed-session.js';
import type { SessionParts } from '../sessions/session-parts.js';
import type { DiscoveredTool } from '../upstream/tool-definition.js';
import type { ListCache } from './list-cache.js';
import type { GatewayMetrics } from './metrics.js';
import type { ParkedCalls } from './parked-calls.js';

export type { InSession } from '../relay/exchange.js';

export type NoticedTools = Readonly<{ organizationId: string; serverId: string; tools: readonly DiscoveredTool[] }>;

/** What the gateway is made of; bound once at the start. */
export type GatewayParts = SessionParts & Readonly<{
  directory: Directory;
  enforcement: Enforcement;
  lists: ListCache;
  /** Puts definitions on record that the directory does not know yet. Never rejects, and keeps nobody waiting for long. */
  noticeTools: (noticed: NoticedTools) => Promise<void>;
  running: RunningCalls;
  parked: ParkedCalls;
  metrics: GatewayMetrics;
  openSession: OpenSession;
  maxStalenessMs: number;
  publicUrl: () => string;
  allowedOrigins: readonly string[];
  loopback: boolean;
  trustedProxies: readonly string[];
}>;
