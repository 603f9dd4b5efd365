import type { Answer, Batch } from '../kind.js';
import { cleanAnswer } from './clean-answer.js';
import type { DeadLetter } from './cursors.store.js';
import { nextTurn, type Filled } from './make-batch.js';

/** A record that a receiver will never take, and what it said of it. */
export type Refused = Readonly<{ seq: number; answer: Answer }>;

/**
 * The dead letters of a batch: what could not be written, and what was refused, with the answers that are kept. Each
 * answer is cleaned once, in a turn of its own: a receiver may have another for each record.
 */
export const lettersOf = async (
  { batch, filled }: Readonly<{ batch: Batch; filled: Filled }>,
  refused: readonly Refused[],
  secrets: readonly string[],
): Promise<readonly DeadLetter[]> => {
  if (refused.length === 0) return filled.letters;
  const bySeq = new Map(refused.map(({ seq, answer }) => [seq, answer]));
  const cleaned = new Map<Answer, Answer>();
  for (const answer of new Set(bySeq.values())) {
    cleaned.set(answer, cleanAnswer(answer, secrets));
    await nextTurn();
  }
  const letters = batch.items.flatMap(({ record }) => {
    const given = bySeq.get(record.seq);
    const answer = given && cleaned.get(given);
    return answer === undefined ? [] : [{ seq: record.seq, eventId: record.eventId, answer }];
  });
  return [...letters, ...filled.letters];
};
