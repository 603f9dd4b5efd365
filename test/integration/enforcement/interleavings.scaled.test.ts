import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeReserve, type Reserve } from '../../../src/data-plane/enforcement/reserve.js';
import { Database } from '../../../src/platform/postgres/database.js';
import { newId } from '../../../src/platform/crypto/ids.js';
import type { Reservation } from '../../../src/policy-engine/decide.js';
import { usedOf } from '../../support/counters.js';
import { testDatabase } from '../../support/database.js';
import { checkInterleavings } from '../../support/interleavings.js';
import { scaled } from '../../support/scaled.js';

const GATEWAYS = 3;
const INTERLEAVINGS = process.env['FAULTS'] === undefined ? scaled(500, 100) : 2000;
const AT_ONCE = 50;
const COUNTERS = [0, 1, 2] as const;
const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));

/**
 * What becomes of a call whose limits are reserved: it is sent, or no byte of it is, or its gateway dies between
 * reserving and the append.
 */
const fates = ['sent', 'sent', 'not_sent', 'died'] as const;
type Call = Readonly<{
  gateway: number;
  waitMs: number;
  entries: readonly Readonly<{ counter: number; looser: boolean }>[];
  amount: number;
  fate: (typeof fates)[number];
}>;

/** `maxima` are those of the counters; with `varied`, looser entries allow one more. */
type Interleaving = Readonly<{ maxima: readonly number[]; varied: boolean; calls: readonly Call[] }>;

const call: fc.Arbitrary<Call> = fc.record({
  gateway: fc.nat(GATEWAYS - 1),
  waitMs: fc.constantFrom(0, 0, 0, 1, 5),
  entries: fc.array(fc.record({ counter: fc.nat(2), looser: fc.boolean() }), { minLength: 1, maxLength: 3 }),
  amount: fc.constantFrom(1, 1, 1, 0.1, 2.5, 0),
  fate: fc.constantFrom(...fates),
});
const interleaving: fc.Arbitrary<Interleaving> = fc.record({
  maxima: fc.array(fc.constantFrom(0, 1, 2.5, 3, 5), { minLength: 3, maxLength: 3 }),
  varied: fc.integer({ min: 0, max: 3 }).map((n) => n === 0),
  calls: fc.array(call, { minLength: 4, maxLength: 16 }),
});
const maxOf = ({ maxima, varied }: Interleaving, counter: number, looser = varied): number =>
  (maxima[counter] ?? 0) + (varied && looser ? 1 : 0);

let database: Awaited<ReturnType<typeof testDatabase>>;
let pools: readonly Database[];
let gateways: readonly Reserve[];

beforeAll(async () => {
  database = await testDatabase();
  pools = Array.from({ length: GATEWAYS }, () => new Database(database.url));
  gateways = pools.map((db) => makeReserve(db.limits, 30_000));
});
afterAll(async () => {
  await Promise.all(pools.map((db) => db.close()));
  await database.drop();
});

const reserve = (index: number): Reserve => gateways[index % GATEWAYS] as Reserve;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const hundredths = (amount: number): number => Math.round(amount * 100);

const reservationsOf = (whom: string, of: Interleaving, { entries, amount }: Call): readonly Reservation[] =>
  entries.map(({ counter, looser }, index) => ({
    counter: String(counter),
    window: 'month',
    scope: 'grant',
    whom,
    amount,
    max: maxOf(of, counter, looser),
    pointer: `/${index}`,
  }));

const countsOf = async (whom: string): Promise<ReadonlyMap<number, number>> => {
  const db = pools[0] as Database;
  const used = await Promise.all(
    COUNTERS.map((counter) => usedOf(db, whom, { counter: String(counter), window: 'month', scope: 'grant', whom })),
  );
  return new Map(used.flatMap((one, counter) => (one === undefined ? [] : [[counter, hundredths(one)] as const])));
};

/**
 * Plays the calls over the gateways; answers what each counter must hold afterwards, in hundredths: what was sent, or
 * may have been.
 */
const play = async (organizationId: string, of: Interleaving): Promise<ReadonlyMap<number, number>> => {
  const kept = new Map<number, number>();
  await Promise.all(
    of.calls.map(async (one) => {
      await pause(one.waitMs);
      const held = await reserve(one.gateway)({
        organizationId,
        reservations: reservationsOf(organizationId, of, one),
        capped: true,
      });
      if (!held.ok) return expect('unavailable' in held).toBe(false);
      if (one.fate === 'not_sent') return held.release();
      for (const counter of new Set(one.entries.map((entry) => entry.counter))) {
        kept.set(counter, (kept.get(counter) ?? 0) + hundredths(one.amount));
        expect(kept.get(counter), `counter ${counter}`).toBeLessThanOrEqual(hundredths(maxOf(of, counter)));
      }
    }),
  );
  return kept;
};

const check = async (of: Interleaving): Promise<void> => {
  const organizationId = newId('org');
  const kept = await play(organizationId, of);
  const counted = (counts: ReadonlyMap<number, number>): unknown =>
    [...counts].filter(([, used]) => used > 0).toSorted();
  // Calls do not wait for what they give back.
  await expect
    .poll(async () => counted(await countsOf(organizationId)), { timeout: 20_000, interval: 20 })
    .toEqual(counted(kept));
  for (const [counter, used] of kept) {
    const max = maxOf(of, counter);
    const rest: Reservation = {
      counter: String(counter),
      window: 'month',
      scope: 'grant',
      whom: organizationId,
      amount: (hundredths(max) - used) / 100,
      max,
      pointer: '/rest',
    };
    expect(
      await reserve(used)({ organizationId, reservations: [rest], capped: true }),
      'what is left can be used',
    ).toMatchObject({ ok: true });
    expect(
      await reserve(used + 1)({ organizationId, reservations: [{ ...rest, amount: 0.01 }], capped: true }),
      'and nothing beyond',
    ).toMatchObject({ ok: false });
  }
};

test(
  `in ${INTERLEAVINGS} random interleavings over ${GATEWAYS} gateways no counter passes its maximum ` +
    'and none keeps what was given back',
  async () => {
    await checkInterleavings(interleaving, { runs: INTERLEAVINGS, atOnce: AT_ONCE, seed }, check);
  },
  240_000,
);

test(
  'of calls that come over three connections through several windows, none of which knows of the ' +
    'others, each window passes its maximum and no call more',
  async () => {
    const [organization, max] = [newId('org'), 7];
    const passed = new Map<string, number>();
    const end = Date.now() + 3500;
    await Promise.all(
      pools.map(async (db) => {
        while (Date.now() < end) {
          const { rows } = await db.limits.query<{ opened: string; refused: number | null }>(
            `select window_start('1', at)::text as opened, refused
            from reserve_limits(array[$1 || '|w'], array[$1], array['1'], array[1, 2, 3], array[1, 1, 1], array[1, 1,
            1], array[$2, $2, $2]::numeric[], array[true, true, true])`,
            [organization, max],
          );
          for (const { opened, refused } of rows)
            passed.set(opened, (passed.get(opened) ?? 0) + (refused === null ? 1 : 0));
        }
      }),
    );
    const counts = [...passed].toSorted().map(([, count]) => count);
    expect(counts.length).toBeGreaterThanOrEqual(3);
    expect(counts.slice(1, -1)).toEqual(counts.slice(1, -1).map(() => max));
    for (const count of counts) expect(count).toBeLessThanOrEqual(max);
  },
);

test(
  'what a gateway reserved and died with before the append stays counted, which is the safe side, ' +
    'and goes with its window',
  async () => {
    const organizationId = newId('org');
    const one: Reservation = {
      counter: 'c',
      window: 2,
      scope: 'grant',
      whom: organizationId,
      amount: 1,
      max: 1,
      pointer: '/l',
    };
    const dying = new Database(database.url);
    const { rows } = await dying.worker.query<{ left: number }>(
      'select 2 - extract(epoch from clock_timestamp())::numeric % 2 as left',
    );
    if ((rows[0]?.left ?? 0) < 1) await pause(1100);
    expect(await makeReserve(dying.limits, 5000)({ organizationId, reservations: [one], capped: true })).toMatchObject({
      ok: true,
    });
    await dying.close();
    expect(await reserve(0)({ organizationId, reservations: [one], capped: true })).toMatchObject({
      ok: false,
      reservation: { pointer: '/l' },
    });
    await expect
      .poll(async () => (await reserve(1)({ organizationId, reservations: [one], capped: true })).ok, { timeout: 5000 })
      .toBe(true);
  },
);
