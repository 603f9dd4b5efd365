import { once } from 'node:events';
import { createServer, get, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '../../../src/platform/crypto/ids.js';
import { BEGINNING } from '../../../src/record/audit/records.js';
import { Tail } from '../../../src/record/audit/tail.js';
import { startAuditWriter } from '../../../src/record/audit/writer.js';
import { EventStore } from '../../../src/record/event-store/event-store.js';
import { allRecorded, append, decided, numbers, open, until, type Opened } from './audit-support.js';

let at: Opened;
beforeAll(async () => {
  at = await open();
});
afterAll(() => at.close());

test('a tail that ends while its client takes nothing closes the connection and keeps nothing for it', async () => {
  const organizationId = newId('org');
  const writer = await startAuditWriter({ db: at.db, log: at.eventLog });
  await append(
    at.eventLog,
    numbers(20).map(() => decided(organizationId, { reason: 'x'.repeat(10_000) })),
  );
  await until(() => allRecorded(at));
  await writer.stop();

  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const request = get({ port: (server.address() as AddressInfo).port }).on('error', () => undefined);
  const [, response] = (await once(server, 'request')) as [unknown, ServerResponse];
  // As when the kernel takes no more for this client.
  response.socket?.cork();
  const caller = { organizationId, actor: { type: 'system', id: 'test' } } as const;
  const tail = new Tail({ store: new EventStore(at.db), caller, filters: {}, response }, { place: BEGINNING });
  const run = tail.run();
  await until(() => response.writableNeedDrain);
  tail.end();
  await run;
  expect([response.destroyed, response.socket?.destroyed ?? true]).toEqual([true, true]);
  request.destroy();
  server.close();
});
