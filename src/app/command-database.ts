import { resolve } from 'node:path';
import { startEmbeddedPostgres } from '../platform/embedded-postgres/embedded-postgres.js';
import { log } from '../platform/runtime/log.js';
import type { Config } from '../platform/settings/config.js';

/**
 * The database of the configuration for a command of the operator: an outside one may be in use meanwhile; the embedded
 * one is started, and refused
 * while Toolgate runs on it.
 */
export const openCommandDatabase = async (
  config: Config,
): Promise<Readonly<{ url: string; stop: () => Promise<void> }>> => {
  if (config.databaseUrl) return { url: config.databaseUrl, stop: () => Promise.resolve() };
  const postgres = await startEmbeddedPostgres({
    dataDir: resolve(config.dataDir),
    onNotice: (text) => log.info(text),
  });
  return { url: postgres.url, stop: () => postgres.stop() };
};
