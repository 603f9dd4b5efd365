import type { EventOf } from './envelope.js';
import type { MeaningLines } from './meaning.js';

declare module '../../../platform/crypto/ids.js' {
  interface IdPrefixes {
    ses: true;
  }
}

/** What became of MCP sessions. */
export type SessionFact =
  | EventOf<'session.ended', { sessionId: string; grantId: string; serverId: string; expiresAt: string }>
  | EventOf<'session.restarted', { sessionId: string; grantId: string; serverId: string }>;

/** What they mean. The compiler refuses this table when it misses one. */
export const sessionMeanings: MeaningLines<SessionFact> = {
  'session.ended': ['Session ended', 'session', 'delete'],
  'session.restarted': ['Session restarted', 'session', 'start'],
};
