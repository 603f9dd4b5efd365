import type { RecordedFact } from '../../../record/audit/decisions.js';

type NotSent = Extract<RecordedFact, { kind: 'notSent' }>;

/**
 * What a call had reserved is given back by a statement of its own, which nobody waits for: by then it has surely run.
 */
const GIVE_BACK_DELAY_MS = 1000;

/**
 * Calls that were not sent, as their outcomes say. An outcome may stand on record after decisions that were made when
 * it was known already, so a page is noted before the one before it is judged.
 */
export class Outcomes {
  readonly #notSent = new Map<string, NotSent>();
  #due: NotSent[] = [];

  /** Looks into a page that is to be judged later. */
  note(page: readonly RecordedFact[]): void {
    for (const one of page) if (one.kind === 'notSent') this.#notSent.set(one.callId, one);
  }

  /** Whether the call may have been given back what it reserved. */
  isDoubtful(callId: string): boolean {
    return this.#notSent.has(callId);
  }

  /** The outcome's own place on record is reached. */
  pass(outcome: NotSent): void {
    this.#notSent.delete(outcome.callId);
    if (outcome.sure) this.#due.push(outcome);
  }

  /** The calls that have surely been given back what they reserved at a time. Each is told once. */
  givenBackAt(timeMs: number): readonly string[] {
    const isOver = (one: NotSent): boolean => one.timeMs + GIVE_BACK_DELAY_MS < timeMs;
    if (!this.#due.some(isOver)) return [];
    const over = this.#due.filter(isOver);
    this.#due = this.#due.filter((one) => !isOver(one));
    return over.map(({ callId }) => callId);
  }
}
