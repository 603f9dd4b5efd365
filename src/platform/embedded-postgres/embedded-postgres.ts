import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { Client } from 'pg';

import { lockDataFolder, type DataLock } from './data-lock.js';
import { choosePostgresAccount, type PostgresAccount } from './postgres-account.js';
import { findPostgresBinaries, POSTGRES_MAJOR } from './postgres-binaries.js';
import { LOG_FILE, prepareCluster, type Cluster } from './postgres-cluster.js';
import { readPostmasterFile, settleLeftover, signalQuietly } from './postgres-leftover.js';
import { runGuarded, type GuardedProcess } from './postgres-process.js';
import { isPostgresOf } from './process-identity.js';

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '50',
  shared_buffers: '128MB',
  wal_compression: 'pglz',
  max_wal_size: '1GB',
  // Whoever sent a statement gets its error; in the log it would carry row values.
  log_min_messages: 'log',
} as const;

const READY_MS = 120_000;
const NOTICE_MS = 2000;
const ATTEMPTS = 10;
const WORTH_A_RETRY = /could not bind|Address already in use|shared memory block .* is still in use/;

export type EmbeddedPostgres = Readonly<{
  url: string;
  port: number;
  stop(): Promise<void>;
  dataFolder: string;
  binFolder: string;
  pid: number;
}>;
export type EmbeddedPostgresOptions = Readonly<{
  dataDir: string;
  settings?: Readonly<Record<string, string>>;
  onNotice?: (text: string) => void;
}>;

type Context = Readonly<{
  home: string;
  account: PostgresAccount;
  cluster: Cluster;
  log: number;
  settings: Readonly<Record<string, string>>;
  onNotice: (text: string) => void;
}>;
type RunningServer = Readonly<{ server: GuardedProcess; pid: number; port: number }>;

/**
 * Starts this process's own PostgreSQL 18 on `<dataDir>/pg/18`, made when missing, and returns when it takes
 * connections. Loopback only, one superuser with a random password; its log is `<dataDir>/pg/postgres.log`. Guarantees:
 * no other Toolgate uses the folder meanwhile (data-lock.ts); it never attaches to a server that it didn't start; the
 * server is gone at most 5 s after this process, however that ends (postgres-guard.mjs). `settings` override the
 * server's; `onNotice` hears of all that takes longer than 2 s, and of a server that stops unasked. Throws with a text
 * for the operator.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const onNotice = options.onNotice ?? (() => undefined);
  const dataDir = resolve(options.dataDir);
  const home = join(dataDir, 'pg');
  await mkdir(dirname(dataDir), { recursive: true });
  await mkdir(home, { recursive: true, mode: 0o700 });
  const lock = await lockDataFolder(dataDir, onNotice);
  const late = setTimeout(() => onNotice('Starting PostgreSQL …'), NOTICE_MS);
  try {
    const account = await choosePostgresAccount(await findPostgresBinaries(dataDir), dataDir);
    const log = await openLog(home);
    try {
      await settleLeftover(join(home, POSTGRES_MAJOR), onNotice);
      const cluster = await prepareCluster(home, account, log.fd);
      return await serve(
        { home, account, cluster, log: log.fd, settings: { ...SETTINGS, ...options.settings }, onNotice },
        lock,
      );
    } finally {
      await log.close();
    }
  } catch (error) {
    await lock.release();
    throw error;
  } finally {
    clearTimeout(late);
  }
}

async function serve(context: Context, lock: DataLock): Promise<EmbeddedPostgres> {
  const { cluster } = context;
  const { server, pid, port } = await launch(context);
  const url = (database: string): string => `postgres://toolgate:${cluster.password}@127.0.0.1:${port}/${database}`;
  await ensureDatabase(url).catch(async (error: unknown) => {
    await server.end();
    throw error;
  });
  server.unref();
  let stopped: Promise<void> | undefined;
  const ended = server.exited.then(async (code) => {
    if (stopped !== undefined) return;
    context.onNotice(`PostgreSQL stopped unasked (${code}); see ${join(context.home, LOG_FILE)}`);
    if (await isPostgresOf(pid, cluster.dataFolder)) signalQuietly(pid, 'SIGINT');
  });
  ended.catch((error: unknown) =>
    context.onNotice(`PostgreSQL stopped unasked, and what it left could not be looked at (${String(error)})`),
  );
  const stop = (): Promise<void> => (stopped ??= server.end().then(() => lock.release()));
  return { url: url('toolgate'), port, stop, dataFolder: cluster.dataFolder, binFolder: context.account.bin, pid };
}

/** Another program may take the free port before PostgreSQL does: then the next one. */
async function launch(context: Context): Promise<RunningServer> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const from = (await readLog(context.home)).length;
    const server = runGuarded(context.account, command(context, port), context.log);
    const pid = await ready(server, context.cluster.dataFolder, port);
    if (pid !== undefined) return { server, pid, port };
    const said = (await readLog(context.home)).slice(from).trim().split('\n').slice(-5).join('\n');
    if (attempt === ATTEMPTS || !WORTH_A_RETRY.test(said))
      throw new Error(`PostgreSQL did not start. The end of ${join(context.home, LOG_FILE)}:\n${said}`);
    await sleep(attempt * 50);
  }
}

function command({ account, cluster, settings }: Context, port: number): readonly string[] {
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return [join(account.bin, 'postgres'), '-D', cluster.dataFolder, '-p', String(port), ...flags];
}

/**
 * The server's pid when it is ready, undefined when it ended. Goes by the server's own pid file, so that the password
 * is never offered to another program that took the port.
 */
async function ready(server: GuardedProcess, dataFolder: string, port: number): Promise<number | undefined> {
  let ended = false;
  server.exited.then(() => (ended = true)).catch(() => undefined);
  const pid = await server.pid;
  for (const until = Date.now() + READY_MS; Date.now() < until; await sleep(8)) {
    const file = await readPostmasterFile(dataFolder);
    if (file !== undefined && file.pid === pid && file.port === port && file.ready) return pid;
    if (ended) return undefined;
  }
  await server.end();
  return undefined;
}

async function ensureDatabase(url: (database: string) => string): Promise<void> {
  const session = async (database: string, statement: string): Promise<void> => {
    const client = new Client({ connectionString: url(database), ssl: false });
    client.on('error', () => undefined);
    await client.connect();
    await client.query(statement).finally(() => client.end());
  };
  try {
    await session('toolgate', 'select 1');
  } catch (error) {
    if ((error as { code?: string }).code !== '3D000') throw error;
    await session('postgres', 'create database toolgate');
  }
}

/** The log of the run before is kept as `postgres.log.old`. */
async function openLog(home: string): ReturnType<typeof open> {
  await rename(join(home, LOG_FILE), join(home, `${LOG_FILE}.old`)).catch(() => undefined);
  return open(join(home, LOG_FILE), 'a', 0o600);
}

async function readLog(home: string): Promise<string> {
  return readFile(join(home, LOG_FILE), 'utf8').catch(() => '');
}

/** A TCP port of the loopback address that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done, fail) => server.once('error', fail).listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}
