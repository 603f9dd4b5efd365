import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { proveConnection, startupOptions } from '../../../src/platform/postgres/database-connection.js';
import { rolesOf } from '../../../src/platform/postgres/database-roles.js';
import { Database } from '../../../src/platform/postgres/database.js';
import { applyMigrations } from '../../../src/platform/postgres/migrations.js';
import { testDatabase, type TestDatabase } from '../../support/database.js';

let database: TestDatabase;
beforeAll(async () => void (database = await testDatabase()));
afterAll(() => database.drop());

/** What is proved of a connection that was begun with these options. */
const proofOf = async (options: string, change = 'select 1'): Promise<string> => {
  const client = new pg.Client({ connectionString: database.url, options });
  await client.connect();
  try {
    await client.query(change);
    await proveConnection(client, rolesOf(database.url).app);
    return 'proved';
  } catch (error) {
    return (error as Error).message;
  } finally {
    await client.end();
  }
};

describe('a new connection', () => {
  test('that has what it was begun with is taken', async () => {
    expect(await proofOf(startupOptions(rolesOf(database.url).app))).toBe('proved');
    const db = new Database(database.url);
    try {
      const { rows } = await db.app.query('select current_user::text as role');
      expect(rows).toEqual([{ role: rolesOf(database.url).app }]);
    } finally {
      await db.close();
    }
  });

  const role = (): string => rolesOf(database.url).app;
  test.each([
    ['the role', () => startupOptions(), 'select 1'],
    ['the role', () => startupOptions(role()), 'set role none'],
    ['row_security', () => startupOptions(role()), 'set row_security = off'],
    ['the time zone', () => startupOptions(role()), `set timezone = 'Europe/Berlin'`],
    ['start-up options', () => `-c role=${role()} -c timezone=UTC`, 'select 1'],
    ['start-up options', () => `-c role=${role()} -c timezone=UTC -c toolgate.connection=another`, 'select 1'],
  ])('that lost %s is refused as coming through a pooler', async (what, options, change) => {
    expect(await proofOf(options(), change)).toMatch(
      new RegExp(`^DATABASE_URL leads through a pooler that drops .*${what}`),
    );
  });

  test('of a role that may pass by row-level security is refused', async () => {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    const db = new Database(database.url, { app: 1 });
    try {
      await client.query(`alter role ${role()} bypassrls`);
      await expect(db.app.query('select 1')).rejects.toThrow(/could pass by row-level security/);
      await expect(applyMigrations(database.url)).rejects.toThrow(/could pass by row-level security/);
      await client.query(`alter role ${role()} nobypassrls`);
      expect((await db.app.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    } finally {
      await db.close();
      await client.end();
    }
  });
});

const PGBOUNCER = spawnSync('sh', ['-c', 'command -v pgbouncer']).stdout.toString().trim();

/** A PgBouncer in front of the test's database, which must be stopped. */
const startPgBouncer = async (
  mode: string,
  more: string,
): Promise<Readonly<{ url: string; stop: () => Promise<void> }>> => {
  const at = new URL(database.url);
  const name = at.pathname.slice(1);
  const folder = await mkdtemp(join(tmpdir(), 'toolgate-pgbouncer-'));
  const port = await freePort();
  const lines = [
    '[databases]',
    `${name} = host=${at.hostname} port=${at.port} user=${at.username} password=${at.password}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'auth_type = any',
    'unix_socket_dir =',
    `pool_mode = ${mode}`,
    more,
  ];
  await writeFile(join(folder, 'pgbouncer.ini'), `${lines.join('\n')}\n`);
  await chmod(folder, 0o755);
  const asNobody = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
  const child: ChildProcess = spawn(PGBOUNCER, [...asNobody, join(folder, 'pgbouncer.ini')], { stdio: 'ignore' });
  const url = new URL(database.url);
  url.port = String(port);
  return {
    url: url.toString(),
    stop: async () => {
      child.kill('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
};

const freePort = async (): Promise<number> => {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
};

/** How a start ends on this database, once something listens there. */
const startOf = async (url: string): Promise<string> => {
  for (;;) {
    const ended = await applyMigrations(url).then(
      () => 'started',
      (error: unknown) => (error as Error).message,
    );
    if (!ended.includes('ECONNREFUSED')) return ended;
    await new Promise((done) => setTimeout(done, 20));
  }
};

if (PGBOUNCER === '') console.warn('PgBouncer is not installed: how a start behaves behind it is not tested here.');

describe.skipIf(PGBOUNCER === '')('behind PgBouncer', () => {
  test.each([
    ['session', ''],
    ['transaction', ''],
    ['session', 'ignore_startup_parameters = options,extra_float_digits'],
    ['transaction', 'ignore_startup_parameters = options,extra_float_digits'],
  ])('in %s mode (%s) the start ends with a line that says why, and no pool gets a connection', async (mode, more) => {
    const bouncer = await startPgBouncer(mode, more);
    const db = new Database(bouncer.url, { app: 1, worker: 1 });
    try {
      expect(await startOf(bouncer.url)).toMatch(/^DATABASE_URL leads through a pooler that drops .*start-up options/);
      await expect(db.app.query('select 1')).rejects.toThrow();
      await expect(db.asWorker((tx) => tx.query('select 1'))).rejects.toThrow();
    } finally {
      await db.close();
      await bouncer.stop();
    }
  });
});
