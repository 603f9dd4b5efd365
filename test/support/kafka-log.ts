import { Kafka, logLevel, type Admin, type IHeaders } from 'kafkajs';
import type { EventLog, LogRecord } from '../../src/record/event-log/event-log.js';
import { TOPICS, type Topic } from '../../src/record/event-log/events/index.js';
import { asAdmin as askAgain, clientMaker } from '../../src/record/event-log/kafka/client.js';
import { openKafkaLog } from '../../src/record/event-log/kafka/log.js';
import type { KafkaConfig } from '../../src/platform/settings/config.js';
import { PARTITIONS, range } from './event-log-contract.js';
import type { KafkaCluster } from './kafka-cluster.js';

export const kafkaConfig = (brokers: readonly string[]): KafkaConfig => ({
  brokers,
  replication: undefined,
  ssl: false,
  caFile: undefined,
  sasl: undefined,
});

export const openLog = (cluster: KafkaCluster): Promise<EventLog> =>
  openKafkaLog(kafkaConfig(cluster.brokers), PARTITIONS, 7 * 86_400_000);

/** A client that is not ours, to see what others see. */
export const otherClient = (brokers: readonly string[]): Kafka =>
  new Kafka({ clientId: 'other', brokers: [...brokers], logLevel: logLevel.NOTHING });

/** Asks the cluster as the log does: what passes by itself, such as a leader that was just elected, is asked again. */
export const asAdmin = async <T>(brokers: readonly string[], ask: (admin: Admin) => Promise<T>): Promise<T> =>
  askAgain(await clientMaker(kafkaConfig(brokers)), ask);

const topicsAt = async (broker: string): Promise<Topic[]> => {
  const there = new Set(await asAdmin([broker], (admin) => admin.listTopics()));
  return TOPICS.filter((topic) => there.has(topic));
};

/** Resolves when no node knows the topics any longer: a log opened before that would take the old ones for its own. */
export const deleteTopics = async ({ brokers }: KafkaCluster): Promise<void> => {
  await asAdmin(brokers, async (admin) => {
    const there = new Set(await admin.listTopics());
    await admin.deleteTopics({ topics: TOPICS.filter((topic) => there.has(topic)) });
  });
  for (const broker of brokers)
    while ((await topicsAt(broker)).length > 0) await new Promise((resolve) => setTimeout(resolve, 50));
};

/** The log no longer has the records of a partition up to this offset. */
export const loseRecords = (brokers: readonly string[], topic: Topic, partition: number, to: number): Promise<void> =>
  asAdmin(brokers, async (admin) => {
    // kafkajs deletes only from topics that it has asked about before.
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(to + 1) }] });
  });

/** How many records the topics have, where none was lost. */
export const everyEnd = (brokers: readonly string[]): Promise<Record<Topic, number>> =>
  asAdmin(brokers, async (admin) => {
    const counts = TOPICS.map(
      async (topic) =>
        [topic, (await admin.fetchTopicOffsets(topic)).reduce((sum, { high }) => sum + Number(high), 0)] as const,
    );
    return Object.fromEntries(await Promise.all(counts)) as Record<Topic, number>;
  });

/** Everything in one topic, partition by partition. */
export const readAll = async (log: EventLog, topic: Topic): Promise<readonly (readonly LogRecord[])[]> =>
  Promise.all(range(PARTITIONS).map((partition) => log.read(topic, partition, 0, 1_000_000)));

export type Heard = Readonly<{
  key: string;
  value: string;
  partition: number;
  headers: Readonly<Record<string, string>>;
}>;

const texts = (headers: IHeaders = {}): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));

/** The first `count` messages of a topic as a consumer of somebody else gets them. */
export const listen = async (brokers: readonly string[], topic: Topic, count: number): Promise<readonly Heard[]> => {
  const consumer = otherClient(brokers).consumer({ groupId: `listener-${Math.random()}`, maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  const heard: Heard[] = [];
  await new Promise<void>((resolve, reject) => {
    const eachMessage = ({
      partition,
      message,
    }: {
      partition: number;
      message: { key: Buffer | null; value: Buffer | null; headers?: IHeaders };
    }): Promise<void> => {
      heard.push({
        key: String(message.key),
        value: String(message.value),
        partition,
        headers: texts(message.headers),
      });
      if (heard.length === count) resolve();
      return Promise.resolve();
    };
    consumer.run({ eachMessage }).catch(reject);
  });
  await consumer.disconnect();
  return heard;
};
