import { describe, expect, test } from 'vitest';
import { GroupCommit, GroupCommitError, type GroupLimits } from '../../../src/platform/group-commit.js';

const WIDE: GroupLimits = { maxBatch: 1000, maxBatchBytes: 1_000_000, maxWaiting: 10_000, maxWaitingBytes: 10_000_000 };

type Flush = Readonly<{ batch: readonly number[]; finish: (results?: readonly number[]) => Promise<void>; fail: (error: Error) => Promise<void> }>;

const settle = (): Promise<void> => new Promise((done) => setImmediate(done));

/** A group commit whose flushes end when the test says so; a result is ten times its item. */
const controlled = (limits: Partial<GroupLimits> = {}) => {
  const flushes: Flush[] = [];
  let running = 0;
  let most = 0;
  const group = new GroupCommit<number, number>((batch) => {
    running += 1;
    most = Math.max(most, running);
    return new Promise<readonly number[]>((resolve, reject) => {
      const end = (how: () => void) => (): Promise<void> => {
        running -= 1;
        how();
        return settle();
      };
      flushes.push({
        batch,
        finish: (results = batch.map((item) => item * 10)) => end(() => resolve(results))(),
        fail: (error) => end(() => reject(error))(),
      });
    });
  }, { ...WIDE, ...limits });
  return { group, flushes, most: () => most };
};

const refusalOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'done',
    (error: unknown) => (error instanceof GroupCommitError ? error.refusal : 'another error'),
  );

describe('what is pushed', () => {
  test('meanwhile goes into the next flush, in the order of push, and each gets its own result', async () => {
    const { group, flushes } = controlled();
    const first = group.push(1, 1);
    await settle();
    const rest = [2, 3, 4].map((item) => group.push(item, 1));
    await settle();
    expect(flushes.map(({ batch }) => batch)).toEqual([[1]]);
    await flushes[0]?.finish();
    expect(flushes.map(({ batch }) => batch)).toEqual([[1], [2, 3, 4]]);
    await flushes[1]?.finish();
    expect(await Promise.all([first, ...rest])).toEqual([10, 20, 30, 40]);
  });

  test('is flushed once, in order, one flush at a time, whenever it comes', async () => {
    const seen: number[] = [];
    let running = 0;
    const group = new GroupCommit<number, number>(async (batch) => {
      running += 1;
      expect(running).toBe(1);
      await settle();
      seen.push(...batch);
      running -= 1;
      return batch;
    }, { ...WIDE, maxBatch: 7 });
    const results: Promise<number>[] = [];
    for (let item = 0; item < 500; item += 1) {
      results.push(group.push(item, 1));
      if (item % 13 === 0) await settle();
    }
    expect(await Promise.all(results)).toEqual(Array.from({ length: 500 }, (_, item) => item));
    expect(seen).toEqual(Array.from({ length: 500 }, (_, item) => item));
  });

  test('from the answer of an earlier one is flushed too', async () => {
    const group = new GroupCommit<number, number>((batch) => Promise.resolve(batch), WIDE);
    expect(await group.push(1, 1).then((one) => group.push(one + 1, 1))).toBe(2);
  });
});

describe('a flush', () => {
  test('takes at most maxBatch items', async () => {
    const { group, flushes, most } = controlled({ maxBatch: 2 });
    const all = [1, 2, 3, 4, 5].map((item) => group.push(item, 1));
    for (let i = 0; i < 3; i += 1) {
      await settle();
      await flushes[i]?.finish();
    }
    expect(flushes.map(({ batch }) => batch)).toEqual([[1, 2], [3, 4], [5]]);
    expect(await Promise.all(all)).toEqual([10, 20, 30, 40, 50]);
    expect(most()).toBe(1);
  });

  test('takes at most maxBatchBytes, and an item that is larger alone', async () => {
    const { group, flushes } = controlled({ maxBatchBytes: 100 });
    const all = [60, 40, 1, 500, 30].map((bytes, item) => group.push(item, bytes));
    for (let i = 0; i < 4; i += 1) {
      await settle();
      await flushes[i]?.finish();
    }
    expect(flushes.map(({ batch }) => batch)).toEqual([[0, 1], [2], [3], [4]]);
    await Promise.all(all);
  });

  test('that fails refuses its own items with `failed` and the cause, and the next goes on', async () => {
    const { group, flushes } = controlled({ maxBatch: 2 });
    const all = [1, 2, 3].map((item) => group.push(item, 1));
    const outcomes = Promise.allSettled(all);
    await settle();
    const cause = new Error('the disk is gone');
    await flushes[0]?.fail(cause);
    await flushes[1]?.finish();
    const [first, second, third] = await outcomes;
    for (const one of [first, second]) expect(one).toMatchObject({ status: 'rejected', reason: { refusal: 'failed', cause } });
    expect(third).toEqual({ status: 'fulfilled', value: 30 });
  });

  test('that throws before it begins is a failed one', async () => {
    const group = new GroupCommit<number, number>(() => {
      throw new Error('not even a promise');
    }, WIDE);
    expect(await refusalOf(group.push(1, 1))).toBe('failed');
  });

  test('that answers fewer results than items fails those without one', async () => {
    const { group, flushes } = controlled();
    const all = Promise.all([1, 2].map((item) => refusalOf(group.push(item, 1))));
    await settle();
    await flushes[0]?.finish([10]);
    expect(await all).toEqual(['done', 'failed']);
  });
});

describe('the queue', () => {
  test('holds maxWaiting items and refuses the next at once, until there is room again', async () => {
    const { group, flushes } = controlled({ maxWaiting: 2, maxBatch: 2 });
    const first = group.push(0, 1);
    await settle();
    const waiting = [group.push(1, 1), group.push(2, 1)];
    expect(await refusalOf(group.push(3, 1))).toBe('queue_full');
    await flushes[0]?.finish();
    const later = group.push(4, 1);
    await flushes[1]?.finish();
    await flushes[2]?.finish();
    expect(await Promise.all([first, ...waiting, later])).toEqual([0, 10, 20, 40]);
  });

  test('holds maxWaitingBytes, what is being flushed included, and has room again after a flush, also a failed one', async () => {
    const { group, flushes } = controlled({ maxWaitingBytes: 100 });
    const first = refusalOf(group.push(1, 80));
    await settle();
    expect(await refusalOf(group.push(2, 21))).toBe('queue_full');
    const second = group.push(3, 20);
    await flushes[0]?.fail(new Error('no'));
    expect(await first).toBe('failed');
    const third = group.push(4, 80);
    await flushes[1]?.finish();
    await flushes[2]?.finish();
    expect(await Promise.all([second, third])).toEqual([30, 40]);
  });
});

describe('close', () => {
  test('resolves when all that waits is done, and takes nothing more', async () => {
    const { group, flushes } = controlled({ maxBatch: 1 });
    const all = Promise.all([group.push(1, 1), group.push(2, 1)]);
    let closed = false;
    const closing = group.close().then(() => {
      closed = true;
    });
    expect(await refusalOf(group.push(3, 1))).toBe('closed');
    await settle();
    await flushes[0]?.finish();
    expect(closed).toBe(false);
    await flushes[1]?.finish();
    await closing;
    expect(await all).toEqual([10, 20]);
    expect(flushes).toHaveLength(2);
  });

  test('resolves when what waits was refused', async () => {
    const { group, flushes } = controlled();
    const outcome = refusalOf(group.push(1, 1));
    await settle();
    const closing = group.close();
    await flushes[0]?.fail(new Error('no'));
    await closing;
    expect(await outcome).toBe('failed');
  });

  test('resolves at once when nothing waits, and again when called again', async () => {
    const { group } = controlled();
    await group.close();
    await group.close();
    expect(await refusalOf(group.push(1, 1))).toBe('closed');
  });
});
