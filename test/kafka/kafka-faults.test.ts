import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Appended, EventLog, HandleBatch } from '../../src/record/event-log/event-log.js';
import type { Topic } from '../../src/record/event-log/events/index.js';
import { partitionOf } from '../../src/record/event-log/partition.js';
import { Ledger, PARTITIONS, entry, keysOfAll, range, until } from '../support/event-log-contract.js';
import { kafkaIsHere, startKafka, type KafkaCluster, type KafkaNode } from '../support/kafka-cluster.js';
import { asAdmin, deleteTopics, openLog, readAll } from '../support/kafka-log.js';

const DECISIONS: Topic = 'toolgate.decisions';
/** An append is given up after ten seconds; what a busy machine adds is less than what anything that hangs would. */
const GIVEN_UP_MS = 16_000;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

type Outcome = Readonly<{ id: string; key: string; ms: number; at: Appended | undefined }>;

/**
 * Appends to every partition, one new id every few milliseconds, until it is stopped; an append that was rejected is
 * not tried again.
 */
const startLoad = (log: EventLog): Readonly<{ outcomes: Outcome[]; stop: () => Promise<void> }> => {
  const keys = keysOfAll();
  const outcomes: Outcome[] = [];
  const pending = new Set<Promise<void>>();
  let count = 0;
  const appendOne = async (): Promise<void> => {
    const id = `id-${count++}`;
    const key = keys[count % keys.length]!;
    const began = performance.now();
    const at = await log.append(DECISIONS, entry(key, id)).catch(() => undefined);
    outcomes.push({ id, key, ms: performance.now() - began, at });
  };
  const timer = setInterval(() => {
    const work = appendOne();
    pending.add(work);
    void work.finally(() => pending.delete(work));
  }, 3);
  return {
    outcomes,
    stop: async () => {
      clearInterval(timer);
      await Promise.all(pending);
    },
  };
};

/** The load's latest appends are all acknowledged: every partition has a leader again. */
const goesOn = (outcomes: readonly Outcome[]): Promise<void> =>
  until(() => {
    const latest = outcomes.slice(-200);
    return (
      latest.length === 200 && latest.every(({ at }) => at) && new Set(latest.map(({ key }) => key)).size === PARTITIONS
    );
  }, 60_000);

const worst = (outcomes: readonly Outcome[]): number => Math.max(...outcomes.map(({ ms }) => ms));
const acknowledged = (outcomes: readonly Outcome[]): Outcome[] => outcomes.filter(({ at }) => at);

/** Every acknowledged id stands where its acknowledgement said, and so two acknowledgements never meant one record. */
const expectAllThere = async (
  log: EventLog,
  outcomes: readonly Outcome[],
): Promise<{ repeated: number; unacknowledged: number }> => {
  const stored = await readAll(log, DECISIONS);
  for (const partition of stored) expect(partition.map(({ offset }) => offset)).toEqual(range(partition.length));
  for (const { id, at } of acknowledged(outcomes))
    expect(stored[at!.partition]![at!.offset]?.value.toString()).toBe(id);
  const ids = stored.flat().map(({ value }) => value.toString());
  const known = new Set(acknowledged(outcomes).map(({ id }) => id));
  return { repeated: ids.length - new Set(ids).size, unacknowledged: new Set(ids.filter((id) => !known.has(id))).size };
};

describe.skipIf(!kafkaIsHere())('three Kafka nodes', () => {
  let cluster: KafkaCluster;
  let log: EventLog;

  const leaderOf = async (partition: number): Promise<KafkaNode> => {
    const { topics } = await asAdmin(cluster.brokers, (admin) => admin.fetchTopicMetadata({ topics: [DECISIONS] }));
    return cluster.node(topics[0]!.partitions.find(({ partitionId }) => partitionId === partition)!.leader);
  };

  /** The leader of the partition of __consumer_offsets that a group's name is hashed to, as Java hashes. */
  const coordinatorOf = async (group: string): Promise<KafkaNode> => {
    const { topics } = await asAdmin(cluster.brokers, (admin) =>
      admin.fetchTopicMetadata({ topics: ['__consumer_offsets'] }),
    );
    const hash = [...group].reduce((sum, letter) => (Math.imul(sum, 31) + letter.charCodeAt(0)) | 0, 0);
    const partition = (hash & 0x7fffffff) % topics[0]!.partitions.length;
    return cluster.node(topics[0]!.partitions.find(({ partitionId }) => partitionId === partition)!.leader);
  };

  /** All copies of all partitions are in sync again. */
  const inSync = async (): Promise<void> => {
    await cluster.ready();
    for (const end = Date.now() + 90_000; Date.now() < end;) {
      const topics = await asAdmin(cluster.brokers, (admin) => admin.fetchTopicMetadata({ topics: [DECISIONS] })).then(
        (found) => found.topics,
        () => [],
      );
      if (topics[0]?.partitions.every(({ isr, leader }) => isr.length === 3 && leader > 0)) return;
      await sleep(200);
    }
    throw new Error('the copies did not get in sync');
  };

  beforeAll(async () => {
    cluster = await startKafka({ nodes: 3 });
  });

  afterAll(() => cluster?.stop());

  beforeEach(async () => {
    log = await openLog(cluster);
  });

  afterEach(async () => {
    await log.close();
    await inSync();
    await deleteTopics(cluster);
  });

  test(
    'kill -9 of a leader under load: appends to its partitions fail or wait until another leads, the ' +
      'rest goes on, and nothing acknowledged is missing',
    async () => {
      const victim = await leaderOf(0);
      const load = startLoad(log);
      await sleep(1500);
      await victim.kill();
      const killedAt = load.outcomes.length;
      await sleep(4000);
      await goesOn(load.outcomes);
      await load.stop();
      expect(worst(load.outcomes)).toBeLessThan(GIVEN_UP_MS);
      const { repeated, unacknowledged } = await expectAllThere(log, load.outcomes);
      console.log(
        `kill -9: ${acknowledged(load.outcomes).length} of ${load.outcomes.length} acknowledged (${killedAt} ` +
          `before), worst ${worst(load.outcomes).toFixed(0)} ms, ${repeated} stored twice, ${unacknowledged} ` +
          'stored but not acknowledged',
      );
      await victim.restart();
    },
  );

  test(
    'kill -9 of a leader while the ends are asked without pause: every question is answered, by what ' +
      'was acknowledged',
    async () => {
      for (const key of keysOfAll()) await log.append(DECISIONS, entry(key, 'one'));
      const answers: string[] = [];
      let over = false;
      const asking = range(4).map(async () => {
        while (!over) answers.push(await log.ends(DECISIONS).then(String, String));
      });
      const victim = await leaderOf(0);
      await victim.kill();
      await expect
        .poll(
          () =>
            leaderOf(0).then(
              ({ id }) => id,
              () => victim.id,
            ),
          { timeout: 60_000, interval: 100 },
        )
        .not.toBe(victim.id);
      const before = answers.length;
      await until(() => answers.length > before + 20, 60_000);
      over = true;
      await Promise.all(asking);
      await victim.restart();
      expect(new Set(answers)).toEqual(new Set(['1,1,1,1']));
    },
  );

  test(
    'a leader that hangs for 8 s: appends to its partitions are rejected in time, then go to the next ' +
      'leader, and what was given up is never taken for new',
    async () => {
      const victim = await leaderOf(0);
      const load = startLoad(log);
      await sleep(1500);
      victim.stop();
      await sleep(8000);
      const beforeItWoke = load.outcomes.length;
      victim.cont();
      await sleep(1000);
      await goesOn(load.outcomes);
      await load.stop();
      expect(worst(load.outcomes)).toBeLessThan(GIVEN_UP_MS);
      const { repeated, unacknowledged } = await expectAllThere(log, load.outcomes);
      console.log(
        `SIGSTOP: ${acknowledged(load.outcomes).length} of ${load.outcomes.length} acknowledged (${beforeItWoke} ` +
          `ended before it woke), worst ${worst(load.outcomes).toFixed(0)} ms, ${repeated} stored twice, ` +
          `${unacknowledged} ` +
          'stored but not acknowledged',
      );
    },
  );

  test(
    'two of three down: appends are rejected within ten seconds, the log says that it is not ready, ' +
      'and both end when the nodes are back',
    async () => {
      await log.append(DECISIONS, entry('org_1', 'before'));
      await Promise.all([cluster.node(1).kill(), cluster.node(2).kill()]);
      const began = performance.now();
      const outcomes = await Promise.allSettled(
        keysOfAll().flatMap((key) => range(50).map(() => log.append(DECISIONS, entry(key, 'during')))),
      );
      expect(performance.now() - began).toBeLessThan(GIVEN_UP_MS);
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(0);
      await expect(log.ready()).rejects.toThrow('Kafka took no append');
      await Promise.all([cluster.node(1).restart(), cluster.node(2).restart()]);
      await inSync();
      await expect(log.append(DECISIONS, entry('org_1', 'after'))).resolves.toMatchObject({
        partition: partitionOf('org_1', PARTITIONS),
      });
      await expect(log.ready()).resolves.toBeUndefined();
    },
  );

  test(
    'kill -9 of the group coordinator while a batch is handled: the reader finds the next one and ' +
      'takes every record once',
    async () => {
      const ledger = new Ledger();
      const load = startLoad(log);
      const subscription = await log.subscribe({
        position: ledger.position,
        batchSize: 50,
        handle: async (batch) => {
          await sleep(20);
          await ledger.handle(batch);
        },
      });
      await until(() => ledger.taken.length > 100);
      const coordinator = await coordinatorOf('toolgate-audit');
      await coordinator.kill();
      await sleep(6000);
      await load.stop();
      const all = acknowledged(load.outcomes).map(({ id }) => id);
      await until(() => all.length <= ledger.taken.length && all.every((id) => ledger.values().includes(id)), 45_000);
      for (const partition of range(PARTITIONS)) {
        const offsets = ledger.taken.filter((one) => one.partition === partition).map(({ offset }) => offset);
        expect(offsets).toEqual(range(offsets.length));
      }
      await subscription.stop();
      await coordinator.restart();
    },
  );

  test(
    'a reader that the group gave up while it was handling loses by the compare-and-set, and goes on ' +
      'from where the other one got to',
    async () => {
      const other = await openLog(cluster);
      const ledger = new Ledger();
      let release: () => void = () => undefined;
      const held = new Promise<void>((resolve) => (release = resolve));
      let holding = false;
      const slow: HandleBatch = async (batch) => {
        if (batch.partition === 0) {
          holding = true;
          await held;
        }
        await ledger.handle(batch);
      };
      const key = keysOfAll()[0]!;
      for (const n of range(30)) await log.append(DECISIONS, entry(key, String(n)));
      const zombie = await log.subscribe({ position: ledger.position, handle: slow, batchSize: 10 });
      await until(() => holding);
      const reader = await other.subscribe({ position: ledger.position, handle: ledger.handle, batchSize: 10 });
      await until(() => ledger.taken.length === 30, 40_000);
      release();
      await until(() => ledger.refused > 0);
      await log.append(DECISIONS, entry(key, '30'));
      await until(() => ledger.taken.length === 31);
      expect(ledger.values()).toEqual(range(31).map(String));
      await Promise.all([zombie.stop(), reader.stop()]);
      await other.close();
    },
  );
});
