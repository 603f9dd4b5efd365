import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { LONG_AGO, momentNow, msSince } from '../../../src/platform/runtime/clock.js';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'Date'] }));
afterEach(() => void vi.useRealTimers());

const HOUR_MS = 3_600_000;

test('time goes on while the machine is suspended, when the monotonic clock stands still', () => {
  const moment = momentNow();
  vi.setSystemTime(Date.now() + HOUR_MS);
  expect(msSince(moment)).toBe(HOUR_MS);
});

test('a wall clock that is set back takes no time away', () => {
  const moment = momentNow();
  vi.advanceTimersByTime(5000);
  vi.setSystemTime(Date.now() - HOUR_MS);
  expect(msSince(moment)).toBe(5000);
});

test('what never was is longer ago than anything', () => {
  expect(msSince(LONG_AGO)).toBe(Number.POSITIVE_INFINITY);
});
