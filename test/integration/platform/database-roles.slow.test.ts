import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makePoolLogins, rolesOf, type DatabaseRoles } from '../../../src/platform/postgres/database-roles.js';
import { Database } from '../../../src/platform/postgres/database.js';
import { applyMigrations } from '../../../src/platform/postgres/migrations.js';
import { testDatabase, type TestDatabase } from '../../support/database.js';
import { dumpSchema } from '../../support/dump-schema.js';

let one: TestDatabase;
let other: TestDatabase;
beforeAll(async () => void ([one, other] = [await testDatabase(), await testDatabase()]));
afterAll(async () => {
  await one.drop();
  await other.drop();
});

const run = async <R extends pg.QueryResultRow>(url: string, text: string, options?: string): Promise<readonly R[]> => {
  const client = new pg.Client({ connectionString: url, ...(options === undefined ? {} : { options }) });
  try {
    await client.connect();
    return (await client.query<R>(text)).rows;
  } finally {
    await client.end();
  }
};

const databaseOf = (url: string): string => new URL(url).pathname.slice(1);

test.each([
  ['toolgate', { app: 'toolgate_app', worker: 'toolgate_worker' }],
  ['shop', { app: 'toolgate_app_shop', worker: 'toolgate_worker_shop' }],
])('the roles of the database %s are named after it', (name, roles) =>
  expect(rolesOf(`postgres://u@h/${name}`)).toEqual(roles),
);

test('databases of any name have roles of their own, whose names need no quotes and fit', () => {
  const names = ['a', 'A', 'a-b', 'a_b', 'a"b; drop', 'ü', `${'x'.repeat(62)}1`, `${'x'.repeat(62)}2`, "'", ' '];
  const all = names.flatMap((name) => Object.values(rolesOf(`postgres://u@h/${encodeURIComponent(name)}`)));
  expect(new Set(all).size).toBe(names.length * 2);
  for (const role of all) expect(role).toMatch(/^[a-z0-9_]{1,55}$/);
});

describe('two installations in one cluster', () => {
  test(
    'have no right in each other: not even a user who may become the roles of one reads a row of the ' + 'other',
    async () => {
      const mine = rolesOf(one.url);
      for (const role of [mine.app, mine.worker]) {
        await expect(run(other.url, 'select 1 from organizations', `-c role=${role}`)).rejects.toThrow(
          /permission denied/,
        );
        expect(await run(one.url, 'select 1 from organizations', `-c role=${role}`)).toEqual([]);
      }
    },
  );
});

/** Gives a database back what a release gave it in which all installations of a cluster shared their roles. */
const shareRoles = async (url: string, { app, worker }: DatabaseRoles): Promise<void> => {
  for (const role of ['toolgate_app', 'toolgate_worker'])
    await run(url, `do $$ begin create role ${role}; exception when duplicate_object then null; end $$`);
  const statements = await run<{ text: string }>(
    url,
    `with ours(mine, shared) as (values ('${app}', 'toolgate_app'), ('${worker}', 'toolgate_worker'))
     select format('alter policy %I on %s to %s', policyname, tablename, shared) as text from pg_policies
       join ours on mine = any (roles::text[])
     union all select format('grant %s on %s to %s; revoke all on %2$s from %4$s', privilege_type, c.oid::regclass,
       shared, mine) from pg_class c, aclexplode(c.relacl) x join ours on mine = pg_get_userbyid(x.grantee)
     union all select format('grant %s (%I) on %s to %s', privilege_type, attname, attrelid::regclass, shared)
       from pg_attribute a, aclexplode(a.attacl) x join ours on mine = pg_get_userbyid(x.grantee)
     union all select format('grant execute on function %s to %s; revoke all on function %1$s from %3$s',
       p.oid::regprocedure, shared, mine) from pg_proc p, aclexplode(p.proacl) x
       join ours on mine = pg_get_userbyid(x.grantee)`,
  );
  for (const { text } of statements) await run(url, text);
};

test(
  'a database whose installation shared the roles of its cluster gets its own at the next start: ' +
    'the same rights, and none is left to the shared ones',
  async () => {
    const before = await dumpSchema(one.url);
    const roles = rolesOf(one.url);
    await shareRoles(one.url, roles);
    expect(
      (await run(one.url, `select 1 from pg_policies where 'toolgate_worker' = any (roles::text[])`)).length,
    ).toBeGreaterThan(20);
    await applyMigrations(one.url);
    expect(await dumpSchema(one.url)).toBe(before);
    expect(
      await run(one.url, `select 1 from pg_policies where roles::text[] && array['toolgate_app', 'toolgate_worker']`),
    ).toEqual([]);
    expect(
      await run(
        one.url,
        `select 1 from pg_class c, aclexplode(c.relacl) x
        where pg_get_userbyid(x.grantee) in ('toolgate_app', 'toolgate_worker')`,
      ),
    ).toEqual([]);
    await expect(run(one.url, 'select 1 from organizations', '-c role=toolgate_worker')).rejects.toThrow(
      /permission denied/,
    );
  },
);

test('a user who may not create roles is told the statements to run, with the names of this database', async () => {
  const owner = `owner_${databaseOf(one.url)}`;
  const fresh = `fresh_${databaseOf(one.url)}`;
  await run(one.url, `create role ${owner} login password 'x'`);
  await run(one.url, `create database ${fresh} owner ${owner}`);
  const url = new URL(one.url);
  Object.assign(url, { username: owner, password: 'x', pathname: `/${fresh}` });
  const { app, worker } = rolesOf(url.toString());
  try {
    const refusal = await applyMigrations(url.toString()).then(
      () => '',
      (error: unknown) => (error as Error).message,
    );
    const statements = refusal
      .split('\n')
      .slice(1)
      .map((line) => line.trim());
    expect(statements).toEqual([
      `CREATE ROLE ${app} NOLOGIN;`,
      `CREATE ROLE ${worker} NOLOGIN;`,
      `GRANT ${app}, ${worker} TO CURRENT_USER;`,
    ]);
    for (const statement of statements) await run(one.url, statement.replace('CURRENT_USER', owner));
    await applyMigrations(url.toString());
    expect(await run(url.toString(), 'select 1 from organizations', `-c role=${worker}`)).toEqual([]);
  } finally {
    await run(one.url, `drop database ${fresh} with (force)`);
    await run(one.url, `drop role ${app}, ${worker}, ${owner}`);
  }
});

describe('the pools of the embedded database', () => {
  test(
    'connect as logins that can become nothing but their role: an injected statement gets back to no ' +
      'owner and to no other role',
    async () => {
      const urls = await makePoolLogins(other.url);
      const roles = rolesOf(other.url);
      const db = new Database(urls);
      try {
        for (const [pool, role, beyond] of [
          [db.app, roles.app, roles.worker],
          [db.worker, roles.worker, roles.app],
        ] as const) {
          const client = await pool.connect();
          expect(
            (
              await client.query(
                'select current_user::text as role, usesuper from pg_user where usename = session_user',
              )
            ).rows,
          ).toEqual([{ role, usesuper: false }]);
          await client.query('set role none');
          await expect(client.query('select 1 from organizations')).rejects.toThrow(/permission denied/);
          await expect(client.query('select 1 from users')).rejects.toThrow(/permission denied/);
          await expect(client.query(`set role ${beyond}`)).rejects.toThrow(/permission denied/);
          await expect(client.query(`set session authorization ${new URL(other.url).username}`)).rejects.toThrow(
            /permission denied/,
          );
          client.release(true);
        }
      } finally {
        await db.close();
        await run(other.url, `drop role ${roles.app}_login, ${roles.worker}_login`);
      }
    },
  );
});
