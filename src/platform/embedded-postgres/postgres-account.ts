import { execFile } from 'node:child_process';
import { chmod, chown, lstat, readdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';

import { contentName, copyBinaries } from './postgres-binaries.js';

const run = promisify(execFile);

/** Nobody, on every Linux: the kernel's overflow user. */
const NOBODY = 65534;
const NAMESPACE = ['unshare', '--user', '--map-user=1000', '--map-group=1000'] as const;

/**
 * Programs get nothing of our environment: it may hold the master key, and PostgreSQL and its loader take settings from
 * theirs.
 */
export const BARE_ENVIRONMENT = {
  PATH: '/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin',
  LC_ALL: 'C',
  TZ: 'UTC',
} as const;

/**
 * How PostgreSQL's programs are run: `prefix` stands before the command; `uid` (also the group) is who the process
 * becomes.
 */
export type PostgresAccount = Readonly<{ bin: string; prefix: readonly string[]; uid?: number }>;

/**
 * Finds a way to run PostgreSQL, which refuses to run as root. An ordinary user runs it directly. Root runs it in a
 * user namespace in which it isn't root (files stay root's own, and binaries under /root stay reachable); where the
 * system refuses that, as nobody, from a copy of the binaries under /var/tmp. Creates no system user. Throws, saying
 * what to do, when neither works.
 */
export async function choosePostgresAccount(
  native: string,
  dataDir: string,
  namespace: readonly string[] = NAMESPACE,
): Promise<PostgresAccount> {
  const bin = join(native, 'bin');
  if (process.getuid?.() !== 0) return { bin, prefix: [] };
  if (await runs([...namespace, join(bin, 'postgres'), '-V'])) return { bin, prefix: namespace };
  const instead = 'Run Toolgate as an ordinary user, or set DATABASE_URL to a PostgreSQL of your own';
  if (process.platform !== 'linux') throw new Error(`PostgreSQL can't be run by root on this system. ${instead}.`);
  const copy = join(await copyBinaries(native, `/var/tmp/toolgate-postgres-${await contentName(native)}`), 'bin');
  if (!(await runs([join(copy, 'postgres'), '-V'], NOBODY))) {
    throw new Error(
      `PostgreSQL can't be run by root, and this system allows neither a user namespace (unshare) nor ` +
        `the user ${NOBODY} for it. ${instead}.`,
    );
  }
  const closed = await closedFolder(dataDir);
  if (closed !== undefined) {
    throw new Error(
      `PostgreSQL runs as user ${NOBODY} here, who may not enter ${closed}. Set DATA_DIR to a folder ` +
        `that it may reach. Or: ${instead}.`,
    );
  }
  return { bin: copy, prefix: [], uid: NOBODY };
}

/** Gives a data folder to the user who will work in it, where an earlier start worked as another (only root can). */
export async function giveTo(account: PostgresAccount, folder: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const uid = account.uid ?? 0;
  if ((await lstat(folder)).uid === uid) return;
  for (const name of await readdir(folder, { recursive: true })) await chown(join(folder, name), uid, uid);
  await chown(folder, uid, uid);
}

async function runs(command: readonly string[], uid?: number): Promise<boolean> {
  const [program = '', ...args] = command;
  return run(program, args, { env: BARE_ENVIRONMENT, cwd: '/', uid, gid: uid }).then(
    () => true,
    () => false,
  );
}

/**
 * The first folder on the way to `dataDir` that not every user may pass; `dataDir` and its `pg` themselves are opened
 * for passing.
 */
async function closedFolder(dataDir: string): Promise<string | undefined> {
  for (const own of [dataDir, join(dataDir, 'pg')]) await chmod(own, ((await stat(own)).mode & 0o777) | 0o011);
  const way: string[] = [];
  for (let folder = resolve(dataDir); folder !== dirname(folder); folder = dirname(folder)) way.unshift(folder);
  for (const folder of way) {
    if (((await stat(folder)).mode & 0o001) === 0) return folder;
  }
  return undefined;
}
