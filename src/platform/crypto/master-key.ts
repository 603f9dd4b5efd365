import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError, type Config } from '../settings/config.js';

/** A key of 32 bytes from its text. @throws ConfigError that names where it stands */
export const decodeKey = (text: string, where: string): Buffer => {
  const key = Buffer.from(text.trim(), 'base64');
  if (key.length !== 32)
    throw new ConfigError([`${where} takes 32 bytes in base64, e.g. from "openssl rand -base64 32"`]);
  return key;
};

/** The text of a file; undefined when there is none. */
export const readIfThere = (file: string): Promise<string | undefined> =>
  readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });

/**
 * A new key in a file, written whole and on disk before it is used: a key that is lost after the first secret was
 * sealed makes that secret unreadable.
 */
export const makeKey = async (folder: string, file: string): Promise<Buffer> => {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const key = randomBytes(32);
  const handle = await open(`${file}.new`, 'w', 0o600);
  await handle.writeFile(`${key.toString('base64')}\n`);
  await handle.sync();
  await handle.close();
  await rename(`${file}.new`, file);
  const directory = await open(folder, 'r');
  await directory.sync().catch(() => undefined);
  await directory.close();
  return key;
};

/**
 * The 32-byte master key: from MASTER_KEY, MASTER_KEY_FILE, or `DATA_DIR/master.key`, which is made when the database
 * is embedded.
 * @throws ConfigError when the named file is missing or holds something else.
 */
export const loadMasterKey = async (config: Config): Promise<Buffer> => {
  if (config.masterKey) return decodeKey(config.masterKey, 'MASTER_KEY');
  if (config.masterKeyFile) {
    const text = await readIfThere(config.masterKeyFile);
    if (text === undefined) throw new ConfigError(['MASTER_KEY_FILE names a file that does not exist']);
    return decodeKey(text, 'MASTER_KEY_FILE');
  }
  const file = join(config.dataDir, 'master.key');
  const text = await readIfThere(file);
  return text === undefined ? makeKey(config.dataDir, file) : decodeKey(text, 'DATA_DIR/master.key');
};
