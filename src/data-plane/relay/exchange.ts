import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Authenticated } from '../directory/facts.js';
import type { Caller, LegacyCaller, ModernCaller } from '../../mcp/protocol/caller.js';
import type { Forward } from '../../mcp/upstream/forward.js';
import type { DropReason } from './event-reading.js';
import type { LiveStreams } from './live-streams.js';
import type { RunningCalls } from './running-calls.js';

/** What relaying messages takes. */
export type RelayDeps = Readonly<{
  forward: Forward;
  streams: LiveStreams;
  running: RunningCalls;
  upstreamTimeoutMs: number;
  /** Called when a server says that its tools changed. Never throws, and costs little when it is called often. */
  toolsChanged: (of: Readonly<{ organizationId: string; serverId: string }>) => void;
  /** Called for each event of an upstream that was not passed on to its client. Never throws. */
  eventDropped: (reason: DropReason) => void;
}>;

/** One HTTP request whose grant token is good. */
export type AuthenticatedRequest = Readonly<{
  request: IncomingMessage;
  response: ServerResponse;
  who: Authenticated;
  sourceIp: string | null;
  traceId: string | null;
}>;

type OfCaller<C extends Caller> = AuthenticatedRequest & Readonly<{ session: C; body: Buffer; readAtMs: number }>;

/** A message within a session of the legacy era. */
export type SessionExchange = OfCaller<LegacyCaller>;

/** A request of the modern era, which says itself who sends it. */
export type ModernExchange = OfCaller<ModernCaller>;

/**
 * One message of a client: an authenticated POST whose body was read at `readAtMs` (by `performance.now()`), with its
 * sender. `session.era` tells the two kinds apart.
 */
export type Exchange = SessionExchange | ModernExchange;
