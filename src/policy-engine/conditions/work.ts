/**
 * The budget for judging one call, in steps of about 5 ns. Conditions take from it; once it is used up, the rest is
 * undecidable and so refuses. It bounds the time of a call for any policy and any arguments. Steps are counted, not
 * timed, so the same call always gets the same decision.
 */
export type Work = { left: number };

export const MAX_STEPS_PER_CALL = 1_000_000;

/** The full budget for one call. */
export function newWork(): Work {
  return { left: MAX_STEPS_PER_CALL };
}
