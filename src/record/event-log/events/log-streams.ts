import type { EventOf } from './envelope.js';
import type { MeaningLines } from './meaning.js';

declare module '../../../platform/crypto/ids.js' {
  interface IdPrefixes {
    lst: true;
    bkf: true;
  }
}

/** What a log stream carries: of each list any value; a list that is absent holds all. */
export type LogStreamFilter = Readonly<{
  types?: readonly string[];
  effects?: readonly string[];
  serverIds?: readonly string[];
  identityIds?: readonly string[];
}>;

type LogStreamSettings = Readonly<{
  name: string;
  format: string;
  mappingVersion: string;
  /** As answers show it: what is secret in it reads `{"set": true}`. */
  config: Readonly<Record<string, unknown>>;
  filter: LogStreamFilter;
}>;

/** A delivery is no event: it would feed the stream for ever. */
export type LogStreamBody =
  | EventOf<'logStream.created', LogStreamSettings & { streamId: string; kind: string; fromSeq: number }>
  | EventOf<'logStream.changed', Partial<LogStreamSettings> & { streamId: string; secretsChanged?: true }>
  | EventOf<'logStream.deleted', { streamId: string }>
  | EventOf<'logStream.paused', { streamId: string }>
  | EventOf<'logStream.resumed', { streamId: string }>
  | EventOf<'logStream.suspended', { streamId: string; reason: 'failing' | 'cursor_beyond_head' }>
  | EventOf<'logStream.secretRotated', { streamId: string; graceSeconds: number }>;

/** What is done with a log stream without changing it. */
export type LogStreamFact =
  | EventOf<'logStream.tested', { streamId: string; delivered: boolean }>
  | EventOf<'logStream.redriven', { streamId: string; records: number }>
  | EventOf<'logStream.backfillStarted', { streamId: string; backfillId: string; fromSeq: number; toSeq: number }>
  | EventOf<'logStream.backfillCancelled', { streamId: string; backfillId: string }>
  | EventOf<'logStream.alarmRaised', { streamId: string; code: string }>;

/** The events of log streams. */
export type LogStreamEvents = LogStreamBody | LogStreamFact;

/** What they mean. The compiler refuses this table when it misses one. */
export const logStreamMeanings: MeaningLines<LogStreamEvents> = {
  'logStream.created': ['Log stream created', 'logStream', 'create', 'low'],
  'logStream.changed': ['Log stream changed', 'logStream', 'update', 'low'],
  'logStream.deleted': ['Log stream deleted', 'logStream', 'delete', 'medium'],
  'logStream.paused': ['Log stream paused', 'logStream', 'disable', 'medium'],
  'logStream.resumed': ['Log stream resumed', 'logStream', 'enable'],
  'logStream.suspended': ['Log stream suspended', 'logStream', 'disable', 'high'],
  'logStream.secretRotated': ['Secret of a log stream rotated', 'logStream', 'update'],
  'logStream.tested': ['Log stream tested', 'logStream', 'read'],
  'logStream.redriven': ['Dead letters of a log stream sent again', 'logStream', 'start'],
  'logStream.backfillStarted': ['Backfill of a log stream started', 'logStream', 'start'],
  'logStream.backfillCancelled': ['Backfill of a log stream cancelled', 'logStream', 'stop'],
  'logStream.alarmRaised': ['Alarm of a log stream raised', 'logStream', 'other', 'high'],
};
