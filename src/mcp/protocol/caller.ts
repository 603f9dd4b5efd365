import type { Era } from './era.js';

/**
 * Who speaks: a session of the legacy era, or, in the modern one, a request that says all of itself (`sessionId` null).
 */
export type Caller = Readonly<{
  era: Era;
  sessionId: string | null;
  upstreamSession: string | undefined;
  protocolVersion: string;
  clientCapabilities: unknown;
  clientName?: string;
  clientVersion?: string;
}>;
