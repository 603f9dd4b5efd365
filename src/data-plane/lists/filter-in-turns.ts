import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Work } from '../../policy-engine/conditions/work.js';

/** Steps of about 10 ns between two turns of the event loop: 5 ms. */
const STEPS_PER_TURN = 500_000;
/** What an item takes beside its patterns: it is hashed, and its name compared with the others'. */
const STEPS_PER_ITEM = 1000;
const STEPS_PER_CHARACTER = 2;

/**
 * The items that a test takes, in their order. Other work of the process gets a turn after at most 5 ms of it and one
 * more item, counted in steps: those that the test takes from `work`, and those for the size of an item, of which
 * `characters` are all.
 */
export const filterInTurns = async <T>(
  items: readonly T[],
  test: (item: T, work: Work) => boolean,
  characters: number,
): Promise<readonly T[]> => {
  const stepsPerItem = STEPS_PER_ITEM + (STEPS_PER_CHARACTER * characters) / Math.max(1, items.length);
  const work: Work = { left: STEPS_PER_TURN };
  const taken: T[] = [];
  for (const item of items) {
    if (work.left < 0) {
      await nextTurn();
      work.left = STEPS_PER_TURN;
    }
    work.left -= stepsPerItem;
    if (test(item, work)) taken.push(item);
  }
  return taken;
};
