import fc from 'fast-check';

type Sample = Readonly<{ runs: number; atOnce: number; seed: number }>;

/**
 * Checks random interleavings, some at once. @throws what the first one that fails throws, with its seed, its number
 * and itself.
 */
export const checkInterleavings = async <T>(
  arbitrary: fc.Arbitrary<T>,
  { runs, atOnce, seed }: Sample,
  check: (one: T) => Promise<void>,
): Promise<void> => {
  process.stderr.write(`interleavings: ${runs}, SEED=${seed}\n`);
  const all = fc.sample(arbitrary, { numRuns: runs, seed }).entries();
  const worker = async (): Promise<void> => {
    for (const [at, one] of all) {
      await check(one).catch((error: unknown) => {
        throw new Error(`SEED=${seed}, interleaving ${at}: ${JSON.stringify(one)}: ${String(error)}`, { cause: error });
      });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
};
