import { hash, parseOptions } from '@node-rs/argon2';
import { describe, expect, test } from 'vitest';
import { hashPassword, passwordMatches } from '../../../src/control-plane/accounts/passwords.js';
import { Problem } from '../../../src/platform/runtime/problems.js';

const login = {
  kind: 'login',
  address: '198.51.100.7',
  admit: (): Promise<void> => Promise.resolve(),
  failed: (): Promise<void> => Promise.resolve(),
} as const;
const signup = { kind: 'signup', address: '198.51.100.7' } as const;

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
    const [one, two] = await Promise.all([hashPassword('secret words', signup), hashPassword('secret words', signup)]);
    expect(one).toMatch(/^\$argon2id\$/);
    expect(parseOptions(one)).toMatchObject({ memoryCost: 19_456, timeCost: 2, parallelism: 1 });
    expect(one).not.toBe(two);
  });

  test('matches its own hash, not another, and never the hash of nobody', async () => {
    const stored = await hashPassword('secret words', signup);
    expect(await passwordMatches(stored, 'secret words', login)).toBe(true);
    expect(await passwordMatches(stored, 'Secret words', login)).toBe(false);
    expect(await passwordMatches(undefined, 'secret words', login)).toBe(false);
  });

  test(
    'a hash that an earlier release made of a password as it was typed goes on matching every ' + 'form of it',
    async () => {
      const [composed, decomposed] = ['pässwörd', 'pässwörd'.normalize('NFD')];
      for (const stored of [await hash(composed), await hash(decomposed), await hashPassword(decomposed, signup)])
        for (const typed of [composed, decomposed]) expect(await passwordMatches(stored, typed, login)).toBe(true);
      expect(await passwordMatches(await hash(decomposed), 'passwörd', login)).toBe(false);
    },
  );

  test('of nobody takes as long as a wrong one', async () => {
    const stored = await hashPassword('secret words', signup);
    const timed = async (hash: string | undefined) => {
      const began = performance.now();
      await passwordMatches(hash, 'wrong', login);
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

  test(
    'is hashed with one other at most in the whole process, and a network that has too many waiting ' +
      'holds up neither sign-ins nor other networks',
    async () => {
      const gate = deferred();
      let running = 0;
      const admit = async () => {
        running += 1;
        await gate.done;
        throw new Error('let go');
      };
      const held = Array.from({ length: 27 }, () =>
        passwordMatches(undefined, 'x', { ...login, admit }).catch((error: Error) => error.message),
      );
      await soon();
      expect(running).toBe(2);
      await expect(passwordMatches(undefined, 'x', login)).rejects.toMatchObject({
        code: 'too_many_requests',
        retryAfterSeconds: 2,
      });
      const others = [
        hashPassword('secret words', signup),
        hashPassword('secret words', { ...signup, address: '203.0.113.1' }),
      ];
      gate.finish();
      expect(new Set(await Promise.all(held))).toEqual(new Set(['let go']));
      expect(await Promise.all(others)).toEqual([
        expect.stringContaining('argon2id'),
        expect.stringContaining('argon2id'),
      ]);
    },
  );

  test('is not compared when the turn comes too late', async () => {
    await expect(
      passwordMatches(undefined, 'x', {
        ...login,
        admit: () => Promise.reject(new Problem('too_many_requests', 'Later.')),
      }),
    ).rejects.toThrow('too_many_requests');
  });
});
