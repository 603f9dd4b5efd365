import { describe, expect, test, vi } from 'vitest';
import { FairTurns } from '../../../src/platform/fair-shares/fair-turns.js';
import { Problem } from '../../../src/platform/runtime/problems.js';

const limits = { slots: 2, slotsPerKey: 1, waiting: 1000, waitingPerKey: 100, waitMs: 60_000 };

/** Works that run until they are told to end, in the order in which they began. */
const makeWorks = (turns: FairTurns) => {
  const began: string[] = [];
  const ends = new Map<string, () => void>();
  const settled: Promise<unknown>[] = [];
  return {
    began,
    add: (key: string, name: string): Promise<void> => {
      const work = turns.run(key, () => {
        began.push(name);
        return new Promise<void>((resolve) => ends.set(name, resolve));
      });
      settled.push(work.catch(() => undefined));
      return work;
    },
    end: async (name: string): Promise<void> => {
      ends.get(name)?.();
      await new Promise(setImmediate);
    },
  };
};

describe('fair turns', () => {
  test('serve the one request of a key before the second of another key that has a hundred waiting', async () => {
    const { began, add, end } = makeWorks(new FairTurns({ ...limits, slots: 1 }));
    for (let index = 0; index < 100; index += 1) void add('flood', `flood ${index}`);
    void add('quiet', 'quiet');
    await end('flood 0');
    expect(began).toEqual(['flood 0', 'flood 1']);
    await end('flood 1');
    expect(began).toEqual(['flood 0', 'flood 1', 'quiet']);
  });

  test('take turns among the keys that wait, one work of each', async () => {
    const { began, add, end } = makeWorks(new FairTurns({ ...limits, slots: 1 }));
    for (const key of ['a', 'a', 'a', 'b', 'b', 'c']) void add(key, `${key}${began.length}-${Math.random()}`);
    for (let index = 0; index < 6; index += 1) await end(began.at(-1) ?? '');
    expect(began.map((name) => name[0])).toEqual(['a', 'a', 'b', 'c', 'a', 'b']);
  });

  test('never let one key have all slots, so that another begins at once', async () => {
    const { began, add } = makeWorks(new FairTurns(limits));
    for (let index = 0; index < 5; index += 1) void add('flood', `flood ${index}`);
    void add('quiet', 'quiet');
    expect(began).toEqual(['flood 0', 'quiet']);
  });

  test('refuse what waits beyond the places of its key, and let other keys wait', async () => {
    const turns = new FairTurns({ ...limits, slots: 1, waitingPerKey: 2 });
    const { add } = makeWorks(turns);
    for (let index = 0; index < 3; index += 1) void add('flood', `${index}`);
    await expect(add('flood', 'one too many')).rejects.toMatchObject({
      code: 'too_many_requests',
      retryAfterSeconds: 2,
    } satisfies Partial<Problem>);
    const other = add('other', 'other').catch(() => 'refused');
    expect(await Promise.race([other, Promise.resolve('waits')])).toBe('waits');
  });

  test('refuse what waited too long, and forget it', async () => {
    vi.useFakeTimers();
    try {
      const turns = new FairTurns({ ...limits, slots: 1, waitMs: 10 });
      const { add, began } = makeWorks(turns);
      void add('a', 'runs');
      const late = expect(add('b', 'late')).rejects.toMatchObject({ code: 'unavailable', retryAfterSeconds: 2 });
      await vi.advanceTimersByTimeAsync(10);
      await late;
      expect(began).toEqual(['runs']);
    } finally {
      vi.useRealTimers();
    }
  });

  test('go on after works that fail', async () => {
    const turns = new FairTurns({ ...limits, slots: 1 });
    await expect(turns.run('a', () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(await turns.run('a', () => Promise.resolve('fine'))).toBe('fine');
  });
});
