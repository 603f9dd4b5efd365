import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import pg from 'pg';
import { connectError, proveConnection, startupOptions } from './database-connection.js';
import { adoptRights, ensureRoles, rolesOf, withRoles, type DatabaseRoles } from './database-roles.js';

const FOLDER = new URL('../../../migrations/', import.meta.url);
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

const applyOne = async (client: pg.Client, migration: Migration, roles: DatabaseRoles): Promise<void> => {
  await client.query('BEGIN');
  try {
    await client.query('insert into schema_migrations(name, checksum) values ($1, $2)', [
      migration.name,
      migration.checksum,
    ]);
    await client.query(withRoles(migration.sql, roles));
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw new Error(`migration ${migration.name} failed: ${error instanceof Error ? error.message : 'unknown'}`, {
      cause: error,
    });
  }
};

const requireSupportedVersion = async (client: pg.Client): Promise<void> => {
  const { rows } = await client.query<{ server_version_num: string }>('show server_version_num');
  if (Number(rows[0]?.server_version_num) < 150_000) throw new Error('PostgreSQL 15 or later is needed');
};

/** The checksum of each applied migration, by its name. */
const readApplied = async (client: pg.Client): Promise<ReadonlyMap<string, string>> => {
  const { rows } = await client.query<{ name: string; checksum: string }>(
    'select name, checksum from schema_migrations',
  );
  return new Map(rows.map((row) => [row.name, row.checksum]));
};

/**
 * Brings the database to this release's schema: numbered files of `migrations/`, forward only, each in one transaction,
 * one starter at a time.
 * @throws when an applied file was edited, when the database is ahead of this release, when it is older than PostgreSQL
 * 15, or when a pooler on the way drops what connections rest on. The roles that migrations name become those of this
 * database.
 */
export const applyMigrations = async (databaseUrl: string): Promise<void> => {
  const client = new pg.Client({
    connectionString: databaseUrl,
    application_name: 'toolgate_migrations',
    options: startupOptions(),
  });
  const roles = rolesOf(databaseUrl);
  try {
    await client.connect();
    await proveConnection(client);
    await requireSupportedVersion(client);
    await client.query('select pg_advisory_lock($1)', [LOCK]);
    await ensureRoles(client, roles);
    await adoptRights(client, roles);
    await client.query(
      'create table if not exists schema_migrations(name text primary key, checksum text not null, ' +
        'applied_at timestamptz not null default now())',
    );
    const applied = await readApplied(client);
    const wanted = await readMigrations();
    const unknown = [...applied.keys()].filter((name) => !wanted.some((migration) => migration.name === name));
    if (unknown.length > 0)
      throw new Error(`the database is ahead of this release (${unknown.join(', ')}); start the newer release`);
    for (const migration of wanted) {
      const checksum = applied.get(migration.name);
      if (checksum === undefined) await applyOne(client, migration, roles);
      else if (checksum !== migration.checksum)
        throw new Error(`migration ${migration.name} was edited after it was applied; restore the file`);
    }
  } catch (error) {
    throw connectError(error);
  } finally {
    await client.end();
  }
};
