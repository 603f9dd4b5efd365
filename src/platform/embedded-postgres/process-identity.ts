import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile, readlink, readdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { promisify } from 'node:util';

const run = promisify(execFile);
const hasProc = process.platform === 'linux';

/**
 * Names the set of processes whose ids this process can look up: one boot of one machine and, on Linux, one PID
 * namespace. A pid written down under another scope (a container that shares the folder, before a reboot) says nothing
 * here.
 */
export async function processScope(): Promise<string> {
  const parts = hasProc
    ? [await readFile('/proc/sys/kernel/random/boot_id', 'utf8'), await readlink('/proc/self/ns/pid')]
    : [hostname()];
  return createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 16);
}

/**
 * When a process began, as a token that a later process with the same pid doesn't share; undefined when none runs (a
 * zombie counts as none).
 */
export async function processStart(pid: number): Promise<string | undefined> {
  if (!hasProc) return startByPs(pid);
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The name in parentheses may itself hold spaces and parentheses; field 3 (state) follows the last one, field 22 is
  // the start.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}

/**
 * Whether the process is a PostgreSQL server process working in that folder (its real path): every one of them has it
 * as working directory.
 */
export async function isPostgresOf(pid: number, folder: string): Promise<boolean> {
  if (!hasProc) {
    const command = await run('ps', ['-p', String(pid), '-o', 'command='], { env: {} }).then(
      (out) => out.stdout,
      () => '',
    );
    return command.includes('postgres') && command.includes(folder);
  }
  if ((await readlink(`/proc/${pid}/cwd`).catch(() => '')) !== folder) return false;
  return (
    (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')).trim() === 'postgres' &&
    (await processStart(pid)) !== undefined
  );
}

/** All PostgreSQL processes of a folder; without /proc only the postmaster can be known. */
export async function postgresProcesses(folder: string, postmaster: number | undefined): Promise<readonly number[]> {
  const known = postmaster === undefined ? [] : [postmaster];
  const pids = hasProc ? (await readdir('/proc')).map(Number).filter((pid) => Number.isInteger(pid)) : known;
  const of = await Promise.all(pids.map((pid) => isPostgresOf(pid, folder)));
  return pids.filter((_, index) => of[index]);
}

async function startByPs(pid: number): Promise<string | undefined> {
  const started = await run('ps', ['-p', String(pid), '-o', 'lstart='], { env: {} }).then(
    (out) => out.stdout.trim(),
    () => '',
  );
  return started === '' ? undefined : createHash('sha256').update(started).digest('hex').slice(0, 16);
}
