import { describe, expect, test } from 'vitest';
import { openPostgresLog } from '../../../src/event-log/postgres-log.js';
import { Database } from '../../../src/platform/database.js';
import { testDatabase } from '../../support/database.js';
import { PARTITIONS, eventLogContract } from '../../support/event-log-contract.js';

describe('the event log in PostgreSQL', () => {
  eventLogContract(async () => {
    const database = await testDatabase();
    const db = new Database(database.url, { app: 1, worker: 8 });
    return {
      open: () => openPostgresLog(db.worker, PARTITIONS),
      end: async () => {
        await db.close();
        await database.drop();
      },
    };
  });

  test('is not opened with fewer partitions than it was made with', async () => {
    const database = await testDatabase();
    const db = new Database(database.url, { app: 1, worker: 2 });
    await (await openPostgresLog(db.worker, PARTITIONS)).close();
    await expect(openPostgresLog(db.worker, PARTITIONS - 1)).rejects.toThrow('KAFKA_PARTITIONS is 3, but the log was made with 4');
    await db.close();
    await database.drop();
  });
});
