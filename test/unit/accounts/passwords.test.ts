import { parseOptions } from '@node-rs/argon2';
import { describe, expect, test } from 'vitest';
import { hashPassword, passwordMatches, waitingLine } from '../../../src/accounts/passwords.js';
import { Problem } from '../../../src/platform/problems.js';

const admit = (): Promise<void> => Promise.resolve();

const deferred = () => {
  let finish = (): void => undefined;
  const done = new Promise<void>((resolve) => {
    finish = resolve;
  });
  return { done, finish };
};
const soon = () => new Promise((resolve) => setImmediate(resolve));

describe('a password', () => {
  test('is kept as argon2id with 19 MiB, two passes and one lane, and a salt of its own', async () => {
    const [one, two] = await Promise.all([hashPassword('secret words'), hashPassword('secret words')]);
    expect(one).toMatch(/^\$argon2id\$/);
    expect(parseOptions(one)).toMatchObject({ memoryCost: 19_456, timeCost: 2, parallelism: 1 });
    expect(one).not.toBe(two);
  });

  test('matches its own hash, not another, and never the hash of nobody', async () => {
    const stored = await hashPassword('secret words');
    expect(await passwordMatches(stored, 'secret words', admit)).toBe(true);
    expect(await passwordMatches(stored, 'Secret words', admit)).toBe(false);
    expect(await passwordMatches(undefined, 'secret words', admit)).toBe(false);
  });

  test('of nobody takes as long as a wrong one', async () => {
    const stored = await hashPassword('secret words');
    const timed = async (hash: string | undefined) => {
      const began = performance.now();
      await passwordMatches(hash, 'wrong', admit);
      return performance.now() - began;
    };
    const median = (times: number[]) => times.sort((a, b) => a - b)[2]!;
    const known: number[] = [];
    const unknown: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      known.push(await timed(stored));
      unknown.push(await timed(undefined));
    }
    expect(median(unknown) / median(known)).toBeGreaterThan(0.5);
    expect(median(unknown) / median(known)).toBeLessThan(2);
  });

  test('is hashed with one other at most in the whole process; fifty wait, the next is refused', async () => {
    const gate = deferred();
    let running = 0;
    const enter = async () => {
      running += 1;
      await gate.done;
      throw new Error('let go');
    };
    const held = Array.from({ length: 52 }, () => passwordMatches(undefined, 'x', enter).catch((error: Error) => error.message));
    await soon();
    expect(running).toBe(2);
    await expect(hashPassword('secret words')).rejects.toMatchObject({ code: 'too_many_requests' });
    gate.finish();
    expect(new Set(await Promise.all(held))).toEqual(new Set(['let go']));
  });

  test('is not compared when the turn comes too late', async () => {
    await expect(passwordMatches(undefined, 'x', () => Promise.reject(new Problem('too_many_requests', 'Later.')))).rejects.toThrow('too_many_requests');
  });
});

describe('the waiting line', () => {
  test('runs two at a time, first come first served, also after a failure', async () => {
    const inTurn = waitingLine(2, 10);
    const works = [deferred(), deferred(), deferred(), deferred()];
    const started: number[] = [];
    const results = works.map((work, index) =>
      inTurn(async () => {
        started.push(index);
        await work.done;
        if (index === 0) throw new Error('failed');
        return index;
      }).catch(() => 'failed'),
    );
    await soon();
    expect(started).toEqual([0, 1]);
    works[0]!.finish();
    await soon();
    expect(started).toEqual([0, 1, 2]);
    works[1]!.finish();
    await soon();
    expect(started).toEqual([0, 1, 2, 3]);
    for (const work of works) work.finish();
    expect(await Promise.all(results)).toEqual(['failed', 1, 2, 3]);
    expect(await inTurn(() => Promise.resolve('free again'))).toBe('free again');
  });

  test('refuses who finds all places taken, with the seconds to wait, and takes the next when one is free', async () => {
    const inTurn = waitingLine(1, 1);
    const work = deferred();
    const [running, waiting] = [inTurn(() => work.done), inTurn(() => work.done)];
    const refusal = await inTurn(() => work.done).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(Problem);
    expect(refusal).toMatchObject({ code: 'too_many_requests', retryAfterSeconds: 2 });
    work.finish();
    await Promise.all([running, waiting]);
    expect(await inTurn(() => Promise.resolve('in'))).toBe('in');
  });
});
