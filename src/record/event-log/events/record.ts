import type { Actor, Envelope } from './envelope.js';

type Of<T extends string, Body> = Readonly<{ type: T }> & Readonly<Body>;

/**
 * What the log itself reports about the record: refusals that were counted instead of recorded one by one, and losses
 * that were found.
 */
export type RecordBody =
  | Of<
      'audit.suppressed',
      {
        grantId: string | null;
        identityId: string | null;
        serverId: string | null;
        refusals: number;
        from: string;
        to: string;
        codes: Readonly<Record<string, number>>;
      }
    >
  | Of<'audit.gap', { reason: 'decisions_missing'; bootId: string; from: number; to: number }>
  | Of<
      'audit.gap',
      { reason: 'event_refused'; eventId: string; eventType: string; position: number; bytes: number; sha256: string }
    >
  | Of<'audit.gap', { reason: 'log_records_lost'; topic: string; partition: number; from: number; to: number }>
  | Of<'gateway.started', { bootId: string }>
  | Of<'gateway.stopped', { bootId: string }>;
export type RecordEvent = Envelope & Readonly<{ actor: Actor }> & RecordBody;
