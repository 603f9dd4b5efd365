import { createServer, connect as connectTcp, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeReserve } from '../../../src/enforcement/reserve.js';
import { entry as toEntry } from '../../support/event-log-contract.js';
import { openPostgresLog } from '../../../src/event-log/postgres-log.js';
import { Database } from '../../../src/platform/database.js';
import { newId } from '../../../src/platform/ids.js';
import { testDatabase, type TestDatabase } from '../../support/database.js';

let database: TestDatabase;
let proxy: Server;
let db: Database;
const sockets = new Set<Socket>();

beforeAll(async () => {
  database = await testDatabase();
  const url = new URL(database.url);
  const port = Number(url.port);
  proxy = createServer((near) => {
    const far = connectTcp(port, url.hostname);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => sockets.delete(socket));
    }
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done));
  url.hostname = '127.0.0.1';
  url.port = String((proxy.address() as AddressInfo).port);
  db = new Database(url.toString());
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await db.close();
  await new Promise((done) => proxy.close(done));
  await database.drop();
});

/** Whatever is connected now passes no byte any more, and nobody is told: as when a host or a firewall's memory of a connection is gone. */
const silence = (): void => {
  for (const socket of sockets) socket.unpipe().pause();
};

test('a database connection that falls silent holds up appends and limits for some seconds, not for good', async () => {
  const log = await openPostgresLog(db.worker, 12);
  const reserve = makeReserve(db.limits, 500);
  const key = newId('org');
  const entry = toEntry(key, '{}');
  const wanted = { organizationId: key, capped: true, reservations: [{ counter: 'c', window: 'month', scope: 'grant', whom: key, amount: 1, max: 10, pointer: '/x' }] } as const;
  await log.append('toolgate.decisions', entry);
  expect((await reserve(wanted)).ok).toBe(true);
  silence();
  const lost = log.append('toolgate.decisions', entry).then(() => 'acknowledged', () => 'refused');
  expect(await reserve(wanted)).toMatchObject({ unavailable: true });
  expect(await lost).toBe('refused');
  await log.append('toolgate.decisions', entry);
  await expect.poll(async () => (await reserve(wanted)).ok, { timeout: 5000 }).toBe(true);
  await log.close();
});
