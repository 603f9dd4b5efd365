import type { Message } from 'kafkajs';
import type { KafkaConfig } from '../../../platform/settings/config.js';
import { GroupCommit, GroupCommitError } from '../../../platform/postgres/group-commit.js';
import { PENDING_APPEND_QUOTA } from '../../../platform/fair-shares/data-plane-quotas.js';
import { errorText } from '../../../platform/runtime/log.js';
import { Quota } from '../../../platform/fair-shares/quota.js';
import type { Appended, EventLog, LogEntry } from '../event-log.js';
import { TOPICS, type Topic } from '../events/index.js';
import { clientMaker, rejectAfter, type MakeClient } from './client.js';
import { joinReaders } from './consumer.js';
import { endsOf, readRange } from './reader.js';
import { isRefusedForItsRecords, KafkaSender } from './sender.js';
import { assertWritable, ensureTopics } from './topics.js';
import { partitionOf } from '../partition.js';
import { lengthRefusal } from '../record-size.js';

/** Of one partition. A batch stays below 1 MiB with keys and headers, the limit of a topic that somebody else made. */
const QUEUE = {
  maxBatch: 500,
  maxBatchBytes: 512 * 1024,
  maxWaiting: 20_000,
  maxWaitingBytes: 32 * 1024 * 1024,
} as const;

/** How long a failed append makes the log unready: without traffic nothing would ever prove the contrary. */
const UNREADY_MS = 5000;
const READY_TIMEOUT_MS = 2000;
const READY_CACHE_MS = 1000;

type Waiting = Readonly<{ entry: LogEntry; queuedAt: number }>;

const ownerOf = ({ entry }: Waiting): string => entry.key;

/** With the headers of CloudEvents 1.0 (Kafka binding, binary mode). */
const toMessage = ({ entry: { key, value, id, type, time } }: Waiting): Message => ({
  key,
  value,
  headers: {
    ce_specversion: '1.0',
    ce_id: id,
    ce_type: type,
    ce_source: 'toolgate',
    ce_time: time,
    ce_subject: key,
    'content-type': 'application/json',
  },
});

/** Appends of all partitions, each with a queue of its own, so that one that waits for its leader holds up no other. */
class Appends {
  readonly #sender: KafkaSender;
  readonly #queues: ReadonlyMap<string, GroupCommit<Waiting, Appended>>;
  readonly #partitions: number;
  readonly #pending = new Quota(PENDING_APPEND_QUOTA);
  #failure: Readonly<{ at: number; reason: string }> | undefined;

  constructor(client: MakeClient, partitions: number) {
    this.#sender = new KafkaSender(client);
    this.#partitions = partitions;
    const places = TOPICS.flatMap((topic) =>
      Array.from({ length: partitions }, (_, partition) => ({ topic, partition })),
    );
    this.#queues = new Map(
      places.map(({ topic, partition }) => [
        `${topic}|${partition}`,
        new GroupCommit({ flush: this.#flushOf(topic, partition), ownerOf, isRefusal: isRefusedForItsRecords }, QUEUE),
      ]),
    );
  }

  async append(topic: Topic, entry: LogEntry): Promise<Appended> {
    const refusal = lengthRefusal(entry.value);
    if (refusal) throw refusal;
    const queue = this.#queues.get(`${topic}|${partitionOf(entry.key, this.#partitions)}`);
    if (!queue) throw new Error('a key without a partition');
    const bytes = entry.value.length;
    if (this.#pending.take(entry.key, entry.key, bytes) !== undefined)
      throw new GroupCommitError('queue_full', 'too much is waiting');
    try {
      return await queue.push({ entry, queuedAt: performance.now() }, bytes);
    } finally {
      this.#pending.free(entry.key, entry.key, bytes);
    }
  }

  /** @throws when an append failed in the last seconds and none succeeded since. */
  assertNotFailing(): void {
    if (this.#failure && performance.now() - this.#failure.at < UNREADY_MS)
      throw new Error(`Kafka took no append: ${this.#failure.reason}`);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#queues.values()].map((queue) => queue.close()));
    await this.#sender.close();
  }

  /**
   * One send; the next flush is all that arrived meanwhile. After a failed send, what was already waiting is rejected
   * without a try: otherwise the last of a long queue would hear of a dead leader only after a deadline for each batch
   * before it. Records that the leader refuses for what they are say nothing about the log.
   */
  #flushOf(topic: Topic, partition: number): (batch: readonly Waiting[]) => Promise<readonly Appended[]> {
    let failedAt = 0;
    return async (batch) => {
      if ((batch[0]?.queuedAt ?? 0) < failedAt) throw new Error('the append before it failed');
      try {
        const first = await this.#sender.send(topic, partition, batch.map(toMessage));
        this.#failure = undefined;
        return batch.map((_, index) => ({ partition, offset: first + index }));
      } catch (error) {
        if (isRefusedForItsRecords(error)) throw error;
        failedAt = performance.now();
        this.#failure = { at: failedAt, reason: errorText(error) };
        throw error;
      }
    };
  }
}

/**
 * The event log in Kafka (test/support/event-log-contract.ts). `append` resolves when all copies in
 * sync have the record and rejects within ten seconds: the flush under way and its own have five each. `ready` goes by
 * what the brokers say of the topics and by the latest appends.
 * @throws when the cluster is out of reach, or its topics can't be made or have another number of partitions.
 */
export const openKafkaLog = async (config: KafkaConfig, partitions: number, retentionMs: number): Promise<EventLog> => {
  const client = await clientMaker(config);
  const clusterId = await ensureTopics(client, { config, partitions, retentionMs });
  const appends = new Appends(client, partitions);
  let asked: Readonly<{ at: number; answer: Promise<void> }> | undefined;
  const askBrokers = (): Promise<void> => {
    if (!asked || performance.now() - asked.at > READY_CACHE_MS)
      asked = {
        at: performance.now(),
        answer: rejectAfter(assertWritable(client, READY_TIMEOUT_MS), READY_TIMEOUT_MS, 'asking Kafka for its leaders'),
      };
    return asked.answer;
  };
  return {
    identity: `in the Kafka cluster ${clusterId}`,
    append: (topic, entry) => appends.append(topic, entry),
    read: (topic, partition, from, limit) => readRange(client, { topic, partition, from, limit }),
    subscribe: (reader) => Promise.resolve(joinReaders(client, reader)),
    ends: (topic) => endsOf(client, topic),
    ready: async () => {
      appends.assertNotFailing();
      await askBrokers();
    },
    close: () => appends.close(),
  };
};
