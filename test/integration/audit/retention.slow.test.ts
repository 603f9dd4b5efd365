import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startRetention } from '../../../src/record/audit/retention.js';
import { startAuditWriter } from '../../../src/record/audit/writer.js';
import { newId } from '../../../src/platform/crypto/ids.js';
import { allRecorded, append, decided, numbers, open, recordsOf, until, type Opened } from './audit-support.js';
import { countPolls, ROUNDS_IN_A_SECOND } from '../../support/poll-rounds.js';

let at: Opened;
let owner: pg.Client;
beforeAll(async () => {
  at = await open();
  owner = new pg.Client({ connectionString: at.url });
  await owner.connect();
});
afterAll(async () => {
  await owner.end();
  await at.close();
});

const DAY_MS = 86_400_000;
const daysAgo = (days: number): Date => new Date(Date.now() - days * DAY_MS);
const suffix = (date: Date): string => date.toISOString().slice(0, 10).replaceAll('-', '');
const partitions = async (): Promise<readonly string[]> =>
  (
    await owner.query<{ name: string }>(
      `select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid where c.relkind = 'r'`,
    )
  ).rows.map((row) => row.name);

const keepHouse = async (auditDays: number, logDays: number): Promise<void> => {
  const ended = `select 1 from sessions where id = 'ses_marker'`;
  await owner.query(
    `insert into users(id, email, password_hash) values ('usr_marker', 'marker@example.com', '')
      on conflict do nothing`,
  );
  await owner.query(
    `insert into sessions(id, organization_id, user_id, token_hash, expires_at)
      values ('ses_marker', 'org', 'usr_marker', '', now() - interval '1 day')`,
  );
  const retention = startRetention({ db: at.db, auditDays, logDays });
  await until(async () => (await owner.query(ended)).rowCount === 0);
  await retention.stop();
};

/** Reads a table until it is ended, as pg_dump does. */
const readFrom = async (table: string): Promise<pg.Client> => {
  const reader = new pg.Client({ connectionString: at.url });
  await reader.connect();
  await reader.query(`begin; lock table ${table} in access share mode`);
  return reader;
};

/** Makes everything of an organization look as if it had been appended and recorded at a time. */
const moveBack = async (organizationId: string, to: Date): Promise<void> => {
  await owner.query('update audit_records set recorded_at = $2 where organization_id = $1', [organizationId, to]);
  await owner.query('update log_records set at = $2 where key = $1', [organizationId, to]);
  await owner.query(
    `update recorded_ids set day = ($2::timestamptz at time zone 'UTC')::date where id in (select id
      from audit_records where organization_id = $1)`,
    [organizationId, to],
  );
};

/** An organization with so many records, all of this day and recorded. */
const recordedOn = async (day: Date, records: number): Promise<string> => {
  const organizationId = newId('org');
  const writer = await startAuditWriter({ db: at.db, log: at.eventLog });
  await append(
    at.eventLog,
    numbers(records).map(() => decided(organizationId)),
  );
  await until(() => allRecorded(at));
  await writer.stop();
  await moveBack(organizationId, day);
  return organizationId;
};

describe('retention', () => {
  test('finds a partition for today and the two days after in a fresh database', async () => {
    for (const days of [0, -1, -2])
      expect(await partitions()).toEqual(
        expect.arrayContaining([
          `log_records_${suffix(daysAgo(days))}`,
          `audit_records_${suffix(daysAgo(days))}`,
          `recorded_ids_${suffix(daysAgo(days))}`,
        ]),
      );
  });

  test('gives rows of days without a partition one of their own, and loses none', async () => {
    const organizationId = newId('org');
    const writer = await startAuditWriter({ db: at.db, log: at.eventLog });
    await append(
      at.eventLog,
      numbers(20).map(() => decided(organizationId)),
    );
    await until(() => allRecorded(at));
    await writer.stop();
    const before = await recordsOf(at.db, organizationId);
    await moveBack(organizationId, daysAgo(3));
    await keepHouse(400, 7);
    expect((await owner.query(`select 1 from audit_records_${suffix(daysAgo(3))}`)).rowCount).toBe(20);
    expect(
      (
        await owner.query(
          `select 1 from audit_records_default union all select 1 from log_records_default union all select 1
            from recorded_ids_default`,
        )
      ).rowCount,
    ).toBe(0);
    expect((await recordsOf(at.db, organizationId)).map((one) => one.id)).toEqual(before.map((one) => one.id));
  });

  test('drops days past retention, notes where the audit log begins, and keeps what is younger', async () => {
    const organizationId = newId('org');
    const writer = await startAuditWriter({ db: at.db, log: at.eventLog });
    await append(
      at.eventLog,
      numbers(5).map(() => decided(organizationId)),
    );
    await until(() => allRecorded(at));
    await moveBack(organizationId, daysAgo(12));
    await append(
      at.eventLog,
      numbers(3).map(() => decided(organizationId)),
    );
    await until(() => allRecorded(at));
    await writer.stop();
    await keepHouse(12, 7);
    expect(await recordsOf(at.db, organizationId)).toHaveLength(8);
    expect(await partitions()).not.toContain(`log_records_${suffix(daysAgo(12))}`);
    await keepHouse(11, 7);
    expect((await recordsOf(at.db, organizationId)).map((one) => one.seq)).toEqual([6, 7, 8]);
    expect(
      (await owner.query('select first_seq, next_seq from audit_heads where organization_id = $1', [organizationId]))
        .rows,
    ).toEqual([{ first_seq: 6, next_seq: 9 }]);
  });

  test('keeps a part of the log that is not recorded, and the ids that it may deliver again', async () => {
    const organizationId = newId('org');
    await append(
      at.eventLog,
      numbers(5).map(() => decided(organizationId)),
    );
    await moveBack(organizationId, daysAgo(20));
    await owner.query(`insert into recorded_ids(id, day) values ('evt_known', $1)`, [suffix(daysAgo(20))]);
    await keepHouse(400, 7);
    const name = suffix(daysAgo(20));
    expect(await partitions()).toEqual(expect.arrayContaining([`log_records_${name}`, `recorded_ids_${name}`]));
    const writer = await startAuditWriter({ db: at.db, log: at.eventLog });
    await until(() => allRecorded(at));
    await writer.stop();
    expect(await recordsOf(at.db, organizationId)).toHaveLength(5);
    await keepHouse(400, 7);
    expect(await partitions()).not.toContain(`log_records_${name}`);
    expect(await partitions()).not.toContain(`recorded_ids_${name}`);
  });

  test(
    'keeps no append waiting past its acknowledgement while somebody reads the log for long, and ' +
      'drops the day afterwards',
    async () => {
      const organizationId = await recordedOn(daysAgo(30), 5);
      await keepHouse(400, 60);
      const name = `log_records_${suffix(daysAgo(30))}`;
      expect(await partitions()).toContain(name);
      const reading = await readFrom('log_records');
      const retention = startRetention({ db: at.db, auditDays: 400, logDays: 7 });
      let slowest = 0;
      for (const end = Date.now() + 5000; Date.now() < end;) {
        const polls = countPolls(at.db);
        await append(at.eventLog, [decided(organizationId)]);
        slowest = Math.max(slowest, polls());
      }
      // An append has two seconds.
      expect(slowest).toBeLessThan(2 * ROUNDS_IN_A_SECOND);
      expect(await partitions()).toContain(name);
      await reading.end();
      await retention.stop();
      await keepHouse(400, 7);
      expect(await partitions()).not.toContain(name);
    },
  );

  test(
    'notes where the audit log begins although a reader kept the day from going, and lets it go ' + 'afterwards',
    async () => {
      const organizationId = await recordedOn(daysAgo(40), 4);
      await keepHouse(400, 7);
      const reading = await readFrom('audit_records');
      await keepHouse(30, 7);
      await reading.end();
      const begins = async (): Promise<unknown> =>
        (
          await owner.query<{ first_seq: number }>('select first_seq from audit_heads where organization_id = $1', [
            organizationId,
          ])
        ).rows[0]?.first_seq;
      expect([await recordsOf(at.db, organizationId), await begins()]).toMatchObject([{ length: 4 }, 5]);
      await keepHouse(30, 7);
      expect([await recordsOf(at.db, organizationId), await begins()]).toEqual([[], 5]);
    },
  );

  test('deletes expired answers, sessions and counters, and never a counter whose window still runs', async () => {
    await owner.query(`insert into idempotent_answers(organization_id, caller, key, request_hash, sealed_body,
      created_at)
      values ('o', 'c', 'old', '', '', now() - interval '25 hours'), ('o', 'c', 'new', '', '',
        now() - interval '23 hours')`);
    await owner.query(
      `insert into ended_sessions values ('o', 'old', now() - interval '1 minute'), ('o', 'new',
        now() + interval '1 minute')`,
    );
    await owner.query(
      `insert into limit_counters values ('old', 'o', 'day', now() - interval '41 days', 1), ('new', 'o', 'month',
        now() - interval '20 days', 1), ('long', 'o', '31536000', now() - interval '50 days', 1)`,
    );
    await keepHouse(400, 7);
    const keys = async (statement: string): Promise<readonly unknown[]> =>
      (await owner.query<{ key: string }>(statement)).rows.map((row) => row.key);
    expect(await keys('select key from idempotent_answers')).toEqual(['new']);
    expect(await keys('select session_id as key from ended_sessions')).toEqual(['new']);
    expect(await keys('select key from limit_counters order by key')).toEqual(['long', 'new']);
  });
});
