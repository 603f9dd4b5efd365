import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testDatabase, type TestDatabase } from '../support/database.js';
import { rolesOf, withRoles } from '../../src/platform/postgres/database-roles.js';
import { dumpSchema } from '../support/dump-schema.js';

let database: TestDatabase;
let client: pg.Client;
let migrated = '';

beforeAll(async () => {
  database = await testDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  migrated = await dumpSchema(database.url);
});

afterAll(async () => {
  await client.end();
  await database.drop();
});

test('test/schema.sql is the schema that the migrations make', async () => {
  await expect(migrated).toMatchFileSnapshot('../schema.sql');
});

test('the dump of one schema is the same each time, whatever days have partitions', async () => {
  await client.query('select ensure_partitions(9)');
  expect(await dumpSchema(database.url)).toBe(migrated);
});

/** All are made in one database, one beside the other. */
const changes: readonly (readonly [what: string, statement: string, line: string])[] = [
  ['a column', 'alter table usage_hourly add column planted text', '  planted text,'],
  ['a type', 'alter table usage_hourly alter column tool type varchar(99)', '  tool character varying(99) not null,'],
  ['a default', 'alter table usage_hourly alter column calls set default 7', '  calls bigint not null default 7,'],
  [
    'a column that may be null',
    'alter table usage_hourly alter column failed drop not null',
    '  failed bigint default 0,',
  ],
  [
    'a constraint',
    'alter table usage_hourly add constraint planted check (calls >= 0)',
    '  constraint planted CHECK ((calls >= 0)),',
  ],
  [
    'an index',
    'create index planted_index on usage_hourly (tool)',
    'CREATE INDEX planted_index ON public.usage_hourly USING btree (tool);',
  ],
  [
    'row-level security',
    'alter table recorded_ids enable row level security',
    'alter table recorded_ids enable row level security;',
  ],
  [
    'a policy',
    'create policy planted on usage_hourly for select to toolgate_app using (true)',
    'create policy planted on usage_hourly as permissive for select to toolgate_app',
  ],
  ['a right', 'grant delete on events to toolgate_app', 'grant delete, insert, select on events to toolgate_app;'],
  [
    'a right on a column',
    'grant update (event) on events to toolgate_app',
    'grant update (event) on events to toolgate_app;',
  ],
  [
    'a function',
    `create function planted() returns int language sql as 'select 1'`,
    'grant execute on function planted() to public;',
  ],
  [
    'the body of a function',
    'create or replace function window_end(win text, start timestamptz) returns timestamptz language ' +
      `sql immutable parallel safe as 'select start'`,
    'AS $function$select start$function$;',
  ],
  [
    'a right to run a function',
    'grant execute on function ensure_partitions(integer) to toolgate_app',
    'grant execute on function ensure_partitions(integer) to toolgate_app;',
  ],
  ['a table', 'create table planted_table (a int)', 'create table planted_table ('],
  ['a view', 'create view planted_view as select 1 as one', 'create view planted_view as'],
  [
    'a trigger',
    'create trigger planted before update on events for each row execute function suppress_redundant_updates_trigger()',
    'CREATE TRIGGER planted BEFORE UPDATE ON public.events FOR EACH ROW EXECUTE FUNCTION ' +
      'suppress_redundant_updates_trigger();',
  ],
  ['a type of its own', `create type planted_type as enum ('a')`, `create type planted_type as enum ('a');`],
];

describe('the dump shows', () => {
  let added: readonly string[] = [];

  beforeAll(async () => {
    for (const [, statement] of changes) await client.query(withRoles(statement, rolesOf(database.url)));
    const before = new Set(migrated.split('\n'));
    added = (await dumpSchema(database.url)).split('\n').filter((line) => !before.has(line));
  });

  test.each(changes)('%s that was changed', (_what, _statement, line) => expect(added).toContain(line));
});
