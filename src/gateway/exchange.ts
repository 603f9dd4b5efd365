import type { Directory } from '../directory/directory.js';
import type { Enforcement } from '../enforcement/enforce.js';
import type { EventStore } from '../event-log/event-store.js';
import type { Exchange, RelayParts } from '../relay/exchange.js';
import type { RunningCalls } from '../relay/running-calls.js';
import type { DiscoveredTool } from '../upstream/tool-definition.js';
import type { ListCache } from './list-cache.js';
import type { GatewayMetrics } from './metrics.js';
import type { ParkedCalls } from './parked-calls.js';
import type { OpenSession, SessionContent } from './sealed-session.js';

export type NoticedTools = Readonly<{ organizationId: string; serverId: string; tools: readonly DiscoveredTool[] }>;

/** What the gateway is made of; bound once at the start. */
export type GatewayParts = RelayParts & Readonly<{
  directory: Directory;
  enforcement: Enforcement;
  store: EventStore;
  lists: ListCache;
  /** Puts definitions on record that the directory does not know yet. Never rejects, and keeps nobody waiting for long. */
  noticeTools: (noticed: NoticedTools) => Promise<void>;
  running: RunningCalls;
  parked: ParkedCalls;
  metrics: GatewayMetrics;
  sessionKey: Buffer;
  openSession: OpenSession;
  maxStalenessMs: number;
  publicUrl: () => string;
  allowedOrigins: readonly string[];
  loopback: boolean;
  trustedProxies: readonly string[];
}>;

/** A request in a session, read. */
export type InSession = Exchange & Readonly<{ session: SessionContent; body: Buffer }>;

/** The session-era revisions that are spoken to clients and upstreams, newest first. */
export const PROTOCOL_VERSIONS = ['2025-11-25', '2025-06-18', '2025-03-26'] as const;
export const isSpoken = (version: unknown): version is string => PROTOCOL_VERSIONS.some((one) => one === version);
