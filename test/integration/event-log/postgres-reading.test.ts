import { afterEach, beforeEach, expect, test } from 'vitest';
import type { LogRecord } from '../../../src/record/event-log/event-log.js';
import { partitionOf } from '../../../src/record/event-log/partition.js';
import { newId } from '../../../src/platform/crypto/ids.js';
import { entry as toEntry } from '../../support/event-log-contract.js';
import { open, until, type Opened } from '../audit/audit-support.js';

let opened: Opened;
beforeEach(async () => {
  opened = await open();
});
afterEach(() => opened.close());

const entry = (key: string, bytes: number) => toEntry(key, Buffer.alloc(bytes, 97));

test('one read of large records is bounded in bytes, and the next goes on where it ended', async () => {
  const key = newId('org');
  const appended = await Promise.all(
    Array.from({ length: 200 }, () => opened.eventLog.append('toolgate.control', entry(key, 59_000))),
  );
  const { partition } = appended[0] ?? { partition: -1 };
  const read: LogRecord[][] = [];
  for (let from = 0; from < 200; from += read.at(-1)?.length ?? 200)
    read.push([...(await opened.eventLog.read('toolgate.control', partition, from, 500))]);
  expect(read.map(({ length }) => length)).toEqual([143, 57]);
  expect(read.flat().map(({ offset }) => offset)).toEqual(Array.from({ length: 200 }, (_, index) => index));
});

test('a partition whose batches cannot be handled does not keep the others from theirs', async () => {
  const keys = Array.from({ length: 40 }, () => newId('org'));
  await Promise.all(keys.map((key) => opened.eventLog.append('toolgate.decisions', entry(key, 10))));
  const partitions = new Set(keys.map((key) => partitionOf(key, 12)));
  const next = new Map<string, number>();
  const subscription = await opened.eventLog.subscribe({
    batchSize: 100,
    position: (topic, partition) => Promise.resolve(next.get(`${topic}|${partition}`) ?? 0),
    handle: (batch) => {
      if (batch.partition === Math.min(...partitions)) return Promise.reject(new Error('poison'));
      next.set(`${batch.topic}|${batch.partition}`, batch.next);
      return Promise.resolve();
    },
  });
  await until(() => next.size === partitions.size - 1);
  await subscription.stop();
});
