import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EventLog, HandleBatch, LogEntry, LogRecord, Subscription } from '../../src/record/event-log/event-log.js';
import { MAX_EVENT_BYTES } from '../../src/record/event-log/record-size.js';
import type { Topic } from '../../src/record/event-log/events/index.js';
import { partitionOf } from '../../src/record/event-log/partition.js';
import { GroupCommitError } from '../../src/platform/postgres/group-commit.js';

/** A log with nothing in it: every `open` gives one more way into that same log, and `end` does away with it. */
export type FreshLog = Readonly<{ open: () => Promise<EventLog>; end: () => Promise<void> }>;

export const PARTITIONS = 4;
const DECISIONS: Topic = 'toolgate.decisions';

export const entry = (key: string, value: string | Buffer): LogEntry => ({
  key,
  value: Buffer.from(value),
  id: 'evt_1',
  type: 'test',
  time: '2026-01-01T00:00:00.000Z',
});

/** Waits until the condition holds. */
export const until = async (condition: () => boolean, timeoutMs = 25_000): Promise<void> => {
  const end = Date.now() + timeoutMs;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`it did not happen in ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};

export const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** Some key of each partition. */
export const keysOfAll = (): string[] =>
  range(PARTITIONS).map((partition) =>
    range(1000)
      .map((n) => `org_${n}`)
      .find((key) => partitionOf(key, PARTITIONS) === partition)!,
  );

/**
 * What a reader keeps: its positions, moved by compare-and-set as the audit writer does it in PostgreSQL, and every
 * record that it took. `refused` counts deliveries that lost.
 */
export class Ledger {
  readonly taken: (LogRecord & Readonly<{ topic: Topic; partition: number }>)[] = [];
  readonly batches: number[] = [];
  refused = 0;
  readonly #positions = new Map<string, number>();

  readonly position = (topic: Topic, partition: number): Promise<number> => Promise.resolve(this.at(topic, partition));

  at(topic: Topic, partition: number): number {
    return this.#positions.get(`${topic}|${partition}`) ?? 0;
  }

  moveTo(topic: Topic, partition: number, next: number): void {
    this.#positions.set(`${topic}|${partition}`, next);
  }

  readonly handle: HandleBatch = ({ topic, partition, from, next, records }) => {
    if (this.at(topic, partition) !== from) {
      this.refused += 1;
      return Promise.resolve();
    }
    this.moveTo(topic, partition, next);
    this.batches.push(records.length);
    this.taken.push(...records.map((record) => ({ ...record, topic, partition })));
    return Promise.resolve();
  };

  values(): string[] {
    return this.taken.map(({ value }) => value.toString());
  }
}

/** What every event log promises, whatever it is kept in. */
export const eventLogContract = (prepare: () => Promise<FreshLog>) =>
  describe('as every event log', () => {
    let fresh: FreshLog;
    let opened: EventLog[];
    let subscriptions: Subscription[];

    const open = async (): Promise<EventLog> => {
      const log = await fresh.open();
      opened.push(log);
      return log;
    };

    const subscribe = async (
      log: EventLog,
      reader: Readonly<{ position: Ledger['position']; handle: HandleBatch }>,
      batchSize = 100,
    ): Promise<Subscription> => {
      const subscription = await log.subscribe({ ...reader, batchSize });
      subscriptions.push(subscription);
      return subscription;
    };

    const appendAll = (log: EventLog, key: string, values: readonly string[]): Promise<readonly number[]> =>
      Promise.all(values.map(async (value) => (await log.append(DECISIONS, entry(key, value))).offset));

    beforeEach(async () => {
      opened = [];
      subscriptions = [];
      fresh = await prepare();
    });

    afterEach(async () => {
      await Promise.all(subscriptions.map((subscription) => subscription.stop()));
      await Promise.all(opened.map((log) => log.close()));
      await fresh.end();
    });

    describe('append', () => {
      test(
        'offsets are dense from 0 in each partition, in the order of the calls, one after another and at ' + 'once',
        async () => {
          const log = await open();
          expect((await log.append(DECISIONS, entry('org_1', 'first'))).offset).toBe(0);
          expect(await appendAll(log, 'org_1', range(300).map(String))).toEqual(range(300).map((n) => n + 1));
        },
      );

      test('every key has one partition, by murmur2 as in the clients of Kafka, the same in both topics', async () => {
        const log = await open();
        const keys = [...range(20).map((n) => `org_${n}`), 'ключ', ''];
        for (const topic of ['toolgate.decisions', 'toolgate.control'] as const) {
          const partitions = await Promise.all(
            keys.map(async (key) => (await log.append(topic, entry(key, key))).partition),
          );
          expect(partitions).toEqual(keys.map((key) => partitionOf(key, PARTITIONS)));
        }
      });

      test('two writers at once leave no gap, and what one writes of a key stays in its order', async () => {
        const logs = [await open(), await open()];
        const keys = keysOfAll().slice(0, 2);
        const acknowledged = await Promise.all(
          logs.flatMap((log, writer) =>
            keys.map(async (key) => ({
              key,
              writer,
              offsets: await appendAll(
                log,
                key,
                range(200).map((n) => `${writer}:${n}`),
              ),
            })),
          ),
        );
        for (const key of keys) {
          const records = await logs[0]!.read(DECISIONS, partitionOf(key, PARTITIONS), 0, 1000);
          expect(records.map(({ offset }) => offset)).toEqual(range(400));
          for (const { writer, offsets } of acknowledged.filter((one) => one.key === key)) {
            expect(offsets.map((offset) => records[offset]!.value.toString())).toEqual(
              range(200).map((n) => `${writer}:${n}`),
            );
            expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
          }
        }
      });

      test('a value is kept byte for byte, empty, binary or as long as they may be, and so is its key', async () => {
        const log = await open();
        const values = [
          Buffer.alloc(0),
          Buffer.from(range(256)),
          Buffer.alloc(MAX_EVENT_BYTES, 0xfe),
          Buffer.from('{"a":"\u00e9\u2028"}'),
        ];
        const key = 'org_é';
        for (const value of values) await log.append(DECISIONS, entry(key, value));
        const records = await log.read(DECISIONS, partitionOf(key, PARTITIONS), 0, 10);
        expect(records.map((record) => record.key)).toEqual(values.map(() => key));
        expect(records.map((record, index) => record.value.equals(values[index]!))).toEqual(values.map(() => true));
      });

      test(
        'what waits is bounded: past that an append is refused at once, and what was acknowledged is all ' + 'there',
        async () => {
          const log = await open();
          const outcomes = await Promise.allSettled(
            range(25_000).map((n) => log.append(DECISIONS, entry('org_1', String(n)))),
          );
          const refused = outcomes.filter((one) => one.status === 'rejected');
          const offsets = outcomes.flatMap((one) => (one.status === 'fulfilled' ? [one.value.offset] : []));
          expect(refused.length).toBeGreaterThan(0);
          expect(
            refused.every(({ reason }) => reason instanceof GroupCommitError && reason.refusal === 'queue_full'),
          ).toBe(true);
          expect(offsets).toEqual(range(offsets.length));
          expect(await log.read(DECISIONS, partitionOf('org_1', PARTITIONS), offsets.length - 1, 5)).toHaveLength(1);
        },
      );

      test('a log that closes acknowledges what it took and refuses what comes later', async () => {
        const log = await open();
        const before = range(50).map((n) => log.append(DECISIONS, entry('org_1', String(n))));
        await log.close();
        expect((await Promise.all(before)).map(({ offset }) => offset)).toEqual(range(50));
        await expect(log.append(DECISIONS, entry('org_1', 'late'))).rejects.toMatchObject({ refusal: 'closed' });
      });

      test('a log that takes appends is ready', async () => {
        const log = await open();
        await expect(log.ready()).resolves.toBeUndefined();
      });
    });

    describe('read', () => {
      test(
        'a range begins where it is asked to, ends at its limit or at the end of the log, and past the ' +
          'end is empty',
        async () => {
          const log = await open();
          await appendAll(log, 'org_1', range(20).map(String));
          const partition = partitionOf('org_1', PARTITIONS);
          const read = async (from: number, limit: number): Promise<string[]> =>
            (await log.read(DECISIONS, partition, from, limit)).map(
              ({ offset, value }) => `${offset}=${value.toString()}`,
            );
          expect(await read(0, 3)).toEqual(['0=0', '1=1', '2=2']);
          expect(await read(5, 2)).toEqual(['5=5', '6=6']);
          expect(await read(18, 100)).toEqual(['18=18', '19=19']);
          expect(await read(20, 100)).toEqual([]);
          expect(await log.read('toolgate.control', partition, 0, 100)).toEqual([]);
        },
      );

      test('the end of each partition is the offset that its next record gets', async () => {
        const log = await open();
        const keys = keysOfAll();
        expect(await log.ends(DECISIONS)).toEqual(keys.map(() => 0));
        for (const [index, key] of keys.entries()) await appendAll(log, key, range(index * 10).map(String));
        expect(await log.ends(DECISIONS)).toEqual(keys.map((_, index) => index * 10));
        expect(await log.ends('toolgate.control')).toEqual(keys.map(() => 0));
      });
    });

    describe('subscribe', () => {
      test(
        'every record is delivered in order from the position on, in batches no larger than asked, and ' +
          'new ones follow',
        async () => {
          const log = await open();
          const keys = keysOfAll();
          for (const key of keys)
            await appendAll(
              log,
              key,
              range(60).map((n) => `${key}:${n}`),
            );
          const ledger = new Ledger();
          ledger.moveTo(DECISIONS, 0, 50);
          await subscribe(log, ledger, 25);
          await until(() => ledger.taken.length >= 10 + 3 * 60);
          await appendAll(log, keys[0]!, ['late']);
          await until(() => ledger.taken.length >= 191);
          expect(Math.max(...ledger.batches)).toBeLessThanOrEqual(25);
          for (const partition of range(PARTITIONS)) {
            const offsets = ledger.taken.filter((one) => one.partition === partition).map(({ offset }) => offset);
            expect(offsets).toEqual(partition === 0 ? range(11).map((n) => n + 50) : range(60));
          }
        },
      );

      test('a reader that stops and comes again goes on at its stored position', async () => {
        const log = await open();
        await appendAll(log, 'org_1', range(50).map(String));
        const ledger = new Ledger();
        const first = await subscribe(log, ledger, 10);
        await until(() => ledger.taken.length === 50);
        await first.stop();
        await appendAll(
          log,
          'org_1',
          range(50).map((n) => String(n + 50)),
        );
        expect(ledger.taken).toHaveLength(50);
        await subscribe(log, ledger, 10);
        await until(() => ledger.taken.length === 100);
        expect(ledger.values()).toEqual(range(100).map(String));
      });

      test('stop waits for the batch that is being handled', async () => {
        const log = await open();
        await appendAll(log, 'org_1', ['one']);
        let state = 'waiting';
        const handle: HandleBatch = async () => {
          state = 'handling';
          await new Promise((resolve) => setTimeout(resolve, 300));
          state = 'handled';
        };
        const subscription = await subscribe(log, { position: () => Promise.resolve(0), handle });
        await until(() => state === 'handling');
        await subscription.stop();
        expect(state).toBe('handled');
      });

      test('a batch whose handler failed comes again, and nothing after it comes first', async () => {
        const log = await open();
        await appendAll(log, 'org_1', range(30).map(String));
        const ledger = new Ledger();
        let failures = 0;
        const handle: HandleBatch = (batch) => {
          if (failures < 3 && batch.from >= 10) {
            failures += 1;
            return Promise.reject(new Error('the database is away'));
          }
          return ledger.handle(batch);
        };
        await subscribe(log, { position: ledger.position, handle }, 10);
        await until(() => ledger.taken.length === 30);
        expect(failures).toBe(3);
        expect(ledger.values()).toEqual(range(30).map(String));
      });

      test('a position that another reader moved ahead is followed: nothing before it is handled again', async () => {
        const log = await open();
        await appendAll(log, 'org_1', range(40).map(String));
        const ledger = new Ledger();
        const handle: HandleBatch = async (batch) => {
          await ledger.handle(batch);
          if (batch.from === 0) ledger.moveTo(batch.topic, batch.partition, 30);
        };
        await subscribe(log, { position: ledger.position, handle }, 10);
        await until(() => ledger.taken.at(-1)?.offset === 39);
        expect(ledger.values()).toEqual([...range(10), ...range(10).map((n) => n + 30)].map(String));
      });

      test(
        'two readers with one set of positions share the work: each record is taken once, also when one ' + 'leaves',
        async () => {
          const logs = [await open(), await open()];
          const ledger = new Ledger();
          const keys = keysOfAll();
          const readers = await Promise.all(logs.map((log) => subscribe(log, ledger, 20)));
          const writing = async (from: number): Promise<void> => {
            for (const n of range(40))
              await Promise.all(keys.map((key) => logs[0]!.append(DECISIONS, entry(key, `${key}:${from + n}`))));
          };
          await writing(0);
          await readers[0]!.stop();
          await writing(40);
          await until(() => ledger.taken.length >= 80 * keys.length);
          for (const key of keys)
            expect(ledger.taken.filter((one) => one.key === key).map(({ value }) => value.toString())).toEqual(
              range(80).map((n) => `${key}:${n}`),
            );
        },
      );
    });
  });
