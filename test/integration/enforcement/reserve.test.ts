import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startEmbeddedPostgres } from '../../../src/platform/embedded-postgres/embedded-postgres.js';
import { makeReserve, type Reserve } from '../../../src/data-plane/enforcement/reserve.js';
import { Database } from '../../../src/platform/postgres/database.js';
import { windowBounds } from '../../../src/policy-engine/windows.js';
import { newId } from '../../../src/platform/crypto/ids.js';
import { applyMigrations } from '../../../src/platform/postgres/migrations.js';
import type { Reservation } from '../../../src/policy-engine/decide.js';
import { usedOf } from '../../support/counters.js';
import { testDatabase } from '../../support/database.js';
import { startDatabaseProxy } from '../../support/database-proxy.js';

let database: Awaited<ReturnType<typeof testDatabase>>;
const pools: Database[] = [];
let nodes: Reserve[] = [];

beforeAll(async () => {
  database = await testDatabase();
  nodes = [0, 1, 2].map(() => {
    const db = new Database(database.url);
    pools.push(db);
    return makeReserve(db.limits, 5000);
  });
});
afterAll(async () => {
  await Promise.all(pools.map((db) => db.close()));
  await database.drop();
});

const limit = (over: Partial<Reservation> = {}): Reservation => ({
  counter: 'c',
  window: 'month',
  scope: 'grant',
  whom: newId('grt'),
  amount: 1,
  max: 10,
  pointer: '/tools/x/limits/0',
  ...over,
});
const node = (index = 0): Reserve => nodes[index % nodes.length] as Reserve;
const used = async (organizationId: string, one: Reservation): Promise<number> =>
  (await usedOf(pools[0] as Database, organizationId, one)) ?? 0;

describe('limits', () => {
  test('ten of a thousand concurrent calls over three gateways pass a limit of ten', async () => {
    const organizationId = newId('org');
    const one = limit();
    const results = await Promise.all(
      Array.from({ length: 1000 }, (_, index) => node(index)({ organizationId, reservations: [one], capped: true })),
    );
    expect(results.filter((result) => result.ok)).toHaveLength(10);
    expect(await used(organizationId, one)).toBe(10);
  });

  test('a refusal names the first reservation that did not fit and whole seconds to wait', async () => {
    const organizationId = newId('org');
    const wide = limit({ max: 100 });
    const narrow = limit({ window: 'minute', max: 1, pointer: '/all_tools/limits/0' });
    const tight = limit({ window: 'minute', max: 1, pointer: '/all_tools/limits/1' });
    await node()({ organizationId, reservations: [tight], capped: true });
    const refused = await node()({ organizationId, reservations: [wide, tight, narrow], capped: true });
    expect(refused).toMatchObject({ ok: false, reservation: { pointer: '/all_tools/limits/1' } });
    const seconds = 'retryAfterSeconds' in refused ? refused.retryAfterSeconds : undefined;
    expect(seconds).toBeGreaterThanOrEqual(1);
    expect(seconds).toBeLessThanOrEqual(60);
    expect(Number.isInteger(seconds)).toBe(true);
  });

  test(
    'a call that several limits refuse waits for the limit that opens last, and the first one is ' + 'named',
    async () => {
      const organizationId = newId('org');
      const minute = limit({ window: 'minute', max: 1, pointer: '/minute' });
      const month = limit({ window: 'month', max: 1, pointer: '/month' });
      const impossible = limit({ max: 0.5, pointer: '/impossible' });
      await node()({ organizationId, reservations: [minute, month], capped: true });
      const monthEndsMs = windowBounds('month', new Date()).endMs;
      const refused = await node()({ organizationId, reservations: [minute, month], capped: true });
      expect(refused).toMatchObject({ ok: false, reservation: { pointer: '/minute' } });
      const seconds = 'retryAfterSeconds' in refused ? (refused.retryAfterSeconds ?? 0) : 0;
      expect(Math.abs(seconds - (monthEndsMs - Date.now()) / 1000)).toBeLessThan(60);
      expect(await node()({ organizationId, reservations: [minute, impossible], capped: true })).toMatchObject({
        reservation: { pointer: '/minute' },
        retryAfterSeconds: undefined,
      });
    },
  );

  test('an amount that alone is over the maximum has no time to wait', async () => {
    const refused = await node()({ organizationId: newId('org'), reservations: [limit({ amount: 11 })], capped: true });
    expect(refused).toMatchObject({ ok: false, retryAfterSeconds: undefined });
  });

  test('all of a call is reserved or none of it', async () => {
    const organizationId = newId('org');
    const [first, full] = [limit(), limit({ max: 0, pointer: '/full' })];
    expect((await node()({ organizationId, reservations: [first, full], capped: true })).ok).toBe(false);
    expect(await used(organizationId, first)).toBe(0);
  });

  test('two entries on one counter add once and each compares with its own maximum', async () => {
    const organizationId = newId('org');
    const whom = newId('grt');
    const [loose, tight] = [limit({ whom, max: 5 }), limit({ whom, max: 2, pointer: '/tight' })];
    const results = [];
    for (let i = 0; i < 3; i += 1)
      results.push(await node()({ organizationId, reservations: [loose, tight], capped: true }));
    expect(results.map((result) => result.ok)).toEqual([true, true, false]);
    expect(results[2]).toMatchObject({ reservation: { pointer: '/tight' } });
    expect(await used(organizationId, loose)).toBe(2);
  });

  test('what is given back can be used again, once', async () => {
    const organizationId = newId('org');
    const one = limit({ max: 1 });
    const held = await node()({ organizationId, reservations: [one], capped: true });
    if (held.ok) held.release();
    await expect.poll(() => used(organizationId, one)).toBe(0);
    expect((await node(1)({ organizationId, reservations: [one], capped: true })).ok).toBe(true);
    expect((await node(2)({ organizationId, reservations: [one], capped: true })).ok).toBe(false);
  });

  test('what is given back after the window has passed does not lower the next one', async () => {
    const organizationId = newId('org');
    const one = limit({ window: 1, max: 3 });
    const held = await node()({ organizationId, reservations: [one], capped: true });
    await new Promise((resolve) => setTimeout(resolve, 1100));
    await node()({ organizationId, reservations: [one], capped: true });
    if (held.ok) held.release();
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await used(organizationId, one)).toBe(1);
  });

  test('monitor mode counts without a cap', async () => {
    const organizationId = newId('org');
    const one = limit({ max: 1 });
    const results = await Promise.all(
      [1, 2, 3].map(() => node()({ organizationId, reservations: [one], capped: false })),
    );
    expect(results.every((result) => result.ok)).toBe(true);
    expect(await used(organizationId, one)).toBe(3);
  });

  test('decimal amounts add up exactly', async () => {
    const organizationId = newId('org');
    const one = limit({ amount: 0.1, max: 1 });
    const results = [];
    for (let i = 0; i < 11; i += 1)
      results.push((await node()({ organizationId, reservations: [one], capped: true })).ok);
    expect(results.filter(Boolean)).toHaveLength(10);
  });

  test('windows follow UTC and the epoch', async () => {
    const { rows } = await (pools[0] as Database).worker.query<{ win: string; s: string; e: string }>(
      `select win, to_json(window_start(win, '2026-02-28T23:59:58.5Z'))#>>'{}' as s, to_json(window_end(win,
        window_start(win, '2026-02-28T23:59:58.5Z')))#>>'{}' as e
       from unnest(array['second', 'minute', 'hour', 'day', 'month', '7']) win`,
    );
    const iso = rows.map((row) => [row.win, new Date(row.s).toISOString(), new Date(row.e).toISOString()]);
    expect(iso).toEqual([
      ['second', '2026-02-28T23:59:58.000Z', '2026-02-28T23:59:59.000Z'],
      ['minute', '2026-02-28T23:59:00.000Z', '2026-03-01T00:00:00.000Z'],
      ['hour', '2026-02-28T23:00:00.000Z', '2026-03-01T00:00:00.000Z'],
      ['day', '2026-02-28T00:00:00.000Z', '2026-03-01T00:00:00.000Z'],
      ['month', '2026-02-01T00:00:00.000Z', '2026-03-01T00:00:00.000Z'],
      [
        '7',
        new Date(Math.floor(Date.parse('2026-02-28T23:59:58.5Z') / 7000) * 7000).toISOString(),
        new Date(Math.floor(Date.parse('2026-02-28T23:59:58.5Z') / 7000) * 7000 + 7000).toISOString(),
      ],
    ]);
  });
});

describe('one organization', () => {
  const poison = limit({ window: 'fortnight' as Reservation['window'] });

  test(
    "that asks for what the database refuses is refused alone: every other organization's calls of " +
      'the same batch are reserved, once',
    async () => {
      const [hostile, honest] = [newId('org'), newId('org')];
      const one = limit({ max: 1000 });
      const calls = Array.from({ length: 200 }, (_, index) =>
        node()(
          index % 4 === 3
            ? { organizationId: hostile, reservations: [poison], capped: true }
            : { organizationId: honest, reservations: [one], capped: true },
        ),
      );
      const results = await Promise.all(calls);
      expect(results.map((result) => result.ok)).toEqual(calls.map((_, index) => index % 4 !== 3));
      expect(await used(honest, one)).toBe(150);
    },
  );

  test.each([
    ['2,000 characters of three bytes each', '\u4e00\u5a01\u6c03'.repeat(700)],
    ['NUL and a lone surrogate', 'a\0b\ud800'],
    ['separators of the other parts', 'c|month|x'],
  ])('has a counter named with %s, which counts as any other', async (_, counter) => {
    const organizationId = newId('org');
    const one = limit({ counter, max: 2 });
    const results = [];
    for (let i = 0; i < 3; i += 1)
      results.push((await node(i)({ organizationId, reservations: [one], capped: true })).ok);
    expect(results).toEqual([true, true, false]);
    expect(await used(organizationId, one)).toBe(2);
    expect(await usedOf(pools[0] as Database, organizationId, { ...one, counter: `${counter}.` })).toBeUndefined();
  });
});

test('what is given back while the database is away is given back when it is there again', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'toolgate-test-'));
  const settings = { fsync: 'off' };
  let server = await startEmbeddedPostgres({ dataDir, settings });
  const proxy = await startDatabaseProxy(server.url);
  await applyMigrations(proxy.url);
  const db = new Database(proxy.url);
  const counted = async (): Promise<number | undefined> =>
    (await db.worker.query<{ used: number }>('select used from limit_counters')).rows[0]?.used;
  const held = await makeReserve(
    db.limits,
    5000,
  )({ organizationId: newId('org'), reservations: [limit({ amount: 3 })], capped: true });
  expect(await counted()).toBe(3);
  await server.stop();
  if (held.ok) held.release();
  await new Promise((resolve) => setTimeout(resolve, 300));
  server = await startEmbeddedPostgres({ dataDir, settings });
  proxy.leadTo(server.url);
  await expect.poll(counted, { timeout: 10_000 }).toBe(0);
  await db.close();
  await proxy.close();
  await server.stop();
  await rm(dataDir, { recursive: true, force: true });
});
