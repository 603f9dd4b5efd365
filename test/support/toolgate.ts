import 'reflect-metadata';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig } from '../../src/platform/config.js';
import type { Database } from '../../src/platform/database.js';
import { startToolgate, type Toolgate } from '../../src/toolgate.js';
import { testDatabase } from './database.js';

export type TestToolgate = Readonly<{ url: string; databaseUrl: string; db: Database; toolgate: Toolgate; close: () => Promise<void> }>;

/** The whole product in this process, on a database of its own and a free port; `overrides` are environment variables. */
export const startTestToolgate = async (overrides: Readonly<Record<string, string>> = {}): Promise<TestToolgate> => {
  const database = await testDatabase();
  const dataDir = await mkdtemp(join(tmpdir(), 'toolgate-test-'));
  const toolgate = await startToolgate(
    readConfig({
      PORT: '0',
      DATABASE_URL: database.url,
      DATA_DIR: dataDir,
      MASTER_KEY: Buffer.alloc(32, 7).toString('base64'),
      UPSTREAM_ALLOW: '127.0.0.0/8,::1',
      ...overrides,
    }),
  );
  return {
    url: toolgate.url,
    databaseUrl: database.url,
    db: toolgate.database,
    toolgate,
    close: async () => {
      await toolgate.close();
      await database.drop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
};
