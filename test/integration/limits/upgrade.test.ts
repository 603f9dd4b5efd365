import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeReserve } from '../../../src/data-plane/enforcement/reserve.js';
import { counterKey } from '../../../src/platform/crypto/counter-key.js';
import { ensureRoles, rolesOf, withRoles } from '../../../src/platform/postgres/database-roles.js';
import { Database } from '../../../src/platform/postgres/database.js';
import { newId } from '../../../src/platform/crypto/ids.js';
import { applyMigrations } from '../../../src/platform/postgres/migrations.js';
import type { Reservation } from '../../../src/policy-engine/decide.js';
import { counterName } from '../../../src/policy-engine/limits.js';
import { usedOf } from '../../support/counters.js';
import { testDatabase } from '../../support/database.js';

const FOLDER = new URL('../../../migrations/', import.meta.url);
const NAME = 'before_hashed_keys';

let database: Awaited<ReturnType<typeof testDatabase>>;
let url: string;
let owner: pg.Client;

/** A database as the release before counter keys were hashed left it. */
beforeAll(async () => {
  database = await testDatabase();
  const admin = new pg.Client({ connectionString: database.url });
  await admin.connect();
  await admin.query(`create database ${NAME}`);
  await admin.end();
  url = database.url.replace(new URL(database.url).pathname, `/${NAME}`);
  owner = new pg.Client({ connectionString: url });
  await owner.connect();
  const roles = rolesOf(url);
  await ensureRoles(owner, roles);
  await owner.query(
    'create table schema_migrations(name text primary key, checksum text not null, applied_at ' +
      'timestamptz not null default now())',
  );
  const names = (await readdir(FOLDER)).filter((name) => name.endsWith('.sql')).toSorted();
  for (const name of names.slice(
    0,
    names.findIndex((one) => one.endsWith('_hashed_counter_keys.sql')),
  )) {
    const sql = await readFile(new URL(name, FOLDER), 'utf8');
    await owner.query(withRoles(sql, roles));
    await owner.query('insert into schema_migrations(name, checksum) values ($1, $2)', [
      name,
      createHash('sha256').update(sql).digest('hex'),
    ]);
  }
});
afterAll(async () => {
  await owner.end();
  const admin = new pg.Client({ connectionString: database.url });
  await admin.connect();
  await admin.query(`drop database ${NAME} with (force)`);
  await admin.end();
  await database.drop();
});

const organizationId = newId('org');
const limit = (counter: string): Reservation => ({
  counter,
  window: 'month',
  scope: 'grant',
  whom: 'grt_1',
  amount: 1,
  max: 2,
  pointer: '/l',
});

/** Reserves as a gateway of the release before does. */
const reserveByName = async (one: Reservation): Promise<boolean> => {
  const { rows } = await owner.query<{ refused: number | null }>(
    'select refused from reserve_limits($1, $2, $3, $4, $5, $6, $7, $8)',
    [[counterName(organizationId, one)], [organizationId], [one.window], [1], [1], [one.amount], [one.max], [true]],
  );
  return rows[0]?.refused === null;
};

test(
  'what was used of a limit stays used when counter keys become hashes, also beside gateways of the ' +
    'release before',
  async () => {
    const [full, half, fresh] = [limit('full|\u00e9'), limit('half'), limit('fresh')];
    for (const one of [full, full, half]) expect(await reserveByName(one)).toBe(true);
    await owner.query(`insert into limit_counters values ('over', $1, 'minute', now() - interval '2 minutes', 9)`, [
      organizationId,
    ]);
    await applyMigrations(url);
    const db = new Database(url);
    const reserve = makeReserve(db.limits, 5000);
    const ask = async (one: Reservation): Promise<boolean> =>
      (await reserve({ organizationId, reservations: [one], capped: true })).ok;
    expect([await usedOf(db, organizationId, full), await usedOf(db, organizationId, half)]).toEqual([2, 1]);
    expect([await ask(full), await ask(half), await ask(half)]).toEqual([false, true, false]);
    expect([await ask(fresh), await reserveByName(fresh), await ask(fresh), await reserveByName(fresh)]).toEqual([
      true,
      true,
      false,
      false,
    ]);
    await owner.query(`select release_limits($1, $2, now())`, [[counterName(organizationId, fresh)], [1]]);
    expect(await usedOf(db, organizationId, fresh)).toBe(1);
    const { rows } = await owner.query<{ key: string }>('select key from limit_counters order by key');
    expect(rows.map(({ key }) => key)).toEqual(
      [full, half, fresh].map((one) => counterKey(counterName(organizationId, one))).toSorted(),
    );
    await db.close();
  },
);
