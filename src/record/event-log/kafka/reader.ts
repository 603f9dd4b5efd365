import { setTimeout as sleep } from 'node:timers/promises';
import type { Consumer, KafkaMessage } from 'kafkajs';
import { randomUUID } from 'node:crypto';
import type { LogRecord } from '../event-log.js';
import type { Topic } from '../events/index.js';
import { asAdmin, rejectAfter, type MakeClient } from './client.js';

const READ_TIMEOUT_MS = 15_000;
const MAX_WAIT_MS = 100;
const RETRY_DELAY_MS = 200;

export type Range = Readonly<{ topic: Topic; partition: number; from: number; limit: number }>;

/** kafkajs gives offsets as text; as numbers they are exact below 2^53, which a partition does not reach. */
export const toRecord = (message: KafkaMessage): LogRecord => ({
  offset: Number(message.offset),
  key: message.key?.toString() ?? '',
  value: message.value ?? Buffer.alloc(0),
});

/** The oldest offset that a partition still has, and the one its next record gets. */
export const boundsOf = (
  client: MakeClient,
  topic: Topic,
  partition: number,
): Promise<Readonly<{ low: number; high: number }>> =>
  asAdmin(client, async (admin) => {
    const found = (await admin.fetchTopicOffsets(topic)).find((one) => one.partition === partition);
    if (!found) throw new Error(`${topic}/${partition} does not exist`);
    return { low: Number(found.low), high: Number(found.high) };
  });

/** The offset that the next record of each partition gets. */
export const endsOf = (client: MakeClient, topic: Topic): Promise<readonly number[]> =>
  asAdmin(client, async (admin) =>
    (await admin.fetchTopicOffsets(topic)).sort((a, b) => a.partition - b.partition).map(({ high }) => Number(high)),
  );

/** kafkajs reads only as a member of a group: this one has a single member, which fetches a single partition. */
const fetchInto = async (
  consumer: Consumer,
  { topic, partition, from }: Range,
  take: (record: LogRecord) => boolean,
): Promise<void> => {
  consumer.on('consumer.group_join', ({ payload }) => {
    const others = (payload.memberAssignment[topic] ?? []).filter((one) => one !== partition);
    consumer.pause([{ topic, partitions: others }]);
    consumer.seek({ topic, partition, offset: String(from) });
  });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await new Promise<void>((resolve, reject) => {
    consumer.on('consumer.crash', ({ payload }) => reject(payload.error));
    const eachMessage = ({
      message,
      partition: at,
    }: Readonly<{ message: KafkaMessage; partition: number }>): Promise<void> => {
      if (at === partition && Number(message.offset) >= from && !take(toRecord(message))) resolve();
      return Promise.resolve();
    };
    consumer.run({ autoCommit: false, eachMessage }).catch(reject);
  });
};

const readOnce = async (client: MakeClient, range: Range, end: number): Promise<readonly LogRecord[]> => {
  const groupId = `toolgate-read-${randomUUID()}`;
  const records: LogRecord[] = [];
  const take = (record: LogRecord): boolean => {
    if (records.length < range.limit && record.offset < end) records.push(record);
    return records.length < range.limit && record.offset < end - 1;
  };
  const consumer = client().consumer({
    groupId,
    allowAutoTopicCreation: false,
    maxWaitTimeInMs: MAX_WAIT_MS,
    retry: { restartOnFailure: () => Promise.resolve(false) },
  });
  try {
    await rejectAfter(fetchInto(consumer, range, take), READ_TIMEOUT_MS, `reading ${range.topic}/${range.partition}`);
    return records;
  } finally {
    await consumer.disconnect().catch(() => undefined);
    asAdmin(client, (admin) => admin.deleteGroups([groupId])).catch(() => undefined);
  }
};

/**
 * Up to `limit` records from an offset on, as far as the partition goes now. For checks and tests: each call joins a
 * group of its own and leaves it. It is tried again for a while, since leaders and coordinators that were just elected
 * refuse whoever asks.
 */
export const readRange = async (client: MakeClient, range: Range): Promise<readonly LogRecord[]> => {
  const giveUpAt = Date.now() + READ_TIMEOUT_MS;
  for (;;) {
    try {
      const { low, high } = await boundsOf(client, range.topic, range.partition);
      const from = Math.max(range.from, low);
      return from >= high || range.limit <= 0 ? [] : await readOnce(client, { ...range, from }, high);
    } catch (error) {
      if (Date.now() > giveUpAt) throw error;
      await sleep(RETRY_DELAY_MS);
    }
  }
};
