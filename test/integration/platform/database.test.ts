import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Database } from '../../../src/platform/postgres/database.js';
import { databaseProblem } from '../../../src/platform/postgres/database-problem.js';
import { newId } from '../../../src/platform/crypto/ids.js';
import { testDatabase, type TestDatabase } from '../../support/database.js';

let at: TestDatabase;
let db: Database;
let owner: pg.Client;
beforeAll(async () => {
  at = await testDatabase();
  db = new Database(at.url);
  owner = new pg.Client({ connectionString: at.url });
  await owner.connect();
});
afterAll(async () => {
  await db.close();
  await owner.end();
  await at.drop();
});

const [loud, quiet] = [newId('org'), newId('org')];
const running = async (): Promise<number> =>
  (
    await owner.query(
      `select 1 from pg_stat_activity where datname = current_database() and query like 'select pg_sleep%'
        and state = 'active'`,
    )
  ).rows.length;
const sleep =
  (seconds: number) =>
  (tx: Parameters<Parameters<Database['inOrganization']>[1]>[0]): Promise<unknown> =>
    tx.query(`select pg_sleep(${seconds})`);

describe('the ways to the database', () => {
  test(
    'keep connections of each lane for another organization, however many works one organization has ' + 'waiting',
    async () => {
      const flood: Promise<unknown>[] = [];
      for (const lane of ['control', 'enforcement', 'search'] as const) {
        flood.push(
          ...Array.from({ length: 10 }, () => db.inOrganization(loud, sleep(600), lane).catch(() => undefined)),
        );
        expect((await db.inOrganization(quiet, (tx) => tx.query('select 1'), lane)).rowCount).toBe(1);
      }
      expect((await db.asStranger('somebody', (tx) => tx.query('select 1'))).rowCount).toBe(1);
      expect((await db.signIn.query('select 1')).rowCount).toBe(1);
      expect(await running()).toBeGreaterThan(5);
      let settled = false;
      void Promise.all(flood).then(() => (settled = true));
      while (!settled)
        await owner.query(
          `select pg_cancel_backend(pid) from pg_stat_activity where datname = current_database()
          and query like 'select pg_sleep%'`,
        );
    },
  );

  test('refuse the works of one organization beyond a hundred waiting, with the seconds to wait', async () => {
    const left = new AbortController();
    const flood = Array.from({ length: 200 }, () => db.search(loud, left.signal)(sleep(600)));
    const refused = await Promise.race(flood).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'too_many_requests', retryAfterSeconds: 2 });
    left.abort();
    await Promise.allSettled(flood);
  });
});

describe('a search', () => {
  test('is cancelled in the database when its caller leaves, and its connection serves no other', async () => {
    const left = new AbortController();
    const search = db.search(quiet, left.signal)(sleep(600));
    await expect.poll(running, { timeout: 10_000 }).toBe(1);
    left.abort();
    await expect(search).rejects.toThrow('The caller left');
    await expect.poll(running, { timeout: 10_000 }).toBe(0);
    await expect(db.search(quiet, left.signal)((tx) => tx.query('select 1'))).rejects.toThrow();
    expect((await db.search(quiet)((tx) => tx.query('select 1'))).rowCount).toBe(1);
  });

  test('has a time limit of its own, of which its caller is told how to stay below it', async () => {
    expect((await db.search(quiet)((tx) => tx.query('show statement_timeout'))).rows).toEqual([
      { statement_timeout: '30s' },
    ]);
    const late = await db
      .search(quiet)(async (tx) => {
        await tx.query(`set local statement_timeout = 20`);
        await tx.query('select pg_sleep(600)');
      })
      .catch((error: unknown) => error);
    expect(databaseProblem(late)).toMatchObject({ code: 'search_timeout', detail: expect.stringContaining('Narrow') });
  });
});

describe('a failure of the database', () => {
  test('is told as temporary when another try may succeed, and as ours otherwise', async () => {
    const away = new Database('postgres://127.0.0.1:1/none');
    const refused = await away.inOrganization(quiet, (tx) => tx.query('select 1')).catch((error: unknown) => error);
    expect(databaseProblem(refused)).toMatchObject({ code: 'unavailable', retryAfterSeconds: 2 });
    await away.close();
    expect(databaseProblem(new Error('timeout exceeded when trying to connect'))).toMatchObject({
      code: 'unavailable',
    });
    const wrong = await db.inOrganization(quiet, (tx) => tx.query('select nothing')).catch((error: unknown) => error);
    expect(databaseProblem(wrong)).toBeUndefined();
    expect(databaseProblem(new Error('anything else'))).toBeUndefined();
  });
});
