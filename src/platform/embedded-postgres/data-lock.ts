import { mkdir, open, readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { processScope, processStart } from './process-identity.js';

export const LOCK_FOLDER = 'toolgate.lock';

const HEARTBEAT_MS = 1000;
const SILENT_MS = 5000;
const ATTEMPTS = 4;

export type DataLock = Readonly<{ release(): Promise<void> }>;

type Owner = Readonly<{ name: string; foreign: boolean }>;

/**
 * Makes this process the one owner of a data folder, or throws saying who owns it. Holds across processes and users,
 * and leaves nothing stale behind after `kill -9` or a power cut.
 *
 * How: every candidate puts an empty file in `<dataDir>/toolgate.lock/`, named `<scope>-<pid>-<start>`, then looks at
 * the others. One of a process that is gone (pid and start time) is removed; one of a living process means giving way.
 * Creating before looking makes two owners impossible; two that see each other both give way and try again after a
 * random pause. A name stands for one process, so removing that of a dead one can't hit another's lock. Where a pid
 * can't be looked up (a container sharing the folder, an earlier boot), the file's age decides: an owner touches its
 * file every second, and 5 s of silence is death.
 */
export async function lockDataFolder(
  dataDir: string,
  onNotice: (text: string) => void = () => undefined,
): Promise<DataLock> {
  const folder = join(dataDir, LOCK_FOLDER);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const scope = await processScope();
  const mine = join(folder, `${scope}-${process.pid}-${(await processStart(process.pid)) ?? 'x'}`);
  for (let attempt = 1; ; attempt += 1) {
    const owner = await claim(mine, scope, onNotice);
    if (owner === undefined) return hold(mine);
    if (attempt === ATTEMPTS || owner.foreign)
      throw new Error(
        `${dataDir} is in use by another Toolgate (${owner.name}); stop that one, or set DATA_DIR to another folder`,
      );
    await sleep(20 + Math.random() * 150);
  }
}

/** Undefined when the folder is ours; else its owner, and our file is gone again. */
async function claim(mine: string, scope: string, onNotice: (text: string) => void): Promise<Owner | undefined> {
  const folder = join(mine, '..');
  try {
    await (await open(mine, 'wx', 0o600)).close();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST')
      return { name: `this process, ${process.pid}`, foreign: false };
    throw error;
  }
  for (const name of await readdir(folder)) {
    const other = join(folder, name);
    if (other === mine) continue;
    if (await alive(other, name, { scope, onNotice })) {
      await rm(mine, { force: true });
      const foreign = !name.startsWith(`${scope}-`);
      return {
        name: foreign ? 'in another container or on another machine' : `process ${name.split('-')[1]}`,
        foreign,
      };
    }
    await rm(other, { force: true });
  }
  return undefined;
}

async function alive(
  file: string,
  name: string,
  context: Readonly<{ scope: string; onNotice: (text: string) => void }>,
): Promise<boolean> {
  const [scope, pid, start] = name.split('-');
  if (scope === context.scope) return (await processStart(Number(pid))) === start;
  const touched = async (): Promise<number> => (await stat(file).catch(() => undefined))?.mtimeMs ?? 0;
  const first = await touched();
  if (Math.abs(Date.now() - first) > SILENT_MS) return false;
  context.onNotice(
    "The data folder was in use a moment ago, out of this process's sight; waiting to see whether it still is …",
  );
  await sleep(SILENT_MS);
  return (await touched()) > first;
}

function hold(mine: string): DataLock {
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(mine, now, now).catch(() => undefined);
  }, HEARTBEAT_MS);
  heartbeat.unref();
  return {
    release: async () => {
      clearInterval(heartbeat);
      await rm(mine, { force: true });
    },
  };
}
