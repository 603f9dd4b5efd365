/**
 * What judging one call may still cost, in steps of about 5 ns. Conditions take from it; when it is used up the rest is
 * undecidable, and so refuses. It bounds the time of a call whatever the policy and its arguments, and, because steps
 * are counted and not timed, the same call always gets the same decision.
 */
export type Work = { left: number };

export const MAX_STEPS_PER_CALL = 1_000_000;

/** The work that the conditions of one call may take, in steps. */
export function newWork(): Work {
  return { left: MAX_STEPS_PER_CALL };
}
