import { hkdfSync } from 'node:crypto';
import { join } from 'node:path';
import { ConfigError, type Config } from '../settings/config.js';
import { decodeKey, makeKey, readIfThere } from './master-key.js';

/**
 * The 32-byte seed of the key that signs checkpoints of the audit log: from LOG_SIGNING_KEY, LOG_SIGNING_KEY_FILE, or,
 * when the database is embedded, `DATA_DIR/log-signing.key`, which is made. Else it is derived from the master key,
 * which lies outside the database as well.
 * @throws ConfigError when the named file is missing or holds something else.
 */
export const loadLogSigningSeed = async (config: Config, masterKey: Buffer): Promise<Buffer> => {
  if (config.logSigningKey) return decodeKey(config.logSigningKey, 'LOG_SIGNING_KEY');
  if (config.logSigningKeyFile) {
    const text = await readIfThere(config.logSigningKeyFile);
    if (text === undefined) throw new ConfigError(['LOG_SIGNING_KEY_FILE names a file that does not exist']);
    return decodeKey(text, 'LOG_SIGNING_KEY_FILE');
  }
  if (config.databaseUrl)
    return Buffer.from(hkdfSync('sha256', masterKey, Buffer.alloc(0), 'toolgate log signing key', 32));
  const file = join(config.dataDir, 'log-signing.key');
  const text = await readIfThere(file);
  return text === undefined ? makeKey(config.dataDir, file) : decodeKey(text, 'DATA_DIR/log-signing.key');
};
