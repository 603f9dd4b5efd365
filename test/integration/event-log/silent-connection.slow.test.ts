import { afterAll, beforeAll, expect, test } from 'vitest';
import { startHeartbeat } from '../../../src/record/crash-recovery/heartbeat.js';
import { Directory } from '../../../src/data-plane/directory/directory.js';
import { makeReserve } from '../../../src/data-plane/enforcement/reserve.js';
import { openPostgresLog } from '../../../src/record/event-log/postgres/log.js';
import { Database } from '../../../src/platform/postgres/database.js';
import { newId } from '../../../src/platform/crypto/ids.js';
import { Vault } from '../../../src/platform/crypto/vault.js';
import { testDatabase, type TestDatabase } from '../../support/database.js';
import { startDatabaseProxy, type DatabaseProxy } from '../../support/database-proxy.js';
import { entry as toEntry } from '../../support/event-log-contract.js';

let database: TestDatabase;
let proxy: DatabaseProxy;
let db: Database;

beforeAll(async () => {
  database = await testDatabase();
  proxy = await startDatabaseProxy(database.url);
  db = new Database(proxy.url);
});
afterAll(async () => {
  await proxy.close();
  await db.close();
  await database.drop();
});

test('a database connection that falls silent holds up appends and limits for some seconds, not for good', async () => {
  const log = await openPostgresLog(db.worker, 12);
  const reserve = makeReserve(db.limits, 500);
  const key = newId('org');
  const entry = toEntry(key, '{}');
  const wanted = {
    organizationId: key,
    capped: true,
    reservations: [{ counter: 'c', window: 'month', scope: 'grant', whom: key, amount: 1, max: 10, pointer: '/x' }],
  } as const;
  await log.append('toolgate.decisions', entry);
  expect((await reserve(wanted)).ok).toBe(true);
  proxy.silence();
  const lost = log.append('toolgate.decisions', entry).then(
    () => 'acknowledged',
    () => 'refused',
  );
  expect(await reserve(wanted)).toMatchObject({ unavailable: true });
  expect(await lost).toBe('refused');
  await log.append('toolgate.decisions', entry);
  await expect.poll(async () => (await reserve(wanted)).ok, { timeout: 5000 }).toBe(true);
  await log.close();
});

test(
  'connections that fall silent under the heartbeat and the directory are given up within some ' +
    'seconds: the gateway neither refuses calls nor counts as dead',
  async () => {
    const bootId = newId('boot');
    const [outside, forHeartbeat, forDirectory] = [database.url, proxy.url, proxy.url].map(
      (url) => new Database(url, { app: 1, worker: 1 }),
    ) as [Database, Database, Database];
    const lastSeen = async (): Promise<number> =>
      Number(
        (
          await outside.worker.query<{ at: Date }>('select last_seen as at from gateway_boots where boot_id = $1', [
            bootId,
          ])
        ).rows[0]?.at,
      );
    const directory = new Directory(forDirectory, new Vault(Buffer.alloc(32, 7)));
    await directory.start();
    const heartbeat = await startHeartbeat(forHeartbeat, {
      bootId,
      open: { since: () => undefined, advance: () => undefined },
      maxStalenessMs: 15_000,
    });
    const before = await lastSeen();
    proxy.silence();
    let oldest = 0;
    let heard = false;
    for (
      const end = Date.now() + 13_000;
      !heard && Date.now() < end;
      await new Promise((resolve) => setTimeout(resolve, 100))
    ) {
      oldest = Math.max(oldest, directory.ageMs());
      expect(heartbeat.isLate()).toBe(false);
      heard = oldest > 2000 && directory.ageMs() < 1000 && (await lastSeen()) > before;
    }
    expect(heard).toBe(true);
    expect(oldest).toBeLessThan(10_000);
    await Promise.all([heartbeat.stop(), directory.stop()]);
    await Promise.all([outside.close(), forHeartbeat.close(), forDirectory.close()]);
  },
);
