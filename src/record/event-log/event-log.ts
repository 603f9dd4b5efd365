import type { Topic } from './events/index.js';

/**
 * An entry to append. `key`, the organization id, decides the partition; `value` is stored byte for byte, a text as
 * UTF-8. The others go into headers where the log has headers.
 */
export type LogEntry = Readonly<{ key: string; value: Buffer | string; id: string; type: string; time: string }>;

/** A record of the log. Offsets are dense per partition and rise in the order in which appends were acknowledged. */
export type LogRecord = Readonly<{ offset: number; key: string; value: Buffer }>;

export type Appended = Readonly<{ partition: number; offset: number }>;

/** A running reader; `stop` ends it and resolves when no batch is being handled. */
export type Subscription = Readonly<{ stop: () => Promise<void> }>;

/** Handles one batch of one partition: `from` is the offset of the first record, `next` the one after the last. */
export type HandleBatch = (
  batch: Readonly<{ topic: Topic; partition: number; from: number; next: number; records: readonly LogRecord[] }>,
) => Promise<void>;

/** The position of a reader in a partition; it is stored in PostgreSQL, never in the log. */
export type Position = (topic: Topic, partition: number) => Promise<number>;

/**
 * The event log, as in Kafka: topics, partitions by key, dense offsets, order per partition. `append` resolves when the
 * record is durable (a commit, or acks=all) and rejects otherwise; a rejected append may still be in the log, so
 * readers drop ids that they know. `subscribe` delivers every record at least once, in order per partition, from
 * `position` on.
 */
export type EventLog = Readonly<{
  /** Identifies the log: a position in one log means nothing in another. */
  identity: string;
  append: (topic: Topic, entry: LogEntry) => Promise<Appended>;
  read: (topic: Topic, partition: number, from: number, limit: number) => Promise<readonly LogRecord[]>;
  subscribe: (
    reader: Readonly<{ position: Position; handle: HandleBatch; batchSize: number }>,
  ) => Promise<Subscription>;
  /**
   * The offset of each partition's next record: whoever has read up to there has everything that was acknowledged
   * before the question.
   */
  ends: (topic: Topic) => Promise<readonly number[]>;
  /** Resolves when the log would take an append now; rejects with the reason otherwise. */
  ready: () => Promise<void>;
  close: () => Promise<void>;
}>;

/** An append that was not acknowledged within the time its caller gave it. The record may or may not be in the log. */
export class AppendTimeout extends Error {}
