import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import pg from 'pg';

const FOLDER = new URL('../../migrations/', import.meta.url);
const LOCK = 7_203_917_001;

type Migration = Readonly<{ name: string; sql: string; checksum: string }>;

const readMigrations = async (): Promise<readonly Migration[]> => {
  const names = (await readdir(FOLDER)).filter((name) => /^\d{4}_.+\.sql$/.test(name)).toSorted();
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(new URL(name, FOLDER), 'utf8');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
};

const applyOne = async (client: pg.Client, migration: Migration): Promise<void> => {
  await client.query('BEGIN');
  try {
    await client.query('insert into schema_migrations(name, checksum) values ($1, $2)', [migration.name, migration.checksum]);
    await client.query(migration.sql);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw new Error(`migration ${migration.name} failed: ${error instanceof Error ? error.message : 'unknown'}`, { cause: error });
  }
};

const ROLE_STATEMENTS = [
  'CREATE ROLE toolgate_app NOLOGIN;',
  'CREATE ROLE toolgate_worker NOLOGIN;',
  'GRANT toolgate_app, toolgate_worker TO CURRENT_USER;',
];

const ensureRoles = async (client: pg.Client): Promise<void> => {
  const { rows } = await client.query<{ missing: boolean }>(
    `select count(*) < 2 or not bool_and(pg_has_role(current_user, oid, 'MEMBER')) as missing from pg_roles where rolname in ('toolgate_app', 'toolgate_worker')`,
  );
  if (!rows[0]?.missing) return;
  try {
    for (const name of ['toolgate_app', 'toolgate_worker']) {
      await client.query(`do $$ begin create role ${name} nologin; exception when duplicate_object or unique_violation then null; end $$`);
      await client.query(`grant ${name} to current_user`);
    }
  } catch (error) {
    throw new Error(`The database user may not create roles. Run these once as a superuser, then start again:\n  ${ROLE_STATEMENTS.join('\n  ')}`, { cause: error });
  }
};

/**
 * Brings the database to this release's schema: numbered files of `migrations/`, forward only, each in one transaction, one starter at a time.
 * @throws when an applied file was edited, when the database is ahead of this release, or when it is older than PostgreSQL 15.
 */
export const applyMigrations = async (databaseUrl: string): Promise<void> => {
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'toolgate_migrations' });
  await client.connect();
  try {
    const version = Number((await client.query<{ server_version_num: string }>('show server_version_num')).rows[0]?.server_version_num);
    if (version < 150_000) throw new Error('PostgreSQL 15 or later is needed');
    await client.query('select pg_advisory_lock($1)', [LOCK]);
    await ensureRoles(client);
    await client.query('create table if not exists schema_migrations(name text primary key, checksum text not null, applied_at timestamptz not null default now())');
    const applied = new Map((await client.query<{ name: string; checksum: string }>('select name, checksum from schema_migrations')).rows.map((row) => [row.name, row.checksum]));
    const wanted = await readMigrations();
    const unknown = [...applied.keys()].filter((name) => !wanted.some((migration) => migration.name === name));
    if (unknown.length > 0) throw new Error(`the database is ahead of this release (${unknown.join(', ')}); start the newer release`);
    for (const migration of wanted) {
      const checksum = applied.get(migration.name);
      if (checksum === undefined) await applyOne(client, migration);
      else if (checksum !== migration.checksum) throw new Error(`migration ${migration.name} was edited after it was applied; restore the file`);
    }
  } finally {
    await client.end();
  }
};
