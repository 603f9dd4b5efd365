import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';

import { LOCK_FOLDER } from '../../../src/platform/embedded-postgres/data-lock.js';
import { startEmbeddedPostgres } from '../../../src/platform/embedded-postgres/embedded-postgres.js';
import { findPostgresBinaries } from '../../../src/platform/embedded-postgres/postgres-binaries.js';
import { postgresFolders, queryOnce } from '../../support/postgres-folders.js';

const { at, own } = postgresFolders();

const running = (pid: number): boolean =>
  existsSync(`/proc/${pid}`) && !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));

/** The guard is the postmaster's parent. */
const parentOf = (pid: number): number =>
  Number(
    readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')[1],
  );

test(
  'keeps what was written from one start to the next, and leaves nothing running or locked after a ' + 'stop',
  async () => {
    const dataDir = at('shared');
    const first = await startEmbeddedPostgres({ dataDir });
    await queryOnce(first.url, 'create table kept as select 42 as n');
    await Promise.all([first.stop(), first.stop()]);
    expect(running(first.pid)).toBe(false);
    expect(readdirSync(join(dataDir, LOCK_FOLDER))).toEqual([]);
    const second = await startEmbeddedPostgres({ dataDir, settings: { max_connections: '17' } });
    try {
      expect(await queryOnce(second.url, 'select n from kept')).toEqual([{ n: 42 }]);
      expect(await queryOnce(second.url, 'show max_connections')).toEqual([{ max_connections: '17' }]);
      expect(await queryOnce(second.url, 'show listen_addresses')).toEqual([{ listen_addresses: '127.0.0.1' }]);
      expect(await queryOnce(second.url, 'show fsync')).toEqual([{ fsync: 'on' }]);
    } finally {
      await second.stop();
    }
  },
);

test('lets nobody in without the password, which only the owner can read', async () => {
  const dataDir = at('shared');
  const server = await startEmbeddedPostgres({ dataDir });
  try {
    await expect(queryOnce(server.url.replace(/:[^:@]+@/, ':guess@'), 'select 1')).rejects.toThrow(
      /password authentication failed/,
    );
    expect(statSync(join(dataDir, 'pg', 'password')).mode & 0o777).toBe(0o600);
    expect(statSync(join(dataDir, 'pg', 'postgres.log')).mode & 0o777).toBe(0o600);
    expect(statSync(dataDir).mode & 0o077).toBe(0);
  } finally {
    await server.stop();
  }
});

test('gives the server nothing of our environment', async () => {
  process.env.TOOLGATE_TEST_SECRET = 'hush';
  const server = await startEmbeddedPostgres({ dataDir: at('shared') });
  delete process.env.TOOLGATE_TEST_SECRET;
  try {
    const environments = [server.pid, parentOf(server.pid)].map((pid) => readFileSync(`/proc/${pid}/environ`, 'utf8'));
    expect(environments.join('')).not.toContain('hush');
  } finally {
    await server.stop();
  }
});

describe('after kill -9', () => {
  test(
    'of the whole process group, the server is gone, and the next start has every ' + 'acknowledged row',
    async () => {
      const dataDir = at('killed');
      const owner = own(dataDir, 'write');
      const { pid } = await owner.first;
      await sleep(700);
      process.kill(-owner.child.pid!, 'SIGKILL');
      await expect.poll(() => running(pid!)).toBe(false);
      const last = owner.lines.at(-1)!.acknowledged!;
      expect(last).toBeGreaterThan(10);
      const next = await startEmbeddedPostgres({ dataDir });
      try {
        const [row] = await queryOnce(
          next.url,
          `select count(*)::int as n, count(*) filter (where n <= ${last})::int as acknowledged from numbers`,
        );
        expect(row!.acknowledged).toBe(last + 1);
        expect(Number(row!.n) - last).toBeLessThanOrEqual(2);
      } finally {
        await next.stop();
      }
    },
  );

  test('of the server itself, acknowledged rows survive the crash', async () => {
    const dataDir = at('crashed');
    const owner = own(dataDir);
    const { pid, url } = await owner.first;
    await queryOnce(url!, 'create table kept as select generate_series(1, 1000) as n');
    process.kill(pid!, 'SIGKILL');
    process.kill(-owner.child.pid!, 'SIGKILL');
    const next = await startEmbeddedPostgres({ dataDir });
    try {
      expect(await queryOnce(next.url, 'select count(*)::int as n from kept')).toEqual([{ n: 1000 }]);
    } finally {
      await next.stop();
    }
  });

  test('of owner and guard, the next start stops the orphan instead of attaching to it', async () => {
    const dataDir = at('orphan');
    const owner = own(dataDir);
    const { pid, url } = await owner.first;
    await queryOnce(url!, 'create table kept as select 7 as n');
    const guard = parentOf(pid!);
    process.kill(guard, 'SIGSTOP');
    process.kill(-owner.child.pid!, 'SIGKILL');
    process.kill(guard, 'SIGKILL');
    await sleep(300);
    expect(running(pid!)).toBe(true);
    const notices: string[] = [];
    const next = await startEmbeddedPostgres({ dataDir, onNotice: (text) => notices.push(text) });
    try {
      expect(next.pid).not.toBe(pid);
      expect(running(pid!)).toBe(false);
      expect(notices.join('\n')).toMatch(/waiting for it to stop/);
      expect(await queryOnce(next.url, 'select n from kept')).toEqual([{ n: 7 }]);
    } finally {
      await next.stop();
    }
  });

  test('in the middle of making the data folder, the next start makes it anew', async () => {
    const dataDir = at('half-made');
    const owner = own(dataDir);
    const home = join(dataDir, 'pg');
    const aside = (): string[] => (existsSync(home) ? readdirSync(home).filter((name) => name.startsWith('new-')) : []);
    while (!aside().some((name) => existsSync(join(home, name, 'PG_VERSION')))) await sleep(5);
    process.kill(-owner.child.pid!, 'SIGKILL');
    expect(existsSync(join(home, '18'))).toBe(false);
    const next = await startEmbeddedPostgres({ dataDir });
    try {
      expect(await queryOnce(next.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    } finally {
      await next.stop();
    }
    await (await startEmbeddedPostgres({ dataDir })).stop();
    expect(aside()).toEqual([]);
  });
});

test(
  'a pid file whose number now belongs to another program does not hinder the start, and that ' + 'program goes on',
  async () => {
    const dataDir = at('shared');
    const first = await startEmbeddedPostgres({ dataDir });
    await first.stop();
    writeFileSync(
      join(first.dataFolder, 'postmaster.pid'),
      `${process.pid}\n${first.dataFolder}\n1\n${first.port}\n\n127.0.0.1\n\nready   \n`,
    );
    const next = await startEmbeddedPostgres({ dataDir });
    await next.stop();
    expect(next.pid).not.toBe(process.pid);
  },
);

test('a server without its guard is stopped, and the owner is told', async () => {
  const notices: string[] = [];
  const server = await startEmbeddedPostgres({ dataDir: at('shared'), onNotice: (text) => notices.push(text) });
  process.kill(parentOf(server.pid), 'SIGKILL');
  await expect.poll(() => running(server.pid)).toBe(false);
  expect(notices).toEqual([expect.stringMatching(/stopped unasked/)]);
  await server.stop();
});

test('data of another major release, incomplete data and a lost password are refused untouched', async () => {
  const older = at('older', 'pg', '17');
  mkdirSync(older, { recursive: true });
  await expect(startEmbeddedPostgres({ dataDir: at('older') })).rejects.toThrow(
    /is of PostgreSQL 17, and this Toolgate brings PostgreSQL 18/,
  );
  const newer = at('newer', 'pg', '18');
  mkdirSync(newer, { recursive: true });
  writeFileSync(join(newer, 'PG_VERSION'), '19\n');
  await expect(startEmbeddedPostgres({ dataDir: at('newer') })).rejects.toThrow(/is of PostgreSQL 19.*newer Toolgate/);
  unlinkSync(join(newer, 'PG_VERSION'));
  await expect(startEmbeddedPostgres({ dataDir: at('newer') })).rejects.toThrow(
    /not a complete PostgreSQL data folder/,
  );
  writeFileSync(join(newer, 'PG_VERSION'), '18\n');
  await expect(startEmbeddedPostgres({ dataDir: at('newer') })).rejects.toThrow(/password is missing/);
  expect(readdirSync(newer)).toEqual(['PG_VERSION']);
});

test('a server that does not start says why, in the words of its log', async () => {
  const start = startEmbeddedPostgres({ dataDir: at('shared'), settings: { shared_buffers: 'plenty' } });
  await expect(start).rejects.toThrow(
    /PostgreSQL did not start.*postgres\.log:\n.*invalid value for parameter "shared_buffers"/s,
  );
});

test(
  'links between the libraries are made where no install script made them, in a copy where the ' +
    'package is read-only',
  async () => {
    const packaged = join(
      dirname(createRequire(import.meta.url).resolve(`@embedded-postgres/${process.platform}-${process.arch}`)),
      '..',
      'native',
    );
    const [native, cache] = [at('package', 'native'), at('cache')];
    mkdirSync(join(native, 'lib'), { recursive: true });
    mkdirSync(cache);
    const links = JSON.parse(readFileSync(join(packaged, 'pg-symlinks.json'), 'utf8')) as {
      source: string;
      target: string;
    }[];
    cpSync(join(packaged, 'pg-symlinks.json'), join(native, 'pg-symlinks.json'));
    for (const { source } of links) writeFileSync(join(native, '..', source), 'library');
    chmodSync(join(native, 'lib'), 0o555);
    const copy = await asOrdinaryUser([at(), cache], () => findPostgresBinaries(cache, native));
    expect(dirname(copy)).toBe(cache);
    for (const { target } of links) {
      expect(readFileSync(join(copy, target.replace('native/', '')), 'utf8')).toBe('library');
      expect(existsSync(join(native, '..', target))).toBe(false);
    }
    expect(await asOrdinaryUser([cache], () => findPostgresBinaries(cache, native))).toBe(copy);
    chmodSync(join(native, 'lib'), 0o755);
    expect(await findPostgresBinaries(cache, native)).toBe(native);
    for (const { target } of links) expect(readFileSync(join(native, '..', target), 'utf8')).toBe('library');
  },
);

/** Root may write anywhere: for the time of `action` this process is nobody, to whom `folders` are given. */
async function asOrdinaryUser<T>(folders: readonly string[], action: () => Promise<T>): Promise<T> {
  if (process.geteuid!() !== 0) return action();
  for (const folder of folders) chownSync(folder, 65534, 65534);
  process.seteuid!(65534);
  return action().finally(() => process.seteuid!(0));
}
