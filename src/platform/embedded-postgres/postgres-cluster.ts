import { randomBytes } from 'node:crypto';
import { chown, mkdtemp, open, readdir, readFile, realpath, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { giveTo, type PostgresAccount } from './postgres-account.js';
import { POSTGRES_MAJOR } from './postgres-binaries.js';
import { runGuarded } from './postgres-process.js';

export const LOG_FILE = 'postgres.log';

/** A data folder that is complete, by its real path, and the password of its one user. */
export type Cluster = Readonly<{ dataFolder: string; password: string }>;

/**
 * The data folder `<home>/18`, made when there is none. A folder of that name is always complete: it is made under
 * another name and renamed at the end, so a crash in between costs only a new beginning. Throws when the data is of
 * another major release.
 */
export async function prepareCluster(home: string, account: PostgresAccount, log: number): Promise<Cluster> {
  const dataFolder = join(home, POSTGRES_MAJOR);
  const names = await readdir(home);
  for (const name of names.filter((name) => name.startsWith('new-'))) {
    await rm(join(home, name), { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined);
  }
  if (names.includes(POSTGRES_MAJOR)) {
    await checkMajor(dataFolder);
    await giveTo(account, dataFolder);
    return { dataFolder: await realpath(dataFolder), password: await readPassword(home) };
  }
  const other = names.find((name) => /^\d+$/.test(name));
  if (other !== undefined) throw new Error(wrongMajor(join(home, other), other));
  const password = await makePassword(home);
  await initialise(home, account, log);
  return { dataFolder: await realpath(dataFolder), password };
}

async function initialise(home: string, account: PostgresAccount, log: number): Promise<void> {
  const aside = await mkdtemp(join(home, 'new-'));
  const passwordFile = join(home, 'password');
  await giveTo(account, aside);
  if (account.uid !== undefined) await chown(passwordFile, account.uid, account.uid);
  const initdb = [
    join(account.bin, 'initdb'),
    '-D',
    aside,
    '-U',
    'toolgate',
    '-A',
    'scram-sha-256',
    `--pwfile=${passwordFile}`,
    '--no-locale',
    '-E',
    'UTF8',
    '--no-instructions',
  ];
  const code = await runGuarded(account, initdb, log).exited;
  if (code !== 0) {
    await rm(aside, { recursive: true, force: true });
    throw new Error(
      `PostgreSQL could not make its data folder (initdb ended with ${code}); see ` +
        `${join(home, LOG_FILE)}${code === 127 ? MUSL_HINT : ''}`,
    );
  }
  await rename(aside, join(home, POSTGRES_MAJOR));
  await syncFolder(home);
}

/** 127 is "not found": of the binary, of its loader (another C library) or of one of its libraries. */
const MUSL_HINT = '. On a system without glibc, such as Alpine, set DATABASE_URL to a PostgreSQL of your own';

async function checkMajor(dataFolder: string): Promise<void> {
  const found = (await readFile(join(dataFolder, 'PG_VERSION'), 'utf8').catch(() => '')).trim();
  if (found === '')
    throw new Error(
      `${dataFolder} is not a complete PostgreSQL data folder; restore it from a backup, or move it away to begin anew`,
    );
  if (found !== POSTGRES_MAJOR) throw new Error(wrongMajor(dataFolder, found));
}

function wrongMajor(folder: string, found: string): string {
  const way =
    Number(found) > Number(POSTGRES_MAJOR)
      ? 'Use the newer Toolgate that made it'
      : 'Bring the data over with the Toolgate that made it (dump and restore)';
  return (
    `the data in ${folder} is of PostgreSQL ${found}, and this Toolgate brings PostgreSQL ` +
    `${POSTGRES_MAJOR}. ${way}, or set DATA_DIR to another folder`
  );
}

/**
 * Written before the data folder exists, and complete when it does: a data folder never stands without its password.
 */
async function makePassword(home: string): Promise<string> {
  const password = randomBytes(24).toString('base64url');
  const aside = join(home, 'password.new');
  await rm(aside, { force: true });
  const file = await open(aside, 'wx', 0o600);
  await file.writeFile(`${password}\n`);
  await file.sync();
  await file.close();
  await rename(aside, join(home, 'password'));
  await syncFolder(home);
  return password;
}

async function readPassword(home: string): Promise<string> {
  const password = (await readFile(join(home, 'password'), 'utf8').catch(() => '')).trim();
  if (password === '')
    throw new Error(
      `${join(home, 'password')} is missing, and the data folder beside it can't be opened without; ` +
        'restore it from a backup',
    );
  return password;
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  await handle.sync().finally(() => handle.close());
}
