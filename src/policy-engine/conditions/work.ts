/**
 * The budget for judging one call, in steps of about 2 ns, so that a call takes about 2 ms at most. Conditions
 * take from it; once it is used up, the rest is undecidable and so refuses. It bounds the time of a call for any policy
 * and any arguments, but for the keys of the arguments, which are gone through once. Steps are counted, not timed, so
 * the same call always gets the same decision.
 */
export type Work = { left: number; wideObjects?: Map<object, KeysByLength> | undefined };

/** The keys of one object with more than a few, so that a condition need not go through all of them again. */
export type KeysByLength = ReadonlyMap<number, readonly string[]>;

export const MAX_STEPS_PER_CALL = 1_000_000;

/** The full budget for one call. */
export function newWork(): Work {
  return { left: MAX_STEPS_PER_CALL, wideObjects: undefined };
}
