import { hkdfSync } from 'node:crypto';
import { join } from 'node:path';
import { ConfigError, type Config } from '../settings/config.js';
import { decodeKey, makeKey, readIfThere } from './master-key.js';

/** The seed of a key that a variable or a file gives; undefined when neither is set. @throws ConfigError */
const readGiven = async (
  name: string,
  key: string | undefined,
  file: string | undefined,
): Promise<Buffer | undefined> => {
  if (key) return decodeKey(key, name);
  if (!file) return undefined;
  const text = await readIfThere(file);
  if (text === undefined) throw new ConfigError([`${name}_FILE names a file that does not exist`]);
  return decodeKey(text, `${name}_FILE`);
};

const derive = (masterKey: Buffer): Buffer =>
  Buffer.from(hkdfSync('sha256', masterKey, Buffer.alloc(0), 'toolgate log signing key', 32));

/** The seed in a file of DATA_DIR; undefined when it is not there. @throws ConfigError */
const readOwn = async ({ dataDir }: Config, name: string): Promise<Buffer | undefined> => {
  const text = await readIfThere(join(dataDir, name));
  return text === undefined ? undefined : decodeKey(text, `DATA_DIR/${name}`);
};

const OWN_KEY = 'log-signing.key';
const OWN_PREVIOUS_KEY = 'log-signing.previous.key';

/**
 * The 32-byte seed of the key that signs checkpoints of the audit log: from LOG_SIGNING_KEY, LOG_SIGNING_KEY_FILE, or,
 * when the database is embedded, `DATA_DIR/log-signing.key`, which is made. Else it is derived from the master key,
 * which lies outside the database as well.
 * @throws ConfigError when the named file is missing or holds something else.
 */
export const loadLogSigningSeed = async (config: Config, masterKey: Buffer): Promise<Buffer> =>
  (await readGiven('LOG_SIGNING_KEY', config.logSigningKey, config.logSigningKeyFile)) ??
  (config.databaseUrl
    ? derive(masterKey)
    : ((await readOwn(config, OWN_KEY)) ?? (await makeKey(config.dataDir, join(config.dataDir, OWN_KEY)))));

/**
 * The seeds of keys that may have signed before: the one of LOG_SIGNING_KEY_PREVIOUS, its file or
 * `DATA_DIR/log-signing.previous.key`; and where LOG_SIGNING_KEY is set, the one that signed without it.
 * @throws ConfigError when a file is missing or holds something else.
 */
export const loadPreviousLogSigningSeeds = async (config: Config, masterKey: Buffer): Promise<readonly Buffer[]> => {
  const isSet = config.logSigningKey !== undefined || config.logSigningKeyFile !== undefined;
  const seeds = [
    await readGiven('LOG_SIGNING_KEY_PREVIOUS', config.previousLogSigningKey, config.previousLogSigningKeyFile),
    config.databaseUrl ? undefined : await readOwn(config, OWN_PREVIOUS_KEY),
    !isSet ? undefined : config.databaseUrl ? derive(masterKey) : await readOwn(config, OWN_KEY),
  ];
  return seeds.filter((seed) => seed !== undefined);
};
