import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { compilePlatform } from './compiled-platform.js';
import { killGroup, spawnOwner, type Owner } from './postgres-owner.js';

/**
 * A temporary folder for the data folders of a file of tests, and processes that own databases there: each is killed
 * after its test, the folder removed after the last one.
 */
export function postgresFolders(): Readonly<{
  /** A path in the temporary folder; the folder itself without names. */
  at: (...names: readonly string[]) => string;
  own: (dataDir: string, mode?: 'write' | 'idle') => Owner;
}> {
  let compiled = '';
  let work = '';
  const owners: Owner[] = [];
  beforeAll(() => {
    compiled = compilePlatform();
    work = mkdtempSync(join(tmpdir(), 'toolgate-postgres-'));
  });
  afterEach(() => {
    for (const owner of owners.splice(0)) killGroup(owner);
  });
  afterAll(async () => {
    await sleep(300);
    for (const folder of [compiled, work])
      rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  });
  return {
    at: (...names) => join(work, ...names),
    own: (dataDir, mode = 'idle') => {
      const owner = spawnOwner(compiled, dataDir, mode);
      owners.push(owner);
      return owner;
    },
  };
}

/** The rows of one statement, over a connection of its own. */
export async function queryOnce(url: string, text: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client(url);
  await client.connect();
  return (await client.query(text).finally(() => client.end())).rows as Record<string, unknown>[];
}
