import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SendResult } from '../../../src/record/log-streams/kind.js';
import { FRESH, nextStep, type Effort } from '../../../src/record/log-streams/delivery/next-step.js';

const HOUR_MS = 3_600_000;
const status = (httpStatus: number) => ({ httpStatus, body: '' });
const ACCEPTED: SendResult = { outcome: 'accepted', answer: null };
const REFUSED: SendResult = { outcome: 'refused', code: 'http_400', answer: status(400) };
const failed = (httpStatus: number): SendResult => ({
  outcome: 'retry',
  code: `http_${httpStatus}`,
  answer: status(httpStatus),
  timedOut: false,
});

type Sending = { cursor: number; tries: number; dead: number[]; delivered: number[] };

/** Sends records 0, 1, … to a receiver that refuses any batch with a record of `bad`. */
const sendAll = (records: number, bad: ReadonlySet<number>): Sending => {
  const state: Sending = { cursor: 0, tries: 0, dead: [], delivered: [] };
  let effort: Effort = FRESH;
  while (state.cursor < records && state.tries < 100_000) {
    const batch = Array.from({ length: Math.min(effort.limit, records - state.cursor) }, (_, at) => state.cursor + at);
    state.tries += 1;
    const result = batch.some((one) => bad.has(one)) ? REFUSED : ACCEPTED;
    const step = nextStep(result, effort, { records: batch.length, now: 0, random: 0.5 });
    effort = step.effort;
    if (step.do === 'retry') continue;
    (step.do === 'bury' ? state.dead : state.delivered).push(...batch);
    state.cursor += batch.length;
  }
  return state;
};

describe('what follows from a try', () => {
  test('splits batches down to the records at fault, which alone are buried, in order and in few tries', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3000 }), fc.array(fc.nat(2999), { maxLength: 5 }), (records, some) => {
        const bad = new Set(some.filter((one) => one < records));
        const { dead, delivered, tries } = sendAll(records, bad);
        expect(dead).toEqual([...bad].toSorted((a, b) => a - b));
        expect(delivered).toHaveLength(records - bad.size);
        expect(tries).toBeLessThan(20 + 60 * bad.size);
      }),
    );
  });

  test('waits twice as long after each failure, from 1 s to 15 min, a fifth more or less', () => {
    let effort: Effort = FRESH;
    const waits: number[] = [];
    for (let at = 0; at < 12; at += 1) {
      const step = nextStep(failed(503), effort, { records: 5, now: 0, random: at % 2 });
      effort = step.effort;
      waits.push('wait' in step ? step.wait : 0);
    }
    expect(waits.slice(0, 4)).toEqual([800, 2400, 3200, 9600]);
    expect(waits.at(-1)).toBe(900_000 * 1.2);
  });

  test('waits as long as Retry-After says, whatever the jitter', () => {
    const result = { ...failed(429), retryAfterMs: 120_000 } as SendResult;
    for (const random of [0, 0.5, 1])
      expect(nextStep(result, FRESH, { records: 5, now: 0, random })).toMatchObject({ wait: 120_000 });
  });

  test('halves a batch that timed out, and one that got 500 for a quarter of an hour, but no batch before', () => {
    const timedOut: SendResult = { outcome: 'retry', code: 'timed_out', answer: null, timedOut: true };
    expect(nextStep(timedOut, FRESH, { records: 500, now: 0, random: 0.5 }).effort.limit).toBe(250);
    const first = nextStep(failed(500), FRESH, { records: 500, now: 0, random: 0.5 });
    expect(first.effort.limit).toBe(500);
    const later = nextStep(failed(500), first.effort, { records: 500, now: HOUR_MS / 4, random: 0.5 });
    expect(later.effort.limit).toBe(250);
  });

  test('asks the receiver by a test event before it buries a record that alone got 500 for an hour', () => {
    const first = nextStep(failed(500), FRESH, { records: 1, now: 0, random: 0.5 });
    expect(first.do).toBe('retry');
    expect(nextStep(failed(500), first.effort, { records: 1, now: HOUR_MS - 1, random: 0.5 }).do).toBe('retry');
    expect(nextStep(failed(500), first.effort, { records: 1, now: HOUR_MS, random: 0.5 }).do).toBe('probe');
  });

  test.each([failed(503), { outcome: 'auth_error', code: 'http_401', answer: status(401) } as const])(
    'gives up after seven days of $code',
    (result) => {
      const first = nextStep(result, FRESH, { records: 5, now: 0, random: 0.5 });
      const before = 7 * 24 * HOUR_MS - 1;
      expect(nextStep(result, first.effort, { records: 5, now: before, random: 0.5 }).do).toBe('retry');
      expect(nextStep(result, first.effort, { records: 5, now: before + 1, random: 0.5 }).do).toBe('give_up');
    },
  );
});
