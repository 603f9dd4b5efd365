import type { Actor, Envelope, EventOf } from './envelope.js';
import type { MeaningLines } from './meaning.js';

/**
 * What the log itself reports about the record: refusals that were counted instead of recorded one by one, and losses
 * that were found.
 */
export type RecordBody =
  | EventOf<
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
  | EventOf<'audit.gap', { reason: 'decisions_missing'; bootId: string; from: number; to: number }>
  | EventOf<
      'audit.gap',
      { reason: 'event_refused'; eventId: string; eventType: string; position: number; bytes: number; sha256: string }
    >
  | EventOf<'audit.gap', { reason: 'log_records_lost'; topic: string; partition: number; from: number; to: number }>
  | EventOf<'gateway.started', { bootId: string }>
  | EventOf<'gateway.stopped', { bootId: string }>;
export type RecordEvent = Envelope & Readonly<{ actor: Actor }> & RecordBody;

/** What they mean. The compiler refuses this table when it misses one. */
export const recordMeanings: MeaningLines<RecordBody> = {
  'audit.suppressed': ['Refusals counted, not recorded one by one', 'record', 'find', 'medium'],
  'audit.gap': ['Records are missing', 'record', 'find', 'high'],
  'gateway.started': ['Gateway started', 'gateway', 'start'],
  'gateway.stopped': ['Gateway stopped', 'gateway', 'stop'],
};
