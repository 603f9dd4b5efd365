import { expect, test } from 'vitest';

type Part = Readonly<{ part: string; killed: boolean }>;
type Outages = Readonly<{ during: (part: Part, work: () => unknown) => Promise<void> }>;
type Judge = Readonly<{
  Outages: new () => Outages;
  faultOf: (seen: object, outages: Outages) => string | undefined;
  faultsOfRecord: (counts: object, outages: Readonly<{ kills: number }>) => readonly string[];
}>;
const PROGRAM = new URL('../../matrix/soak-judge.mjs', import.meta.url).href;
const { Outages, faultOf, faultsOfRecord } = (await import(PROGRAM)) as Judge;

const now = Date.now();
const afterRestart = async (part: string, killed = true): Promise<Outages> => {
  const outages = new Outages();
  await outages.during({ part, killed }, () => undefined);
  return outages;
};
/** A call that began just before the restart. */
const seen = (kind: string, more: object = {}): object => ({
  kind,
  timedOut: false,
  unknown: false,
  beganAt: now,
  endedAt: now + 31_000,
  lastGoodAt: now,
  ...more,
});

test.each([
  ['http', 'http', undefined],
  ['sse', 'sse', undefined],
  ['http', 'gateway', 'a session was lost'],
  ['http', 'sse', 'a session was lost'],
  ['stdio', 'gateway', 'a session was lost'],
  ['stdio', 'stdio', 'a session was lost'],
])('a session at an %s server that is lost by a restart of %s counts as: %s', async (kind, part, fault) => {
  expect(faultOf(seen(kind, { unknown: true }), await afterRestart(part))).toBe(fault);
});

test('a call without an answer is a fault but where Toolgate was killed under it', async () => {
  const timedOut = seen('http', { timedOut: true });
  expect(faultOf(timedOut, await afterRestart('gateway'))).toBeUndefined();
  expect(faultOf(timedOut, await afterRestart('gateway', false))).toBe('no answer');
  expect(faultOf(timedOut, await afterRestart('http'))).toBe('no answer');
  expect(faultOf(seen('http', { timedOut: true, beganAt: now - 10_000 }), await afterRestart('gateway'))).toBe(
    'no answer',
  );
});

test('a call that fails with an error is a fault where neither Toolgate nor its server was down', async () => {
  expect(faultOf(seen('http'), await afterRestart('gateway', false))).toBeUndefined();
  expect(faultOf(seen('http'), await afterRestart('sse'))).toBe('failed without a restart');
});

test('an answered call may have an unknown outcome on record only where Toolgate was killed', () => {
  const counts = { answered: 10, ok: 9, unknown: 1, odd: 0 };
  expect(faultsOfRecord(counts, { kills: 1 })).toEqual([]);
  expect(faultsOfRecord(counts, { kills: 0 })).toHaveLength(1);
  expect(faultsOfRecord({ ...counts, unknown: 0, odd: 2 }, { kills: 1 })).toHaveLength(2);
});
