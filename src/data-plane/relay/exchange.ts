import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Authenticated } from '../directory/facts.js';
import type { Caller } from '../../mcp/protocol/caller.js';
import type { Forward } from '../../mcp/upstream/forward.js';
import type { DropReason } from './event-reading.js';
import type { LiveStreams } from './live-streams.js';

/** What passing messages on takes. */
export type RelayParts = Readonly<{
  forward: Forward;
  streams: LiveStreams;
  upstreamTimeoutMs: number;
  /** Told when a server says that its tools changed. Never throws, and costs little when it is told often. */
  toolsChanged: (of: Readonly<{ organizationId: string; serverId: string }>) => void;
  /** Told of each event of an upstream that did not go on to its client. Never throws. */
  eventDropped: (reason: DropReason) => void;
}>;

/** One HTTP request of an authenticated client. */
export type Exchange = Readonly<{
  request: IncomingMessage;
  response: ServerResponse;
  who: Authenticated;
  sourceIp: string | null;
  traceId: string | null;
}>;

/** The same once its body is read, at `readAtMs` by `performance.now()`, and it is known who speaks. */
export type InSession = Exchange & Readonly<{ session: Caller; body: Buffer; readAtMs: number }>;
