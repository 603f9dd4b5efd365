import { describe, expect, test } from 'vitest';
import { GroupCommit, GroupCommitError, type GroupLimits } from '../../../src/platform/postgres/group-commit.js';

const WIDE: GroupLimits = { maxBatch: 1000, maxBatchBytes: 1_000_000, maxWaiting: 10_000, maxWaitingBytes: 10_000_000 };

type Flush = Readonly<{
  batch: readonly number[];
  finish: (results?: readonly number[]) => Promise<void>;
  fail: (error: Error) => Promise<void>;
}>;

const settle = (): Promise<void> => new Promise((done) => setImmediate(done));

/** Who an item belongs to, by its hundreds: 1 to 99 are one owner's, 100 to 199 another's. */
const ownerOf = (item: number): string => `owner ${Math.floor(item / 100)}`;

class Refusal extends Error {}
const isRefusal = (error: unknown): boolean => error instanceof Refusal;

const groupOf = (
  flush: (batch: readonly number[]) => Promise<readonly number[]>,
  limits: Partial<GroupLimits> = {},
): GroupCommit<number, number> => new GroupCommit({ flush, ownerOf, isRefusal }, { ...WIDE, ...limits });

/** A group commit whose flushes end when the test says so; a result is ten times its item. */
const controlled = (limits: Partial<GroupLimits> = {}) => {
  const flushes: Flush[] = [];
  let running = 0;
  let most = 0;
  const group = groupOf((batch) => {
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
  }, limits);
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

  test('what is pushed is flushed once, in order, one flush at a time, whenever it comes', async () => {
    const seen: number[] = [];
    let running = 0;
    const group = groupOf(
      async (batch) => {
        running += 1;
        expect(running).toBe(1);
        await settle();
        seen.push(...batch);
        running -= 1;
        return batch;
      },
      { maxBatch: 7 },
    );
    const results: Promise<number>[] = [];
    for (let item = 0; item < 500; item += 1) {
      results.push(group.push(item, 1));
      if (item % 13 === 0) await settle();
    }
    expect(await Promise.all(results)).toEqual(Array.from({ length: 500 }, (_, item) => item));
    const inOrder = Array.from({ length: 500 }, (_, item) => item);
    for (const owner of new Set(inOrder.map(ownerOf)))
      expect(seen.filter((item) => ownerOf(item) === owner)).toEqual(inOrder.filter((item) => ownerOf(item) === owner));
  });

  test('from the answer of an earlier one is flushed too', async () => {
    const group = groupOf((batch) => Promise.resolve(batch));
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
    for (const one of [first, second])
      expect(one).toMatchObject({ status: 'rejected', reason: { refusal: 'failed', cause } });
    expect(third).toEqual({ status: 'fulfilled', value: 30 });
  });

  test('that throws before it begins is a failed one', async () => {
    const group = groupOf(() => {
      throw new Error('not even a promise');
    });
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

/** A group commit that refuses a batch with one of these items in it; `flushes` are the batches it was given. */
const refusing = (refused: ReadonlySet<number>, limits: Partial<GroupLimits> = {}) => {
  const flushes: (readonly number[])[] = [];
  const stored: number[] = [];
  const group = groupOf((batch) => {
    flushes.push(batch);
    if (batch.some((item) => refused.has(item))) return Promise.reject(new Refusal('not these'));
    stored.push(...batch);
    return Promise.resolve(batch.map((item) => item * 10));
  }, limits);
  return { group, flushes, stored };
};

describe('of a batch that is refused', () => {
  test.each([1, 2, 3, 50, 99])(
    'only the item that is refused alone is rejected, with `refused`, and every other is done once (item %i)',
    async (culprit) => {
      const { group, stored, flushes } = refusing(new Set([culprit]));
      const items = Array.from({ length: 300 }, (_, index) => index);
      const outcomes = await Promise.all(items.map((item) => refusalOf(group.push(item, 1))));
      expect(outcomes).toEqual(items.map((item) => (item === culprit ? 'refused' : 'done')));
      expect(stored.toSorted((one, other) => one - other)).toEqual(items.filter((item) => item !== culprit));
      expect(flushes.length).toBeLessThanOrEqual(2 * Math.ceil(Math.log2(300)) + 3);
    },
  );

  test(
    'every item of every other owner is done, however many of one owner are refused, within a bounded ' +
      'number of flushes',
    async () => {
      const hostile = Array.from({ length: 100 }, (_, index) => 300 + index);
      const { group, flushes } = refusing(new Set(hostile));
      const items = Array.from({ length: 500 }, (_, index) => index);
      const outcomes = await Promise.all(items.map((item) => refusalOf(group.push(item, 1))));
      expect(items.filter((item) => outcomes[item] === 'done')).toEqual(
        items.filter((item) => item < 300 || item >= 400),
      );
      expect(flushes.length).toBeLessThan(40);
    },
  );

  test('the owner whose items are refused keeps those that are not, when they are few', async () => {
    const { group } = refusing(new Set([1, 7]));
    const outcomes = await Promise.all([0, 1, 2, 7, 8, 250].map((item) => refusalOf(group.push(item, 1))));
    expect(outcomes).toEqual(['done', 'refused', 'done', 'refused', 'done', 'done']);
  });

  test('nothing is tried again when it may have happened', async () => {
    const { group, flushes } = controlled();
    const outcomes = Promise.all([1, 2, 3].map((item) => refusalOf(group.push(item, 1))));
    await settle();
    await flushes[0]?.fail(new Error('the connection broke'));
    expect(await outcomes).toEqual(['failed', 'failed', 'failed']);
    expect(flushes).toHaveLength(1);
  });

  test('what fails with another error when it is tried again is not tried a third time', async () => {
    const { group, flushes } = controlled();
    const outcomes = Promise.all([1, 2].map((item) => refusalOf(group.push(item, 1))));
    await settle();
    await flushes[0]?.fail(new Refusal('not these'));
    await flushes[1]?.fail(new Error('the connection broke'));
    await flushes[2]?.finish();
    expect(await outcomes).toEqual(['failed', 'done']);
    expect(flushes.map(({ batch }) => batch)).toEqual([[1, 2], [1], [2]]);
  });
});

describe('owners', () => {
  test(
    'take turns: one item of another waits for one batch, not for all that one owner has pushed ' + 'before',
    async () => {
      const { group, flushes } = controlled({ maxBatch: 4 });
      const all = [...Array.from({ length: 20 }, (_, item) => group.push(item, 1)), group.push(100, 1)];
      await settle();
      expect(flushes[0]?.batch).toEqual([0, 100, 1, 2]);
      for (let i = 0; i < 6; i += 1) await flushes[i]?.finish();
      await Promise.all(all);
      expect(flushes.map(({ batch }) => batch)).toEqual([
        [0, 100, 1, 2],
        [3, 4, 5, 6],
        [7, 8, 9, 10],
        [11, 12, 13, 14],
        [15, 16, 17, 18],
        [19],
      ]);
    },
  );

  test(
    'owners are refused by what they have waiting: who fills the queue loses his newest item to one who has ' +
      'less, and is refused himself',
    async () => {
      const { group, flushes } = controlled({ maxWaiting: 4, maxBatch: 4 });
      const first = group.push(0, 1);
      await settle();
      const [one, two, three, newest] = [1, 2, 3, 4].map((item) => refusalOf(group.push(item, 1)));
      const other = refusalOf(group.push(100, 1));
      expect(await newest).toBe('queue_full');
      expect(await refusalOf(group.push(5, 1))).toBe('queue_full');
      const third = refusalOf(group.push(101, 1));
      expect(await three).toBe('queue_full');
      expect(await refusalOf(group.push(102, 1))).toBe('queue_full');
      await flushes[0]?.finish();
      await flushes[1]?.finish();
      expect([await first, await Promise.all([one, two, other, third])]).toEqual([0, ['done', 'done', 'done', 'done']]);
    },
  );

  test('owners are refused by the bytes that they have waiting', async () => {
    const { group, flushes } = controlled({ maxWaitingBytes: 100, maxBatch: 1 });
    const [one, two] = [60, 40].map((bytes, item) => refusalOf(group.push(item, bytes)));
    const other = refusalOf(group.push(100, 30));
    expect(await two).toBe('queue_full');
    expect(await refusalOf(group.push(3, 20))).toBe('queue_full');
    await settle();
    await flushes[0]?.finish();
    await flushes[1]?.finish();
    expect(await Promise.all([one, other])).toEqual(['done', 'done']);
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

  test(
    'holds maxWaitingBytes, what is being flushed included, and has room again after a flush, also a ' + 'failed one',
    async () => {
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
    },
  );
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
