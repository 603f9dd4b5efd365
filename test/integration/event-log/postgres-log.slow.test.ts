import { describe, expect, test } from 'vitest';
import { bindLog } from '../../../src/record/event-log/log-identity.js';
import { openPostgresLog } from '../../../src/record/event-log/postgres/log.js';
import { Database } from '../../../src/platform/postgres/database.js';
import { isRefusedForItself } from '../../../src/platform/postgres/group-commit.js';
import { testDatabase } from '../../support/database.js';
import { PARTITIONS, entry, eventLogContract } from '../../support/event-log-contract.js';

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
    await expect(openPostgresLog(db.worker, PARTITIONS - 1)).rejects.toThrow(
      'KAFKA_PARTITIONS is 3, but the log was made with 4',
    );
    await expect(openPostgresLog(db.worker, PARTITIONS + 1)).rejects.toThrow(
      'KAFKA_PARTITIONS is 5, but the log was made with 4',
    );
    await db.close();
    await database.drop();
  });

  test(
    'only the entry that PostgreSQL refuses fails; what was appended with it is in the log once, in ' + 'order',
    async () => {
      const database = await testDatabase();
      const db = new Database(database.url, { app: 1, worker: 2 });
      const log = await openPostgresLog(db.log, 1);
      const keys = Array.from({ length: 60 }, (_, index) =>
        index % 20 === 7 ? `refused \0 ${index}` : `organization ${index % 3}`,
      );
      const results = await Promise.allSettled(
        keys.map((key, index) => log.append('toolgate.decisions', entry(key, String(index)))),
      );
      expect(results.map(({ status }) => status)).toEqual(
        keys.map((key) => (key.startsWith('refused') ? 'rejected' : 'fulfilled')),
      );
      for (const one of results) if (one.status === 'rejected') expect(isRefusedForItself(one.reason)).toBe(true);
      const records = await log.read('toolgate.decisions', 0, 0, 100);
      expect(records.map(({ offset }) => offset)).toEqual(Array.from({ length: 57 }, (_, offset) => offset));
      for (const key of new Set(keys.filter((one) => one.startsWith('organization')))) {
        const written = keys.flatMap((one, index) => (one === key ? [String(index)] : []));
        expect(records.filter((record) => record.key === key).map(({ value }) => value.toString())).toEqual(written);
      }
      await log.close();
      await db.close();
      await database.drop();
    },
  );

  test('a database that counted positions in one log is refused with another', async () => {
    const database = await testDatabase();
    const db = new Database(database.url, { app: 1, worker: 2 });
    await bindLog(db.worker, 'in this PostgreSQL');
    await bindLog(db.worker, 'in this PostgreSQL');
    await expect(bindLog(db.worker, 'in the Kafka cluster abc')).rejects.toThrow(
      'this database belongs to the event log in this PostgreSQL, not to the one in the Kafka cluster abc',
    );
    await db.close();
    await database.drop();
  });
});
