import pg from 'pg';
import { inject } from 'vitest';
import type { EventLog } from '../../src/record/event-log/event-log.js';
import { TOPICS, type Topic } from '../../src/record/event-log/events/index.js';
import { openKafkaLog } from '../../src/record/event-log/kafka/log.js';
import { openPostgresLog } from '../../src/record/event-log/postgres/log.js';
import { kafkaConfig, loseRecords } from './kafka-log.js';

type Json = Readonly<Record<string, unknown>>;

/**
 * The event log of products under test that share a database: in that database, or, where the run says so, in a Kafka
 * of its own until it is dropped.
 */
export type TestLog = Readonly<{
  /** What the products are told about it. */
  env: Readonly<Record<string, string>>;
  open: (pool: pg.Pool) => Promise<EventLog>;
  /** Every event in it, in the order of each partition. */
  events: () => Promise<readonly Json[]>;
  /** Runs `work` while the log takes nothing and answers nothing. */
  whileAway: <T>(work: () => Promise<T>) => Promise<T>;
  /** Records of the log from one offset to the other, both included, are gone; earlier ones may be too. */
  lose: (topic: Topic, partition: number, from: number, to: number) => Promise<void>;
  drop: () => Promise<void>;
}>;

const PARTITIONS = 12;
const EVERYTHING = 1_000_000;

export const isKafka = (): boolean => inject('testLogs') !== '';

const asOwner = async <T>(databaseUrl: string, work: (client: pg.Client) => Promise<T>): Promise<T> => {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  return work(client).finally(() => client.end());
};

const inPostgres = (databaseUrl: string): TestLog => ({
  env: {},
  open: (pool) => openPostgresLog(pool, PARTITIONS),
  events: async () => {
    const { rows } = await asOwner(databaseUrl, (client) =>
      client.query<{ value: Buffer }>('select value from log_records order by topic, part, off'),
    );
    return rows.map(({ value }) => JSON.parse(value.toString()) as Json);
  },
  whileAway: (work) =>
    asOwner(databaseUrl, async (client) => {
      await client.query('begin');
      await client.query('lock table log_heads in access exclusive mode');
      return work().finally(() => client.query('rollback'));
    }),
  lose: async (topic, partition, from, to) => {
    await asOwner(databaseUrl, (client) =>
      client.query('delete from log_records where topic = $1 and part = $2 and off between $3 and $4', [
        topic,
        partition,
        from,
        to,
      ]),
    );
  },
  drop: () => Promise.resolve(),
});

const ask = async (path: string, method: 'POST' | 'DELETE'): Promise<string> => {
  const response = await fetch(inject('testLogs') + path, { method });
  const text = await response.text();
  if (!response.ok) throw new Error(`no Kafka for a test: ${text}`);
  return text;
};

const readAll = async (eventLog: EventLog): Promise<readonly Json[]> => {
  const parts = await Promise.all(
    TOPICS.flatMap((topic) =>
      Array.from({ length: PARTITIONS }, (_, partition) => eventLog.read(topic, partition, 0, EVERYTHING)),
    ),
  );
  return parts.flat().map(({ value }) => JSON.parse(value.toString()) as Json);
};

const inKafka = async (): Promise<TestLog> => {
  const broker = await ask('/', 'POST');
  const open = (): Promise<EventLog> => openKafkaLog(kafkaConfig([broker]), PARTITIONS, 7 * 86_400_000);
  return {
    env: { KAFKA_BROKERS: broker },
    open,
    events: async () => {
      const eventLog = await open();
      return readAll(eventLog).finally(() => eventLog.close());
    },
    whileAway: async (work) => {
      await ask(`/${broker}/stop`, 'POST');
      return work().finally(() => ask(`/${broker}/cont`, 'POST'));
    },
    lose: (topic, partition, _from, to) => loseRecords([broker], topic, partition, to),
    drop: async () => void (await ask(`/${broker}`, 'DELETE')),
  };
};

export const testLog = (databaseUrl: string): Promise<TestLog> =>
  isKafka() ? inKafka() : Promise.resolve(inPostgres(databaseUrl));
