import { readFile, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { isPostgresOf, postgresProcesses } from './process-identity.js';

const POLL_MS = 50;
const WAIT_MS = 5000;
/**
 * What is sent when waiting did not help, and how long each has before the next. Each is safe for the data; after the
 * last two the next start recovers.
 */
const FORCE = [
  ['SIGINT', 1000],
  ['SIGQUIT', 500],
  ['SIGKILL', 1000],
] as const;

/** What postmaster.pid says, as far as it is written yet. PostgreSQL source, src/include/utils/pidfile.h. */
export type PostmasterFile = Readonly<{ pid: number; port: number; ready: boolean }>;

/** What PostgreSQL's `postmaster.pid` says of the server that runs in a data folder; undefined when there is none. */
export async function readPostmasterFile(dataFolder: string): Promise<PostmasterFile | undefined> {
  const lines = (await readFile(join(dataFolder, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
  const pid = Number.parseInt(lines[0] ?? '', 10);
  return pid > 0 ? { pid, port: Number(lines[3]), ready: lines[7]?.trim() === 'ready' } : undefined;
}

/**
 * Returns when no PostgreSQL works in the data folder any more. One that an earlier process left behind is waited for
 * (its guard stops it within 5 s), then stopped by its pid, after checking that it is a PostgreSQL of this very folder.
 * Only for the holder of the data lock. Throws when it won't stop.
 */
export async function settleLeftover(dataFolder: string, onNotice: (text: string) => void): Promise<void> {
  const file = await readPostmasterFile(dataFolder);
  if (file === undefined) return;
  const folder = await realpath(dataFolder);
  const left = (): Promise<readonly number[]> => postgresProcesses(folder, file.pid);
  if ((await left()).length > 0) {
    onNotice('A PostgreSQL of an earlier run still works in the data folder; waiting for it to stop (at most 5 s) …');
    if (!(await gone(left, WAIT_MS))) await force(left, file.pid, onNotice);
  }
  await removeIfReused(dataFolder, file.pid, folder);
}

async function force(
  left: () => Promise<readonly number[]>,
  postmaster: number,
  onNotice: (text: string) => void,
): Promise<void> {
  onNotice('It did not stop by itself; stopping it …');
  for (const [signal, patienceMs] of FORCE) {
    const pids = await left();
    for (const pid of pids.includes(postmaster) ? [postmaster] : pids) signalQuietly(pid, signal);
    if (await gone(left, patienceMs)) return;
  }
  throw new Error(
    `a PostgreSQL of an earlier run (process ${postmaster}) still works in the data folder and does ` +
      'not stop; end it by hand',
  );
}

/**
 * PostgreSQL refuses to start while the pid in an old file is somebody's; ours is known to be nobody's of this folder.
 */
async function removeIfReused(dataFolder: string, pid: number, folder: string): Promise<void> {
  const file = await readPostmasterFile(dataFolder);
  if (file?.pid !== pid || (await isPostgresOf(pid, folder))) return;
  if (signalQuietly(pid, 0)) await rm(join(dataFolder, 'postmaster.pid'), { force: true });
}

async function gone(left: () => Promise<readonly number[]>, patienceMs: number): Promise<boolean> {
  for (const until = Date.now() + patienceMs; Date.now() < until; await sleep(POLL_MS)) {
    if ((await left()).length === 0) return true;
  }
  return (await left()).length === 0;
}

/** False when there is no such process, or none of ours. */
export function signalQuietly(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
