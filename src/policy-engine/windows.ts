import type { Window } from './document.js';

const secondsOf = { second: 1, minute: 60, hour: 3600, day: 86_400 } as const;

/** The longest window in seconds: a leap year. */
export const MAX_WINDOW_SECONDS = 31_622_400;

export const windowNames = ['second', 'minute', 'hour', 'day', 'month'] as const;

/**
 * The fixed window around `now`, in epoch milliseconds; `endMs` is excluded. Months follow the UTC calendar, all other
 * windows count from the epoch.
 */
export function windowBounds(window: Window, now: Date): Readonly<{ startMs: number; endMs: number }> {
  if (window === 'month') {
    const [year, month] = [now.getUTCFullYear(), now.getUTCMonth()];
    return { startMs: Date.UTC(year, month, 1), endMs: Date.UTC(year, month + 1, 1) };
  }
  const lengthMs = (typeof window === 'number' ? window : secondsOf[window]) * 1000;
  const startMs = Math.floor(now.getTime() / lengthMs) * lengthMs;
  return { startMs, endMs: startMs + lengthMs };
}

/** The length of a window in seconds; undefined for months, which differ. Windows of one length begin together. */
export function windowSeconds(window: Window): number | undefined {
  if (window === 'month') return undefined;
  return typeof window === 'number' ? window : secondsOf[window];
}

/** A window as reasons show it: `minute`, or `3600 s`. */
export function windowText(window: Window): string {
  return typeof window === 'number' ? `${window} s` : window;
}
