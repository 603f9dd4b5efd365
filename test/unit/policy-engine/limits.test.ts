import { describe, expect, test } from 'vitest';
import { limitRefusal, type Reservation } from '../../../src/policy-engine/decide.js';
import { windowBounds } from '../../../src/policy-engine/windows.js';

describe('the reason of a limit', () => {
  const reservation: Reservation = {
    counter: 'c',
    window: 'minute',
    scope: 'grant',
    whom: 'grt_1',
    amount: 1,
    max: 10,
    pointer: '/tools/cancel_job/limits/0',
  };
  const reason = (more: Partial<Reservation>, retry?: number) =>
    limitRefusal({ ...reservation, ...more }, 'cancel_job', retry).reason;

  test('says how many, per what, and when to try again', () => {
    expect(reason({}, 42)).toBe('cancel_job: 10 per minute used up; try again in 42 s');
  });

  test('says seconds for a window in seconds', () => {
    expect(reason({ window: 3600 }, 7)).toBe('cancel_job: 10 per 3600 s used up; try again in 7 s');
  });

  test('has no retry when the amount alone is over max, and never says the amount', () => {
    expect(reason({ amount: 77 })).toBe('cancel_job: this call alone is over the limit of 10 per minute');
  });

  test('has no retry when nobody knows when', () => {
    expect(reason({})).toBe('cancel_job: 10 per minute used up');
  });

  test('has a retry when the amount is exactly max', () => {
    expect(reason({ amount: 10 }, 3)).toBe('cancel_job: 10 per minute used up; try again in 3 s');
  });

  test('is what the policy wants said, when it says something', () => {
    expect(reason({ reason: 'Slow down' }, 42)).toBe('Slow down');
  });

  test('comes with the pointer of the limit', () => {
    expect(limitRefusal(reservation, 'cancel_job', 1).rule).toBe('/tools/cancel_job/limits/0');
  });
});

describe('a window', () => {
  const at = new Date('2028-02-29T13:45:30.250Z');

  test.each([
    ['second', '2028-02-29T13:45:30.000Z', '2028-02-29T13:45:31.000Z'],
    ['minute', '2028-02-29T13:45:00.000Z', '2028-02-29T13:46:00.000Z'],
    ['hour', '2028-02-29T13:00:00.000Z', '2028-02-29T14:00:00.000Z'],
    ['day', '2028-02-29T00:00:00.000Z', '2028-03-01T00:00:00.000Z'],
    ['month', '2028-02-01T00:00:00.000Z', '2028-03-01T00:00:00.000Z'],
    [3600, '2028-02-29T13:00:00.000Z', '2028-02-29T14:00:00.000Z'],
  ] as const)('%s is aligned to UTC', (window, start, end) => {
    const { startMs, endMs } = windowBounds(window, at);
    expect([new Date(startMs).toISOString(), new Date(endMs).toISOString()]).toEqual([start, end]);
  });

  test('of seconds is aligned to the epoch, not to the minute', () => {
    expect(windowBounds(7, new Date(20_000))).toEqual({ startMs: 14_000, endMs: 21_000 });
  });

  test('of a month ends with the year in December', () => {
    expect(windowBounds('month', new Date('2027-12-31T23:59:59.999Z')).endMs).toBe(Date.UTC(2028, 0, 1));
  });

  test('begins at its own start and ends before the next', () => {
    const { startMs, endMs } = windowBounds('minute', at);
    expect(windowBounds('minute', new Date(startMs)).startMs).toBe(startMs);
    expect(windowBounds('minute', new Date(endMs - 1)).startMs).toBe(startMs);
    expect(windowBounds('minute', new Date(endMs)).startMs).toBe(endMs);
  });
});
