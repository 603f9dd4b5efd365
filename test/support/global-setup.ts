import { mkdtemp, rm } from 'node:fs/promises';
import { rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where test files ask for a database: see `testDatabase`. */
    testDatabases: string;
  }
}

type Cluster = Readonly<{ url: string; stop(): Promise<void> }>;

const TEMPLATE = `toolgate_template_${process.pid}`;

/**
 * Makes databases for test files: `POST /` answers the url of a fresh, migrated one, `DELETE /<name>` drops it. The
 * server behind it (TEST_DATABASE_URL, or an embedded PostgreSQL on a temporary folder) and its template are made on
 * the first request, so a run of unit tests pays nothing. All go through this one process, one at a time: a template
 * can't be copied while somebody is in it.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  let cluster: Promise<Cluster> | undefined;
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const next = last.then(work, work);
    last = next;
    return next;
  };
  const server = createServer((request, response) => {
    const work = async (): Promise<string> => {
      const { url } = await (cluster ??= begin());
      return request.method === 'DELETE' ? drop(url, (request.url ?? '').slice(1)) : create(url);
    };
    inTurn(work).then(
      (text) => response.end(text),
      (error: unknown) => response.writeHead(500).end(error instanceof Error ? error.message : String(error)),
    );
  });
  project.provide('testDatabases', await listen(server));
  return async () => {
    server.closeAllConnections();
    server.close();
    await last.catch(() => undefined);
    await cluster?.then(
      (running) => running.stop(),
      () => undefined,
    );
  };
}

async function begin(): Promise<Cluster> {
  const { applyMigrations } = await import('../../src/platform/postgres/migrations.js');
  const cluster =
    process.env.TEST_DATABASE_URL === undefined ? await embedded() : outside(process.env.TEST_DATABASE_URL);
  try {
    await statement(cluster.url, `create database ${TEMPLATE}`);
    await applyMigrations(withDatabase(cluster.url, TEMPLATE));
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

async function embedded(): Promise<Cluster> {
  const { startEmbeddedPostgres } = await import('../../src/platform/embedded-postgres/embedded-postgres.js');
  const dataDir = await mkdtemp(join(tmpdir(), 'toolgate-test-'));
  // PostgreSQL is stopped by its guard however we end; the folder goes with us where we end at all.
  const remove = (): void => rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 });
  process.once('exit', remove);
  const settings = { fsync: 'off', full_page_writes: 'off', max_connections: '200' };
  const server = await startEmbeddedPostgres({ dataDir, settings });
  return {
    url: server.url,
    stop: async () => {
      await server.stop();
      process.off('exit', remove);
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

function outside(url: string): Cluster {
  return {
    url,
    stop: async () => {
      for (const name of [...made, TEMPLATE]) await drop(url, name);
    },
  };
}

let count = 0;
const made = new Set<string>();

async function create(url: string): Promise<string> {
  count += 1;
  const name = `test_${process.pid}_${count}`;
  // A migration's connection may still be on its way out of the template.
  for (let attempt = 1; ; attempt += 1) {
    try {
      await statement(url, `create database ${name} template ${TEMPLATE} strategy file_copy`);
      made.add(name);
      // The copy's rights are those of the template's roles until a start makes its own.
      await (await import('../../src/platform/postgres/migrations.js')).applyMigrations(withDatabase(url, name));
      return withDatabase(url, name);
    } catch (error) {
      if ((error as { code?: string }).code !== '55006' || attempt === 50) throw error;
      await new Promise((done) => setTimeout(done, 20));
    }
  }
}

async function drop(url: string, name: string): Promise<string> {
  if (name !== TEMPLATE && !/^test_\d+_\d+$/.test(name)) throw new Error('not a database of this run');
  await statement(url, `drop database if exists ${name} with (force)`);
  const { app, worker } = (await import('../../src/platform/postgres/database-roles.js')).rolesOf(
    withDatabase(url, name),
  );
  await statement(url, `drop role if exists ${app}, ${worker}`);
  made.delete(name);
  return '';
}

async function statement(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(text).finally(() => client.end());
}

function withDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.toString();
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
