import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Work } from '../../policy-engine/conditions/work.js';

/** Steps of about 10 ns between two turns of the event loop: 5 ms. */
const STEPS_PER_TURN = 500_000;
/** What an item takes beside its patterns: it is parsed and hashed, and its name compared with the others'. */
const STEPS_PER_ITEM = 1000;
const STEPS_PER_CHARACTER = 3;

/**
 * Maps texts in their order, and leaves out those that become undefined. Other work of the process gets a turn after at
 * most 5 ms and one more text, counted in steps: those that `change` takes from `work`, and those for a text's length.
 * Resolves with what the iterator returned at its end, too.
 */
export const mapInTurns = async <R>(
  texts: Iterator<string, R>,
  change: (text: string, work: Work) => string | undefined,
): Promise<Readonly<{ kept: readonly string[]; end: R }>> => {
  const work: Work = { left: STEPS_PER_TURN };
  const kept: string[] = [];
  for (;;) {
    const next = texts.next();
    if (next.done) return { kept, end: next.value };
    if (work.left < 0) {
      await nextTurn();
      work.left = STEPS_PER_TURN;
    }
    work.left -= STEPS_PER_ITEM + STEPS_PER_CHARACTER * next.value.length;
    const changed = change(next.value, work);
    if (changed !== undefined) kept.push(changed);
  }
};
