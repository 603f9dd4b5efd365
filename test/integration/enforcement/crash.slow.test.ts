import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import {
  startEmbeddedPostgres,
  type EmbeddedPostgres,
} from '../../../src/platform/embedded-postgres/embedded-postgres.js';
import { makeReserve } from '../../../src/data-plane/enforcement/reserve.js';
import { openPostgresLog } from '../../../src/record/event-log/postgres/log.js';
import { Database } from '../../../src/platform/postgres/database.js';
import { newId } from '../../../src/platform/crypto/ids.js';
import { applyMigrations } from '../../../src/platform/postgres/migrations.js';
import { usedOf } from '../../support/counters.js';
import { entry } from '../../support/event-log-contract.js';

/** A PostgreSQL of its own, which writes what no commit waited for as late as it can. */
const SETTINGS = { fsync: 'off', full_page_writes: 'off', wal_writer_delay: '10s', wal_writer_flush_after: '1GB' };
const CALLS = 5;

let dataDir: string;
let server: EmbeddedPostgres;
let db: Database;

const start = async (): Promise<void> => {
  server = await startEmbeddedPostgres({ dataDir, settings: SETTINGS });
  await applyMigrations(server.url);
  db = new Database(server.url);
};
const stop = async (): Promise<void> => {
  await db.close();
  await server.stop();
};

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'toolgate-test-'));
});
afterEach(stop);
afterAll(() => rm(dataDir, { recursive: true, force: true }));

test.each([
  ['outside', false],
  ['inside', true],
] as const)(
  'what acknowledged calls have used of a limit is still used after the database crashed, with the log %s it',
  async (_, logInside) => {
    await start();
    const [organizationId, whom] = [newId('org'), newId('grt')];
    const reservations = [
      { counter: 'c', window: 'month', scope: 'grant', whom, amount: 1, max: 10, pointer: '/x' },
    ] as const;
    const reserve = makeReserve(db.limits, 10_000, logInside ? undefined : db.log);
    const log = logInside ? await openPostgresLog(db.log, 1) : undefined;
    for (let call = 0; call < CALLS; call += 1) {
      const held = await reserve({ organizationId, capped: true, reservations });
      expect(held).toMatchObject({ ok: true });
      if (held.ok) expect(await held.durable).toBe(logInside ? undefined : true);
      await log?.append('toolgate.decisions', entry(organizationId, '{}'));
    }
    process.kill(server.pid, 'SIGQUIT');
    await log?.close();
    await stop();
    await start();
    expect(await usedOf(db, organizationId, reservations[0])).toBe(CALLS);
  },
);
