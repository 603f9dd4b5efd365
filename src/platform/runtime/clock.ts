/** A moment on both clocks of this process. */
export type Moment = Readonly<{ monotonicMs: number; wallMs: number }>;

export const LONG_AGO: Moment = { monotonicMs: Number.NEGATIVE_INFINITY, wallMs: Number.NEGATIVE_INFINITY };

/** This moment by both clocks, in milliseconds. */
export const momentNow = (): Moment => ({ monotonicMs: performance.now(), wallMs: Date.now() });

/**
 * Milliseconds since a moment, by the clock that says more: the monotonic one stands still while the machine is
 * suspended, and the wall clock may be set back. One that is set forward makes what happened look older than it is.
 */
export const msSince = (moment: Moment): number =>
  Math.max(performance.now() - moment.monotonicMs, Date.now() - moment.wallMs);
