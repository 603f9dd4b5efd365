type Of<T extends string, Body> = Readonly<{ type: T }> & Readonly<Body>;

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
  | Of<'logStream.created', LogStreamSettings & { streamId: string; kind: string; fromSeq: number }>
  | Of<'logStream.changed', Partial<LogStreamSettings> & { streamId: string; secretsChanged?: true }>
  | Of<'logStream.deleted', { streamId: string }>
  | Of<'logStream.paused', { streamId: string }>
  | Of<'logStream.resumed', { streamId: string }>
  | Of<'logStream.suspended', { streamId: string; reason: 'failing' | 'cursor_beyond_head' }>
  | Of<'logStream.secretRotated', { streamId: string; graceSeconds: number }>;

/** What is done with a log stream without changing it. */
export type LogStreamFact =
  | Of<'logStream.tested', { streamId: string; delivered: boolean }>
  | Of<'logStream.redriven', { streamId: string; records: number }>
  | Of<'logStream.backfillStarted', { streamId: string; backfillId: string; fromSeq: number; toSeq: number }>
  | Of<'logStream.backfillCancelled', { streamId: string; backfillId: string }>
  | Of<'logStream.alarmRaised', { streamId: string; code: string }>;
