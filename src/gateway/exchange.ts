import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Directory } from '../directory/directory.js';
import type { Authenticated } from '../directory/facts.js';
import type { Enforcement } from '../enforcement/enforce.js';
import type { EventStore } from '../event-log/event-store.js';
import type { Forward } from '../upstream/forward.js';
import type { ListCache } from './list-cache.js';
import type { LiveStreams } from './live-streams.js';
import type { GatewayMetrics } from './metrics.js';
import type { RunningCalls } from './running-calls.js';
import type { OpenSession, SessionContent } from './sealed-session.js';

/** What the gateway is made of; bound once at the start. */
export type GatewayParts = Readonly<{
  directory: Directory;
  enforcement: Enforcement;
  store: EventStore;
  forward: Forward;
  streams: LiveStreams;
  lists: ListCache;
  running: RunningCalls;
  metrics: GatewayMetrics;
  sessionKey: Buffer;
  openSession: OpenSession;
  upstreamTimeoutMs: number;
  maxStalenessMs: number;
  publicUrl: () => string;
  allowedOrigins: readonly string[];
  loopback: boolean;
  trustedProxies: readonly string[];
}>;

/** One HTTP request of an authenticated client. */
export type Exchange = Readonly<{ request: IncomingMessage; response: ServerResponse; who: Authenticated; sourceIp: string | null; traceId: string | null }>;

/** The same once its body is read and its session is open. */
export type InSession = Exchange & Readonly<{ session: SessionContent; body: Buffer }>;

/** The session-era revisions that are spoken to clients and upstreams, newest first. */
export const PROTOCOL_VERSIONS = ['2025-11-25', '2025-06-18', '2025-03-26'] as const;
export const isSpoken = (version: unknown): version is string => PROTOCOL_VERSIONS.some((one) => one === version);
