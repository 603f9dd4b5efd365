import { cp, lstat, mkdir, readdir, realpath, rename, rm } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';

import { LOCK_FOLDER, lockDataFolder } from './data-lock.js';
import { settleLeftover } from './postgres-leftover.js';
import { POSTGRES_MAJOR } from './postgres-binaries.js';

export type Backup = Readonly<{ folder: string; files: number; bytes: number }>;

/**
 * Copies a whole data folder (database, keys, passwords; modes kept) into a fresh folder below `target`, named by the
 * time, and checks that every file is there with its size. The folder bears its name only when it is complete. Throws
 * while a Toolgate runs on the data folder, and holds one off meanwhile: at rest, a plain copy is a consistent copy.
 */
export async function backUpDataFolder(
  options: Readonly<{ dataDir: string; target: string; now: Date; onNotice?: (text: string) => void }>,
): Promise<Backup> {
  const dataDir = await realpath(options.dataDir).catch(() => {
    throw new Error(`there is no data folder ${resolve(options.dataDir)}`);
  });
  const lock = await lockDataFolder(dataDir, options.onNotice);
  try {
    await settleLeftover(join(dataDir, 'pg', POSTGRES_MAJOR), options.onNotice ?? (() => undefined));
    await mkdir(resolve(options.target), { recursive: true });
    const target = await realpath(options.target);
    if (`${target}${sep}`.startsWith(`${dataDir}${sep}`))
      throw new Error('the backup may not lie inside the data folder');
    return await copy(dataDir, join(target, `toolgate-${options.now.toISOString().replaceAll(/[:.]/g, '-')}`));
  } finally {
    await lock.release();
  }
}

/** What to tell the operator. */
export function restoreHelp(backup: Backup, dataDir: string): string {
  const folder = resolve(dataDir);
  return [
    `Backup complete: ${backup.folder} (${backup.files} files, ${(backup.bytes / 1e6).toFixed(1)} MB).`,
    'It holds the keys that open the stored secrets: keep it as safe as the data itself.',
    'To restore, stop Toolgate, then:',
    `  mv '${folder}' '${folder}.before'`,
    `  cp -a '${backup.folder}' '${folder}'`,
    '  npm start',
  ].join('\n');
}

async function copy(from: string, to: string): Promise<Backup> {
  const aside = `${to}.partial`;
  await rm(aside, { recursive: true, force: true });
  const lockFolder = join(from, LOCK_FOLDER);
  try {
    await cp(from, aside, {
      recursive: true,
      verbatimSymlinks: true,
      preserveTimestamps: true,
      errorOnExist: true,
      filter: (path) => path !== lockFolder,
    });
    const [wanted, found] = [await sizes(from), await sizes(aside)];
    const wrong = [...wanted].filter(([name, size]) => found.get(name) !== size).map(([name]) => name);
    if (wrong.length > 0 || found.size !== wanted.size)
      throw new Error(
        `the copy differs from the data folder (${wrong.slice(0, 5).join(', ') || 'more files than wanted'})`,
      );
    await rename(aside, to);
    return { folder: to, files: wanted.size, bytes: [...wanted.values()].reduce((sum, size) => sum + size, 0) };
  } catch (error) {
    await rm(aside, { recursive: true, force: true });
    throw error;
  }
}

async function sizes(folder: string): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = relative(folder, path);
    if (entry.isDirectory() || name.startsWith(`${LOCK_FOLDER}${sep}`)) continue;
    found.set(name, (await lstat(path)).size);
  }
  return found;
}
