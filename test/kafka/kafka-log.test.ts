import { ConfigResourceTypes, Partitioners } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { toEntry } from '../../src/record/event-log/append.js';
import type { ToolgateEvent } from '../../src/record/event-log/events/index.js';
import { openKafkaLog } from '../../src/record/event-log/kafka/log.js';
import { isRefusedForItself } from '../../src/platform/postgres/group-commit.js';
import { partitionOf } from '../../src/record/event-log/partition.js';
import { Ledger, PARTITIONS, entry, eventLogContract, keysOfAll, range, until } from '../support/event-log-contract.js';
import { kafkaIsHere, startKafka, type KafkaCluster } from '../support/kafka-cluster.js';
import { asAdmin, deleteTopics, kafkaConfig, listen, loseRecords, openLog, otherClient } from '../support/kafka-log.js';

const DAY_MS = 86_400_000;

describe.skipIf(!kafkaIsHere())('the event log in Kafka', () => {
  let cluster: KafkaCluster;

  beforeAll(async () => {
    cluster = await startKafka({ nodes: 1 });
  });

  afterAll(() => cluster?.stop());

  eventLogContract(() => Promise.resolve({ open: () => openLog(cluster), end: () => deleteTopics(cluster) }));

  test(
    'its topics refuse unclean leaders, keep records as long as asked and have room for a large ' +
      'event; several starts at once agree',
    async () => {
      const logs = await Promise.all(
        range(3).map(() => openKafkaLog(kafkaConfig(cluster.brokers), PARTITIONS, 3 * DAY_MS)),
      );
      const { resources } = await asAdmin(cluster.brokers, (admin) =>
        admin.describeConfigs({
          includeSynonyms: false,
          resources: [{ type: ConfigResourceTypes.TOPIC, name: 'toolgate.decisions' }],
        }),
      );
      const settings = Object.fromEntries(
        resources[0]!.configEntries.map(({ configName, configValue }) => [configName, configValue]),
      );
      expect(settings).toMatchObject({
        'min.insync.replicas': '1',
        'unclean.leader.election.enable': 'false',
        'cleanup.policy': 'delete',
        'retention.ms': String(3 * DAY_MS),
        'max.message.bytes': String(16 * 1024 * 1024),
      });
      await Promise.all(logs.map((log) => log.close()));
      await deleteTopics(cluster);
    },
  );

  test(
    'topics with another number of partitions, or a replication that the cluster lacks, stop the ' +
      'start with a line that names the setting',
    async () => {
      await expect(
        openKafkaLog({ ...kafkaConfig(cluster.brokers), replication: 3 }, PARTITIONS, DAY_MS),
      ).rejects.toThrow('KAFKA_REPLICATION');
      await (await openLog(cluster)).close();
      await expect(openKafkaLog(kafkaConfig(cluster.brokers), PARTITIONS + 1, DAY_MS)).rejects.toThrow(
        /^KAFKA_PARTITIONS is 5, but the topic toolgate\.\w+ has 4; the number of partitions never changes$/,
      );
      await deleteTopics(cluster);
    },
  );

  test(
    'of records that are sent together only the one that the broker refuses is refused, and the log ' + 'stays ready',
    async () => {
      const log = await openLog(cluster);
      const key = keysOfAll()[0]!;
      const other = range(10_000)
        .map((n) => `org_${n}`)
        .find((one) => one !== key && partitionOf(one, PARTITIONS) === partitionOf(key, PARTITIONS))!;
      const of = (owner: string, value: string) => ({
        key: owner,
        value,
        id: `evt_${owner}`,
        type: 'audit.read',
        time: '2026-01-02T03:04:05.678Z',
      });
      const large = 'x'.repeat(17 * 1024 * 1024);
      const appended = await Promise.allSettled([
        ...range(20).map((n) => log.append('toolgate.control', of(key, `before ${n}`))),
        log.append('toolgate.control', of(key, large)),
        ...range(20).map((n) => log.append('toolgate.control', of(other, `after ${n}`))),
      ]);
      const refused = appended
        .filter((one) => one.status === 'rejected')
        .map(({ reason }) => isRefusedForItself(reason));
      expect(refused).toEqual([true]);
      await log.ready();
      const offsets = appended.flatMap((one) => (one.status === 'fulfilled' ? [one.value.offset] : []));
      expect(offsets.toSorted((a, b) => a - b)).toEqual(range(40).map((n) => n));
      await log.close();
      await deleteTopics(cluster);
    },
  );

  test('a record that is refused beside many others in one batch costs none of them their place', async () => {
    const log = await openLog(cluster);
    const key = keysOfAll()[0]!;
    const { resources } = {
      resources: [
        {
          type: ConfigResourceTypes.TOPIC,
          name: 'toolgate.control',
          configEntries: [{ name: 'max.message.bytes', value: '20000' }],
        },
      ],
    };
    await asAdmin(cluster.brokers, (admin) => admin.alterConfigs({ validateOnly: false, resources }));
    const of = (owner: string, value: string) => ({
      key: owner,
      value,
      id: `evt_${owner}`,
      type: 'audit.read',
      time: '2026-01-02T03:04:05.678Z',
    });
    const large = 'x'.repeat(50_000);
    await expect
      .poll(() =>
        log.append('toolgate.control', of(key, large)).then(
          () => 'taken',
          () => 'refused',
        ),
      )
      .toBe('refused');
    const appended = await Promise.allSettled(
      range(30).map((n) => log.append('toolgate.control', of(key, n === 13 ? large : `${n} ${'y'.repeat(1000)}`))),
    );
    expect(
      appended.flatMap((one, index) => (one.status === 'rejected' ? [[index, isRefusedForItself(one.reason)]] : [])),
    ).toEqual([[13, true]]);
    await log.ready();
    await log.close();
    await deleteTopics(cluster);
  });

  test('a cluster that nobody serves stops the start within ten seconds', async () => {
    const began = Date.now();
    await expect(openKafkaLog(kafkaConfig(['127.0.0.1:1']), PARTITIONS, DAY_MS)).rejects.toThrow();
    expect(Date.now() - began).toBeLessThan(10_000);
  });

  test(
    'an organization has the same partition as with any other producer: key and CloudEvents headers ' +
      'are what others see',
    async () => {
      const log = await openLog(cluster);
      const producer = otherClient(cluster.brokers).producer({ createPartitioner: Partitioners.DefaultPartitioner });
      await producer.connect();
      const organizations = range(30).map((n) => `org_01h2xcejqtf2nbrexx3vqj${n}`);
      const theirs = new Map<string, number>();
      for (const key of organizations)
        theirs.set(
          key,
          (await producer.send({ topic: 'toolgate.control', messages: [{ key, value: 'theirs' }] }))[0]!.partition,
        );
      await producer.disconnect();
      const event = {
        id: 'evt_1',
        type: 'organization.created',
        version: 1,
        time: '2026-01-02T03:04:05.678Z',
        name: 'Zoë',
      } as const;
      for (const organizationId of organizations)
        await log.append(
          'toolgate.decisions',
          toEntry({ ...event, organizationId, actor: { type: 'system', id: 'test' } } as ToolgateEvent),
        );
      const heard = await listen(cluster.brokers, 'toolgate.decisions', organizations.length);
      for (const { key, value, partition, headers } of heard) {
        expect(partition).toBe(theirs.get(key));
        expect(JSON.parse(value)).toMatchObject({ id: 'evt_1', organizationId: key, name: 'Zoë' });
        expect(headers).toEqual({
          ce_specversion: '1.0',
          ce_id: 'evt_1',
          ce_type: 'organization.created',
          ce_source: 'toolgate',
          ce_time: event.time,
          ce_subject: key,
          'content-type': 'application/json',
        });
      }
      await log.close();
      await deleteTopics(cluster);
    },
  );

  test(
    'records that the log has lost are passed over, and the handler sees that from which offset to ' + 'which',
    async () => {
      const log = await openLog(cluster);
      const key = keysOfAll()[1]!;
      for (const n of range(40)) await log.append('toolgate.decisions', entry(key, String(n)));
      await loseRecords(cluster.brokers, 'toolgate.decisions', 1, 24);
      const ledger = new Ledger();
      ledger.moveTo('toolgate.decisions', 1, 10);
      const holes: string[] = [];
      const subscription = await log.subscribe({
        position: ledger.position,
        batchSize: 10,
        handle: (batch) => {
          const known = ledger.at(batch.topic, batch.partition);
          if (known < batch.from) holes.push(`${known}-${batch.from}`);
          ledger.moveTo(batch.topic, batch.partition, batch.from);
          return ledger.handle(batch);
        },
      });
      await until(() => ledger.taken.length === 15);
      await subscription.stop();
      expect(holes).toEqual(['10-25']);
      expect(ledger.values()).toEqual(range(15).map((n) => String(n + 25)));
      expect((await log.read('toolgate.decisions', 1, 0, 2)).map(({ offset }) => offset)).toEqual([25, 26]);
      await log.close();
      await deleteTopics(cluster);
    },
  );

  test('where Kafka believes the group to be counts for nothing: a position set back is read from again', async () => {
    const log = await openLog(cluster);
    await log.append('toolgate.decisions', entry('org_1', 'first'));
    const partition = partitionOf('org_1', PARTITIONS);
    for (const round of range(2)) {
      const ledger = new Ledger();
      const subscription = await log.subscribe({ ...ledger, batchSize: 10 });
      await until(() => ledger.taken.length === 1);
      await new Promise((resolve) => setTimeout(resolve, 300));
      await subscription.stop();
      const [offsets] = await asAdmin(cluster.brokers, (admin) =>
        admin.fetchOffsets({ groupId: 'toolgate-audit', topics: ['toolgate.decisions'] }),
      );
      expect([round, offsets!.partitions.find((one) => one.partition === partition)?.offset]).toEqual([round, '1']);
    }
    await log.close();
    await deleteTopics(cluster);
  });

  test("a position past the end of the log is another log's: the reader says so and handles nothing", async () => {
    const log = await openLog(cluster);
    await log.append('toolgate.decisions', entry('org_1', 'first'));
    const ledger = new Ledger();
    const partition = partitionOf('org_1', PARTITIONS);
    ledger.moveTo('toolgate.decisions', partition, 1000);
    const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const subscription = await log.subscribe({ ...ledger, batchSize: 10 });
    try {
      await until(() =>
        said.mock.calls.some(([line]) => String(line).includes('the reader stands at 1000, but the log ends at 1')),
      );
    } finally {
      said.mockRestore();
      await subscription.stop();
    }
    expect([ledger.taken.length, ledger.at('toolgate.decisions', partition)]).toEqual([0, 1000]);
    await log.close();
    await deleteTopics(cluster);
  });
});
