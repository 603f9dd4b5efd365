import type { Admin, ITopicMetadata } from 'kafkajs';
import type { KafkaConfig } from '../../../platform/settings/config.js';
import { errorText } from '../../../platform/runtime/log.js';
import { TOPICS } from '../events/index.js';
import { asAdmin, type MakeClient } from './client.js';

const MAX_REPLICAS = 3;
const CREATE_TIMEOUT_MS = 15_000;

/**
 * Room for one large control event (`tools.discovered` holds every definition); the broker's default of 1 MiB would
 * refuse it for ever.
 */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

export type TopicSettings = Readonly<{ config: KafkaConfig; partitions: number; retentionMs: number }>;

/**
 * A loss of acknowledged records needs as many dead disks as there are copies that acknowledged: two, where the cluster
 * has two.
 */
const topicConfig = (replication: number, retentionMs: number): { name: string; value: string }[] => [
  { name: 'min.insync.replicas', value: String(Math.min(2, replication)) },
  { name: 'unclean.leader.election.enable', value: 'false' },
  { name: 'cleanup.policy', value: 'delete' },
  { name: 'retention.ms', value: String(retentionMs) },
  { name: 'retention.bytes', value: '-1' },
  { name: 'max.message.bytes', value: String(MAX_MESSAGE_BYTES) },
];

const createMissing = async (admin: Admin, { config, partitions, retentionMs }: TopicSettings): Promise<void> => {
  const existing = new Set(await admin.listTopics());
  const missing = TOPICS.filter((topic) => !existing.has(topic));
  if (missing.length === 0) return;
  const { brokers } = await admin.describeCluster();
  const replication = config.replication ?? Math.min(MAX_REPLICAS, brokers.length);
  const topics = missing.map((topic) => ({
    topic,
    numPartitions: partitions,
    replicationFactor: replication,
    configEntries: topicConfig(replication, retentionMs),
  }));
  try {
    await admin.createTopics({ topics, waitForLeaders: false, timeout: CREATE_TIMEOUT_MS });
  } catch (error) {
    const causes = (error as { errors?: readonly Error[] }).errors?.map(errorText) ?? [errorText(error)];
    throw new Error(
      `Kafka did not make the topics ${missing.join(' and ')} with ${partitions} partitions and ${replication} ` +
        `replicas (KAFKA_REPLICATION): ${causes.join('; ')}`,
      { cause: error },
    );
  }
};

/**
 * Makes what is missing and tells what there is. A broker that lags behind and doesn't know a topic yet says so, and
 * another one is asked.
 */
const settle = (client: MakeClient, settings: TopicSettings): Promise<readonly ITopicMetadata[]> =>
  asAdmin(client, async (admin) => {
    await createMissing(admin, settings);
    return (await admin.fetchTopicMetadata({ topics: [...TOPICS] })).topics;
  });

/**
 * Makes the topics that are missing and resolves to the cluster's id; several starts at once don't disturb each other.
 * Topics that exist are left as they are.
 * @throws when a topic can't be made, or has another number of partitions: keys would move, and with them an
 * organization's order.
 */
export const ensureTopics = async (client: MakeClient, settings: TopicSettings): Promise<string> => {
  for (const { name, partitions } of await settle(client, settings)) {
    if (partitions.length === settings.partitions) continue;
    throw new Error(
      `KAFKA_PARTITIONS is ${settings.partitions}, but the topic ${name} has ${partitions.length}; the ` +
        'number of partitions never changes',
    );
  }
  return asAdmin(client, async (admin) => (await admin.describeCluster()).clusterId);
};

/**
 * That every partition has a leader and copies enough for an acknowledgement, as far as the brokers know: without a
 * quorum of controllers they go on telling what was true before. Brokers that don't know are asked again for
 * `timeoutMs`. @throws naming what is missing.
 */
export const assertWritable = (client: MakeClient, timeoutMs: number): Promise<void> =>
  asAdmin(
    client,
    async (admin) => {
      const { topics } = await admin.fetchTopicMetadata({ topics: [...TOPICS] });
      for (const { name, partitions } of topics) {
        for (const { partitionId, leader, isr, replicas } of partitions) {
          if (leader < 0) throw new Error(`${name}/${partitionId} has no leader`);
          if (isr.length < Math.min(2, replicas.length))
            throw new Error(`${name}/${partitionId} has ${isr.length} of ${replicas.length} copies in sync`);
        }
      }
    },
    timeoutMs,
  );
