import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Recorder } from '../../../src/data-plane/enforcement/recorder.js';
import type { Unnumbered } from '../../../src/record/event-log/event-text.js';
import type { EventLog, LogEntry } from '../../../src/record/event-log/event-log.js';
import { newId } from '../../../src/platform/crypto/ids.js';
import { completed, decided } from '../audit/audit-support.js';

type Event = Readonly<Record<string, unknown>>;

/** A log in memory that can be away: then it refuses at once. */
const makeLog = () => {
  const events: Event[] = [];
  const state = { away: false };
  const append = (_topic: string, entry: LogEntry): Promise<{ partition: number; offset: number }> => {
    if (state.away) return Promise.reject(new Error('away'));
    events.push(JSON.parse(entry.value.toString()) as Event);
    return Promise.resolve({ partition: 0, offset: events.length });
  };
  return {
    state,
    log: { append } as unknown as EventLog,
    of: (type: string) => events.filter((event) => event['type'] === type),
  };
};

const organizationId = newId('org');
const refusal = (): Unnumbered => {
  const {
    bootId: _boot,
    sequence: _sequence,
    ...rest
  } = decided(organizationId, { effect: 'deny', code: 'not_listed' });
  return rest;
};
/** More refusals than the queue holds, a hundred a second. */
const overfill = async (recorder: Recorder): Promise<void> => {
  for (let second = 0; second < 220; second += 1) {
    for (let n = 0; n < 100; n += 1) void recorder.recordRefusal(refusal());
    await vi.advanceTimersByTimeAsync(1000);
  }
};
const sum = (events: readonly Event[]): number => events.reduce((total, event) => total + Number(event['refusals']), 0);

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('while the log is away', () => {
  test('refusals beyond a hundred a second add up to one audit.suppressed on recovery, and none is lost', async () => {
    const { state, log, of } = makeLog();
    const recorder = new Recorder(log);
    state.away = true;
    for (let second = 0; second < 60; second += 1) {
      for (let n = 0; n < 150; n += 1) void recorder.recordRefusal(refusal());
      await vi.advanceTimersByTimeAsync(1000);
    }
    state.away = false;
    await vi.advanceTimersByTimeAsync(3000);
    expect(of('audit.suppressed')).toMatchObject([{ refusals: 60 * 50, codes: { not_listed: 60 * 50 } }]);
    expect(of('toolCall.decided')).toHaveLength(60 * 100);
    await Promise.all([recorder.stop(), vi.advanceTimersByTimeAsync(3000)]);
  });

  test('what the queue cannot hold is counted, and its numbers are named as given up', async () => {
    const { state, log, of } = makeLog();
    const recorder = new Recorder(log);
    state.away = true;
    await overfill(recorder);
    state.away = false;
    await vi.advanceTimersByTimeAsync(3000);
    for (let n = 0; n < 5; n += 1) await recorder.recordRefusal(refusal());
    const single = of('toolCall.decided');
    expect(single.length + sum(of('audit.suppressed'))).toBe(22_005);
    expect(of('audit.suppressed')).toHaveLength(1);
    const numbers = single
      .flatMap((event) => [event['sequence'] as number, ...((event['abandoned'] as number[] | undefined) ?? [])])
      .toSorted((one, other) => one - other);
    expect(numbers).toEqual(Array.from({ length: 22_005 }, (_, index) => index + 1));
    await Promise.all([recorder.stop(), vi.advanceTimersByTimeAsync(3000)]);
  });

  test(
    'the outcomes of calls that were under way are kept when refusals fill the queue: each takes the ' +
      'place of one, which is counted',
    async () => {
      const { state, log, of } = makeLog();
      const recorder = new Recorder(log);
      const epochs = [1, 2, 3].map(() => recorder.openCalls.enter());
      state.away = true;
      await overfill(recorder);
      for (const epoch of epochs) recorder.recordOutcome(completed(organizationId), epoch);
      await vi.advanceTimersByTimeAsync(1000);
      expect(recorder.queued()).toBe(20_000);
      state.away = false;
      await vi.advanceTimersByTimeAsync(3000);
      expect(of('toolCall.completed')).toHaveLength(3);
      expect(epochs.map(({ open }) => open)).toEqual([0, 0, 0]);
      await recorder.recordRefusal(refusal());
      const single = of('toolCall.decided');
      expect(single.length + sum(of('audit.suppressed'))).toBe(22_001);
      expect(
        new Set(single.flatMap((event) => [event['sequence'], ...((event['abandoned'] as number[] | undefined) ?? [])]))
          .size,
      ).toBe(single.length + 500);
      await Promise.all([recorder.stop(), vi.advanceTimersByTimeAsync(3000)]);
    },
  );
});

test('what waits for the log is written on stop, when the log is back', async () => {
  const { state, log, of } = makeLog();
  const recorder = new Recorder(log);
  state.away = true;
  void recorder.recordRefusal(refusal());
  await vi.advanceTimersByTimeAsync(10);
  state.away = false;
  await Promise.all([recorder.stop(), vi.advanceTimersByTimeAsync(3000)]);
  expect(of('toolCall.decided')).toHaveLength(1);
  expect(of('gateway.stopped')).toHaveLength(1);
});
