import pg from 'pg';
import { inject } from 'vitest';
import { rolesOf } from '../../src/platform/postgres/database-roles.js';

export type TestDatabase = Readonly<{ url: string; drop(): Promise<void> }>;

/**
 * A database of its own for a test file, with all migrations applied. `drop` ends what is still connected to it; one
 * that isn't dropped goes with the run. With TEST_DATABASE_URL it lies in that server, whose user must be allowed to
 * create databases.
 */
export async function testDatabase(): Promise<TestDatabase> {
  const url = await ask('/', 'POST');
  return { url, drop: () => ask(new URL(url).pathname, 'DELETE').then(() => undefined) };
}

let count = 0;

/**
 * An empty database in the same server, with options of CREATE DATABASE, such as its locale; with `owner` a user who is
 * no superuser owns it, and starts the product.
 */
export async function databaseIn(
  options: string,
  owner?: 'owner',
): Promise<TestDatabase & Readonly<{ asSuperuser: string }>> {
  const beside = await testDatabase();
  const url = new URL(beside.url);
  url.pathname = `${url.pathname}_${(count += 1)}`;
  const name = url.pathname.slice(1);
  const run = async (...statements: readonly string[]): Promise<void> => {
    const client = new pg.Client({ connectionString: beside.url });
    await client.connect();
    try {
      for (const statement of statements) await client.query(statement);
    } finally {
      await client.end();
    }
  };
  const asSuperuser = url.toString();
  const user = `${name}_owner`;
  if (owner) {
    await run(`create role ${user} login createrole nosuperuser password 'owner'`);
    [url.username, url.password] = [user, 'owner'];
  }
  await run(`create database ${name} template template0 encoding 'UTF8' ${options} ${owner ? `owner ${user}` : ''}`);
  const { app, worker } = rolesOf(url.toString());
  return {
    url: url.toString(),
    asSuperuser,
    drop: async () => {
      await run(`drop database if exists ${name} with (force)`, `drop role if exists ${app}, ${worker}, ${user}`);
      await beside.drop();
    },
  };
}

async function ask(path: string, method: string): Promise<string> {
  const response = await fetch(inject('testDatabases') + path, { method });
  const text = await response.text();
  if (!response.ok) throw new Error(`no test database: ${text}`);
  return text;
}
