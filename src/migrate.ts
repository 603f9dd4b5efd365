import { resolve } from 'node:path';
import { ConfigError, environment, readConfig } from './platform/settings/config.js';
import { startEmbeddedPostgres } from './platform/embedded-postgres/embedded-postgres.js';
import { errorText, log } from './platform/runtime/log.js';
import { applyMigrations } from './platform/postgres/migrations.js';

/** `npm run migrate`: brings the database of the settings to this release's schema and ends. A start does the same. */
const main = async (): Promise<void> => {
  const config = readConfig(environment());
  if (config.databaseUrl) return applyMigrations(config.databaseUrl);
  const postgres = await startEmbeddedPostgres({
    dataDir: resolve(config.dataDir),
    onNotice: (text) => log.info(text),
  });
  await applyMigrations(postgres.url).finally(() => postgres.stop());
};

main().then(
  () => {
    process.stderr.write('The database has the schema of this release.\n');
    process.exit(0);
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof ConfigError ? error.message : `Not migrated: ${errorText(error)}`}\n`);
    process.exit(1);
  },
);
