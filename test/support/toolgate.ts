import 'reflect-metadata';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig } from '../../src/platform/settings/config.js';
import type { Database } from '../../src/platform/postgres/database.js';
import { startToolgate, type Toolgate } from '../../src/app/toolgate.js';
import { testDatabase } from './database.js';
import { testLog, type TestLog } from './test-log.js';

/** A product on somebody's database and log, on a free port. */
const settingsFor = (databaseUrl: string, log: TestLog): Readonly<Record<string, string>> => ({
  PORT: '0',
  DATABASE_URL: databaseUrl,
  MASTER_KEY: Buffer.alloc(32, 7).toString('base64'),
  UPSTREAM_ALLOW: '127.0.0.0/8,::1',
  ...log.env,
});

export type TestToolgate = Readonly<{
  url: string;
  databaseUrl: string;
  db: Database;
  log: TestLog;
  toolgate: Toolgate;
  close: () => Promise<void>;
}>;

/**
 * The whole product in this process, on a database of its own and a free port; `overrides` are environment variables.
 */
export const startTestToolgate = async (overrides: Readonly<Record<string, string>> = {}): Promise<TestToolgate> => {
  const database = await testDatabase();
  const log = await testLog(database.url);
  const dataDir = await mkdtemp(join(tmpdir(), 'toolgate-test-'));
  const toolgate = await startToolgate(
    readConfig({
      ...settingsFor(database.url, log),
      DATA_DIR: dataDir,
      ...overrides,
    }),
  );
  return {
    url: toolgate.url,
    databaseUrl: database.url,
    db: toolgate.database,
    log,
    toolgate,
    close: async () => {
      await toolgate.close();
      await log.drop();
      await database.drop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
};

/**
 * One more process of the product on the same database and log, in this process too and a gateway unless told
 * otherwise; it is closed before the other.
 */
export const startBeside = (
  { databaseUrl, log }: TestToolgate,
  overrides: Readonly<Record<string, string>> = {},
): Promise<Toolgate> =>
  startToolgate(
    readConfig({ ...settingsFor(databaseUrl, log), ROLES: 'gateway', DATA_DIR: '/nonexistent', ...overrides }),
  );
