import { describe, expect, test } from 'vitest';
import { filterInTurns } from '../../../src/data-plane/lists/filter-in-turns.js';

/** How many turns other work had until a promise was kept. */
const turnsDuring = async (work: Promise<unknown>): Promise<number> => {
  const ended = { yes: false };
  const end = work.then(() => (ended.yes = true));
  let turns = -1;
  while (!ended.yes) {
    turns += 1;
    await new Promise((resolve) => setImmediate(resolve));
  }
  await end;
  return turns;
};

const items = Array.from({ length: 2000 }, (_, number) => number);

describe('Filtering a page', () => {
  test('keeps the items that the test takes, in their order', async () => {
    expect(await filterInTurns(items, (item) => item % 3 === 0, 2000)).toEqual(items.filter((item) => item % 3 === 0));
  });

  test('gives other work a turn after each 500,000 steps that the items took', async () => {
    const costly = filterInTurns(items, (_item, work) => (work.left -= 100_000) < 0, 0);
    expect(await turnsDuring(costly)).toBeGreaterThanOrEqual(2000 / 5 - 2);
  });

  test('counts the size of the items too', async () => {
    const large = filterInTurns(items, () => true, 10 * 1024 * 1024);
    expect(await turnsDuring(large)).toBeGreaterThanOrEqual(20);
  });

  test('of few small items takes no turn of its own', async () => {
    expect(await turnsDuring(filterInTurns(items.slice(0, 20), () => true, 20_000))).toBeLessThanOrEqual(1);
  });
});
