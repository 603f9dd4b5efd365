import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Deadlines } from '../../../src/platform/runtime/deadlines.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const late = (): Error => new Error('late');
const never = new Promise<never>(() => undefined);
const told = (promise: Promise<unknown>, name: string, to: string[]): void =>
  void promise.then(
    (value) => to.push(`${name} ${String(value)}`),
    (error: Error) => to.push(`${name} ${error.message}`),
  );

test('a wait ends with its promise, or after its time, whatever others do meanwhile', async () => {
  const deadlines = new Deadlines(1000);
  const seen: string[] = [];
  told(deadlines.within(never, late), 'a', seen);
  await vi.advanceTimersByTimeAsync(400);
  told(deadlines.within(new Promise((done) => setTimeout(done, 100, 'in time')), late), 'b', seen);
  told(deadlines.within(never, late), 'c', seen);
  told(deadlines.within(Promise.reject(new Error('failed')), late), 'd', seen);
  await vi.advanceTimersByTimeAsync(599);
  expect(seen).toEqual(['d failed', 'b in time']);
  await vi.advanceTimersByTimeAsync(1);
  expect(seen.slice(2)).toEqual(['a late']);
  await vi.advanceTimersByTimeAsync(399);
  expect(seen.slice(3)).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(seen.slice(3)).toEqual(['c late']);
});

test('thousands of waits of which every third runs out end each in its own way', async () => {
  const deadlines = new Deadlines(1000);
  const seen: string[] = [];
  for (let n = 0; n < 3000; n += 1) {
    told(
      deadlines.within(n % 3 === 0 ? never : new Promise((done) => setTimeout(done, (n * 37) % 1000, 'done')), late),
      String(n),
      seen,
    );
    if (n % 10 === 0) await vi.advanceTimersByTimeAsync(1);
  }
  await vi.advanceTimersByTimeAsync(1000);
  expect(seen.toSorted()).toEqual(
    Array.from({ length: 3000 }, (_, n) => `${n} ${n % 3 === 0 ? 'late' : 'done'}`).toSorted(),
  );
});

test('a promise that settles after its time changes nothing', async () => {
  const deadlines = new Deadlines(1000);
  const seen: string[] = [];
  told(deadlines.within(new Promise((_, fail) => setTimeout(fail, 2000, new Error('too late'))), late), 'a', seen);
  await vi.advanceTimersByTimeAsync(3000);
  expect(seen).toEqual(['a late']);
});
