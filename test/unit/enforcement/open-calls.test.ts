import { expect, test } from 'vitest';
import { OpenCalls } from '../../../src/data-plane/enforcement/open-calls.js';

const second = (n: number): Date => new Date(n * 1000);

test(
  'calls that have no outcome hold the time after which they were decided; without any it is that ' +
    'of the last heartbeat',
  () => {
    const calls = new OpenCalls();
    expect(calls.since()).toBeUndefined();
    calls.advance(second(1));
    const [first, second1] = [calls.enter(), calls.enter()];
    expect(calls.since()).toEqual(second(1));
    calls.advance(second(2));
    const third = calls.enter();
    calls.advance(second(3));
    calls.leave(first);
    expect(calls.since()).toEqual(second(1));
    calls.leave(second1);
    expect(calls.since()).toEqual(second(2));
    calls.advance(second(4));
    expect(calls.since()).toEqual(second(2));
    calls.leave(third);
    expect(calls.since()).toEqual(second(4));
  },
);
