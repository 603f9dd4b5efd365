/**
 * What kafkajs 2.2.4 was seen to do by itself on a real Apache Kafka 4.4, and what the log over it does instead. Each
 * line is a test here, run with FAULTS=full: first the trap, then our log in the same trouble. A release of kafkajs
 * that no longer falls into one fails that test, and the care taken for it may go.
 *
 * | trap | seen of kafkajs alone | the log |
 * |---|---|---|
 * | an idempotent producer takes its sequence number back when a send fails | the failed record was stored; the next
 * one is acknowledged under the same number and is nowhere | not idempotent: what is acknowledged is there |
 * | it never asks for a new producer id | OUT_OF_ORDER_SEQUENCE_NUMBER for every send from then on | a send that fails
 * retires its producer: the next one goes through |
 * | an idempotent producer whose connect failed sends all the same | acknowledged, without ever asking for a producer
 * id again | a connect that fails fails the send |
 * | `maxInFlightRequests` queues requests in front of the socket | the second and third send to a broker wait in the
 * queue | left unset: none does |
 * | `idempotent` retries for ever | a send to a hanging leader is still pending after 12 s | rejected within 12 s |
 * | Nagle's algorithm stays on | `setNoDelay` is never called | called for every connection |
 * | a fetch waits 5 s | stopping an idle reader took 4.7 s | 0.3 s |
 * | no heartbeat while a batch is handled | a handler longer than the session loses the membership and gets the batch
 * again | heartbeats go on: once |
 *
 * Not seen: that a send to partitions of two leaders stores the slow one's records twice when the other leader dies.
 * Its source says so, but in six tries kafkajs had the slow one's answer before it sent again. Each of our sends goes
 * to one partition all the same; kafka-faults.test.ts counts what is stored twice.
 */
import net from 'node:net';
import {
  Kafka,
  logLevel,
  type Consumer,
  type ISocketFactory,
  type KafkaConfig as ClientConfig,
  type Producer,
  type ProducerConfig,
} from 'kafkajs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { EventLog } from '../../src/record/event-log/event-log.js';
import type { Topic } from '../../src/record/event-log/events/index.js';
import { partitionOf } from '../../src/record/event-log/partition.js';
import { Ledger, PARTITIONS, entry, keysOfAll, until } from '../support/event-log-contract.js';
import { kafkaIsHere, startKafka, type KafkaCluster, type KafkaNode } from '../support/kafka-cluster.js';
import { asAdmin, deleteTopics, openLog, readAll } from '../support/kafka-log.js';

const DECISIONS: Topic = 'toolgate.decisions';
const INIT_PRODUCER_ID = 22;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const stateAfter = (work: Promise<unknown>, ms: number): Promise<string> =>
  Promise.race([
    work.then(
      () => 'done',
      () => 'failed',
    ),
    sleep(ms).then(() => 'pending'),
  ]);

describe.skipIf(!kafkaIsHere())('kafkajs on three nodes', () => {
  let cluster: KafkaCluster;
  let log: EventLog;
  const ends: (() => Promise<void>)[] = [];

  const client = (more: Partial<ClientConfig> = {}): Kafka =>
    new Kafka({ clientId: 'bare', brokers: cluster.brokers, logLevel: logLevel.NOTHING, ...more });
  const producerOf = (kafka: Kafka, config: ProducerConfig): Producer => {
    const producer = kafka.producer(config);
    ends.push(() => producer.disconnect());
    return producer;
  };
  /** An idempotent producer that tries twice, the fewest that kafkajs lets it, and waits a second each time. */
  const impatient = async (more: Partial<ClientConfig> = {}): Promise<Producer> => {
    const producer = producerOf(client({ requestTimeout: 1000, retry: { retries: 0 }, ...more }), {
      idempotent: true,
      maxInFlightRequests: 1,
      retry: { retries: 1, initialRetryTime: 100 },
    });
    await producer.connect();
    return producer;
  };
  const send = (producer: Producer, partition: number, ...values: readonly string[]): Promise<unknown> =>
    producer.send({ topic: DECISIONS, acks: -1, messages: values.map((value) => ({ partition, value })) });

  const leaders = async (): Promise<readonly KafkaNode[]> => {
    const { topics } = await asAdmin(cluster.brokers, (admin) => admin.fetchTopicMetadata({ topics: [DECISIONS] }));
    return [...topics[0]!.partitions]
      .sort((a, b) => a.partitionId - b.partitionId)
      .map(({ leader }) => cluster.node(leader));
  };
  const inSync = async (): Promise<void> => {
    await cluster.ready();
    await expect
      .poll(
        async () => {
          const { topics } = await asAdmin(cluster.brokers, (admin) =>
            admin.fetchTopicMetadata({ topics: [DECISIONS] }),
          );
          return topics[0]!.partitions.every(({ isr, leader }) => isr.length === 3 && leader > 0);
        },
        { timeout: 90_000, interval: 300 },
      )
      .toBe(true);
  };
  const stored = async (): Promise<readonly string[]> =>
    (await readAll(log, DECISIONS)).flat().map(({ value }) => value.toString());
  const countOf = async (value: string): Promise<number> => (await stored()).filter((one) => one === value).length;
  const keyOf = (partition: number): string => keysOfAll().find((key) => partitionOf(key, PARTITIONS) === partition)!;

  beforeAll(async () => {
    cluster = await startKafka({ nodes: 3 });
  });
  afterAll(() => cluster?.stop());
  beforeEach(async () => {
    log = await openLog(cluster);
    await inSync();
  });
  afterEach(async () => {
    await Promise.all(ends.splice(0).map((end) => end().catch(() => undefined)));
    await log.close();
    await inSync();
    await deleteTopics(cluster);
  });

  /** A send that times out although its leader stores it. */
  const failedButStored = async (doSend: (value: string) => Promise<unknown>, value: string): Promise<void> => {
    const leader = (await leaders())[0]!;
    leader.stop();
    const failed = doSend(value);
    await expect(failed).rejects.toThrow();
    leader.cont();
    await expect.poll(() => countOf(value), { timeout: 30_000 }).toBe(1);
  };

  /**
   * An append whose leader hangs until it was given up; by then another one leads, and whether the record is stored is
   * open.
   */
  const failsWhileItHangs = async (value: string): Promise<void> => {
    const leader = (await leaders())[0]!;
    leader.stop();
    await expect(log.append(DECISIONS, entry(keyOf(0), value))).rejects.toThrow();
    leader.cont();
    await inSync();
  };

  test(
    'an idempotent producer acknowledges, after a send that failed and was stored, another record ' +
      'that is stored nowhere; the log does not',
    async () => {
      const producer = await impatient();
      await send(producer, 0, 'first');
      await failedButStored((value) => send(producer, 0, value), 'failed');
      await send(producer, 0, 'acknowledged');
      expect(await countOf('acknowledged')).toBe(0);

      await failsWhileItHangs('ours failed');
      await log.append(DECISIONS, entry(keyOf(0), 'ours acknowledged'));
      expect(await countOf('ours acknowledged')).toBe(1);
    },
  );

  test(
    'an idempotent producer whose numbers no longer fit fails every send from then on; the log goes ' + 'on',
    async () => {
      const producer = await impatient();
      await send(producer, 0, 'first');
      await failedButStored((value) => send(producer, 0, value), 'failed');
      for (let n = 0; n < 3; n += 1)
        await expect(send(producer, 0, `two-${n}`, `three-${n}`)).rejects.toMatchObject({
          type: 'OUT_OF_ORDER_SEQUENCE_NUMBER',
        });

      await failsWhileItHangs('ours failed');
      for (let n = 0; n < 3; n += 1) await log.append(DECISIONS, entry(keyOf(0), `ours-${n}`));
    },
  );

  test(
    'an idempotent producer whose connect failed is acknowledged without a producer id; the log has ' +
      'none that could fail',
    async () => {
      const asked: number[] = [];
      const socketFactory: ISocketFactory = ({ host, port, onConnect }) => {
        const socket = net.connect({ host, port }, onConnect);
        const write = socket.write.bind(socket) as (data: Buffer, done?: () => void) => boolean;
        socket.write = ((data: Buffer, done?: () => void): boolean => {
          asked.push(data.readInt16BE(4));
          return data.readInt16BE(4) === INIT_PRODUCER_ID ? true : write(data, done);
        }) as typeof socket.write;
        return socket;
      };
      const producer = producerOf(client({ requestTimeout: 1000, retry: { retries: 0 }, socketFactory }), {
        idempotent: true,
        maxInFlightRequests: 1,
        retry: { retries: 1, initialRetryTime: 100 },
      });
      await expect(producer.connect()).rejects.toThrow();
      expect(asked).toContain(INIT_PRODUCER_ID);
      asked.length = 0;
      await send(producer, 0, 'without an id');
      expect(asked).not.toContain(INIT_PRODUCER_ID);
      expect(await countOf('without an id')).toBe(1);
    },
  );

  test('maxInFlightRequests makes a second send wait in a queue of kafkajs; unset, none does', async () => {
    const nodes = await leaders();
    const queued = async (config: ProducerConfig): Promise<number> => {
      const producer = producerOf(client(), config);
      let most = 0;
      producer.on('producer.network.request_queue_size', ({ payload }) => (most = Math.max(most, payload.queueSize)));
      await producer.connect();
      await send(producer, 0, 'warm');
      nodes[0]!.stop();
      const sends = [send(producer, 0, 'one'), send(producer, 0, 'two'), send(producer, 0, 'three')];
      await sleep(300);
      nodes[0]!.cont();
      await Promise.all(sends);
      return most;
    };
    expect(await queued({ maxInFlightRequests: 1 })).toBe(2);
    expect(await queued({})).toBe(0);
  });

  test('an idempotent producer never gives up on a leader that hangs; the log does within ten seconds', async () => {
    const producer = producerOf(client(), { idempotent: true });
    await producer.connect();
    await send(producer, 0, 'warm');
    await log.append(DECISIONS, entry(keyOf(0), 'warm'));
    // Without a quorum of controllers no other leader is found.
    const others = [cluster.node(1), cluster.node(2)];
    for (const node of others) node.stop();
    const states = [
      stateAfter(send(producer, 0, 'theirs'), 12_000),
      stateAfter(log.append(DECISIONS, entry(keyOf(0), 'ours')), 12_000),
    ];
    expect(await Promise.all(states)).toEqual(['pending', 'failed']);
    for (const node of others) node.cont();
  });

  test('kafkajs leaves Nagle’s algorithm on; the log turns it off on every connection', async () => {
    const connect = vi.spyOn(net, 'connect');
    const noDelay = vi.spyOn(net.Socket.prototype, 'setNoDelay');
    try {
      const producer = producerOf(client(), {});
      await producer.connect();
      await send(producer, 0, 'theirs');
      expect([connect.mock.calls.length > 0, noDelay.mock.calls.length]).toEqual([true, 0]);
      connect.mockClear();
      await log.append(DECISIONS, entry(keyOf(0), 'ours'));
      expect(connect.mock.calls.length).toBeGreaterThan(0);
      expect(noDelay.mock.calls).toEqual(connect.mock.calls.map(() => [true]));
    } finally {
      connect.mockRestore();
      noDelay.mockRestore();
    }
  });

  const consumerOf = async (config: Partial<Parameters<Kafka['consumer']>[0]>): Promise<Consumer> => {
    const consumer = client().consumer({ groupId: `bare-${Math.random()}`, ...config });
    ends.push(() => consumer.disconnect());
    await consumer.connect();
    await consumer.subscribe({ topics: [DECISIONS], fromBeginning: true });
    return consumer;
  };

  test('an idle reader of kafkajs takes seconds to stop, as long as its fetch waits; the log’s does not', async () => {
    const consumer = await consumerOf({});
    const fetching = new Promise((resolve) => consumer.on('consumer.fetch_start', resolve));
    await consumer.run({ eachMessage: () => Promise.resolve() });
    await fetching;
    await sleep(300);
    const began = performance.now();
    await consumer.stop();
    const theirs = performance.now() - began;

    const ledger = new Ledger();
    const subscription = await log.subscribe({ ...ledger, batchSize: 10 });
    await log.append(DECISIONS, entry(keyOf(0), 'one'));
    await until(() => ledger.taken.length === 1);
    await sleep(700);
    const again = performance.now();
    await subscription.stop();
    const ours = performance.now() - again;
    process.stderr.write(
      `stopping an idle reader: ${theirs.toFixed(0)} ms with kafkajs's defaults, ${ours.toFixed(0)} ms with ours\n`,
    );
    expect(theirs).toBeGreaterThan(2500);
    expect(ours).toBeLessThan(theirs / 2);
  });

  test(
    'a handler that takes longer than the session costs a reader of kafkajs its membership, and it ' +
      'gets the batch again; the log’s keeps both',
    async () => {
      for (const key of keysOfAll()) await log.append(DECISIONS, entry(key, 'one'));
      const LONG_MS = 13_000;
      const consumer = await consumerOf({ sessionTimeout: 6000, heartbeatInterval: 1000 });
      let handled = 0;
      await consumer.run({
        partitionsConsumedConcurrently: PARTITIONS,
        eachBatch: async () => {
          handled += 1;
          if (handled <= PARTITIONS) await sleep(LONG_MS);
        },
      });
      const ledger = new Ledger();
      let calls = 0;
      const subscription = await log.subscribe({
        position: ledger.position,
        batchSize: 10,
        handle: async (batch) => {
          calls += 1;
          if (calls <= PARTITIONS) await sleep(LONG_MS);
          await ledger.handle(batch);
        },
      });
      await until(() => handled > PARTITIONS && ledger.taken.length === PARTITIONS, 90_000);
      await sleep(1000);
      await subscription.stop();
      expect([calls, ledger.taken.length, ledger.refused]).toEqual([PARTITIONS, PARTITIONS, 0]);
    },
  );
});
