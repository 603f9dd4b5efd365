import { describe, expect, test } from 'vitest';
import { bindLog } from '../../../src/event-log/log-identity.js';
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

  test('is not opened with fewer or more partitions than it was made with', async () => {
    const database = await testDatabase();
    const db = new Database(database.url, { app: 1, worker: 2 });
    await (await openPostgresLog(db.worker, PARTITIONS)).close();
    await expect(openPostgresLog(db.worker, PARTITIONS - 1)).rejects.toThrow('KAFKA_PARTITIONS is 3, but the log was made with 4');
    await expect(openPostgresLog(db.worker, PARTITIONS + 1)).rejects.toThrow('KAFKA_PARTITIONS is 5, but the log was made with 4');
    await db.close();
    await database.drop();
  });

  test('a database that counted positions in one log is refused with another', async () => {
    const database = await testDatabase();
    const db = new Database(database.url, { app: 1, worker: 2 });
    await bindLog(db.worker, 'in this PostgreSQL');
    await bindLog(db.worker, 'in this PostgreSQL');
    await expect(bindLog(db.worker, 'in the Kafka cluster abc')).rejects.toThrow('this database belongs to the event log in this PostgreSQL, not to the one in the Kafka cluster abc');
    await db.close();
    await database.drop();
  });
});
