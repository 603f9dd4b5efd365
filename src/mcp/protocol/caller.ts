import type { CookieJar } from '../http-client/cookie-jar.js';
import type { Era } from './era.js';

/**
 * Who speaks: a session of the legacy era, or, in the modern one, a request that says all of itself (`sessionId` null).
 */
export type Caller = LegacyCaller | ModernCaller;

export type LegacyCaller = CallerOf<'legacy'>;
export type ModernCaller = CallerOf<'modern'>;

type CallerOf<E extends Era> = Readonly<{
  era: E;
  sessionId: string | null;
  upstreamSession: string | undefined;
  protocolVersion: string;
  clientCapabilities: unknown;
  clientName?: string;
  clientVersion?: string;
  /** What the upstream set in this session. */
  cookies?: CookieJar | undefined;
}>;
