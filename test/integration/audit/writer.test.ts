import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startAuditWriter } from '../../../src/record/audit/writer.js';
import { toEntry } from '../../../src/record/event-log/append.js';
import type { EventLog, HandleBatch } from '../../../src/record/event-log/event-log.js';
import { Database } from '../../../src/platform/postgres/database.js';
import { newId } from '../../../src/platform/crypto/ids.js';
import { entry } from '../../support/event-log-contract.js';
import { allRecorded, append, decided, numbers, open, recordsOf, until, type Opened } from './audit-support.js';

let at: Opened;
beforeAll(async () => {
  at = await open();
});
afterAll(() => at.close());

/** A log that delivers every batch twice, each time beginning before where the reader stands. */
const repeating = (eventLog: EventLog): EventLog => ({
  ...eventLog,
  subscribe: (reader) => {
    const handle: HandleBatch = async (batch) => {
      const from = Math.max(0, batch.from - 37);
      const records = await eventLog.read(batch.topic, batch.partition, from, batch.next - from);
      await reader.handle({ ...batch, from, records });
      await reader.handle({ ...batch, from, records });
    };
    return eventLog.subscribe({ ...reader, handle });
  },
});

const record = async (work: () => Promise<void>): Promise<Awaited<ReturnType<typeof startAuditWriter>>> => {
  const writer = await startAuditWriter({ db: at.db, log: at.eventLog });
  await work();
  await until(() => allRecorded(at));
  await writer.stop();
  return writer;
};

const expectDense = async (organizationId: string, ids: readonly string[]): Promise<void> => {
  const records = await recordsOf(at.db, organizationId);
  expect(records.map((one) => one.seq)).toEqual(numbers(ids.length));
  expect(records.map((one) => one.id).toSorted()).toEqual(ids.toSorted());
};

describe('the audit writer', () => {
  test('keeps the exact bytes, in the order of the log, with a seq from 1 for each organization', async () => {
    const [left, right] = [newId('org'), newId('org')];
    const events = numbers(1200).map((n) => decided(n % 3 === 0 ? left : right, { reason: `Ünïcode ${n}` }));
    const writer = await record(() => append(at.eventLog, events));
    for (const organizationId of [left, right]) {
      const own = events.filter((event) => event.organizationId === organizationId);
      const records = await recordsOf(at.db, organizationId);
      expect(records.map((one) => one.seq)).toEqual(numbers(own.length));
      expect(records.map((one) => one.event.toString())).toEqual(own.map((event) => JSON.stringify(event)));
    }
    expect(writer.recorded()).toBe(1200);
    expect(await writer.lag()).toBe(0);
  });

  test(
    'leaves out only the events that the database refuses, each with a gap on record, and records ' +
      'everything else of the batch, of its organization too',
    async () => {
      const owner = new pg.Client({ connectionString: at.url });
      await owner.connect();
      await owner.query(
        `alter table audit_records add constraint refuses_some check (tool is distinct from 'refused')`,
      );
      const [hostile, honest] = [newId('org'), newId('org')];
      const events = numbers(400).map((n) =>
        decided(n % 4 === 0 ? hostile : honest, { tool: n === 8 || n === 200 ? 'refused' : 'fine' }),
      );
      const writer = await record(() => append(at.eventLog, events));
      expect([writer.poison(), writer.lost()]).toEqual([2, 0]);
      await expectDense(
        honest,
        events.filter((event) => event.organizationId === honest).map(({ id }) => id),
      );
      const recorded = (await recordsOf(at.db, hostile)).map(
        (one) => JSON.parse(one.event.toString()) as { id: string; type: string; reason: string },
      );
      const kept = events
        .filter((event) => event.organizationId === hostile && event.tool === 'fine')
        .map(({ id }) => id);
      expect(recorded.filter(({ type }) => type === 'toolCall.decided').map(({ id }) => id)).toEqual(kept);
      expect(recorded.filter(({ type }) => type === 'audit.gap').map(({ reason }) => reason)).toEqual([
        'log_records_lost',
        'log_records_lost',
      ]);
      await owner.query('alter table audit_records drop constraint refuses_some');
      await owner.end();
    },
  );

  test('keeps an empty text and none apart in every column', async () => {
    const organizationId = newId('org');
    const columns = ['grantId', 'identityId', 'serverId', 'tool', 'effect', 'code'] as const;
    const sets = numbers(64).map((n) =>
      Object.fromEntries(columns.map((name, bit) => [name, ((n - 1) >> bit) % 2 === 0 ? '' : null])),
    );
    const events = sets.map((set) => ({ ...decided(organizationId), ...set }) as ReturnType<typeof decided>);
    await record(() => append(at.eventLog, events));
    const { rows } = await at.db.worker.query<Record<(typeof columns)[number], string | null>>(
      `select grant_id as "grantId", identity_id as "identityId", server_id as "serverId", tool, effect, code
        from audit_records where organization_id = $1 order by seq`,
      [organizationId],
    );
    expect(rows).toEqual(sets);
  });

  test('records an event once however often it was appended, and recordedAt never falls', async () => {
    const organizationId = newId('org');
    const events = numbers(700).map(() => decided(organizationId));
    const writer = await record(async () => {
      await append(at.eventLog, [...events, ...events.slice(0, 300)]);
      await append(at.eventLog, events);
    });
    await expectDense(
      organizationId,
      events.map((event) => event.id),
    );
    const times = (await recordsOf(at.db, organizationId)).map((one) => one.recorded_at.getTime());
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(writer.duplicates()).toBe(1000);
  });

  test('leaves no hole and no double when two writers share the work and deliveries repeat', async () => {
    const other = new Database(at.url, { app: 1, worker: 4 });
    const otherLog = await at.log.open(other.worker);
    const organizations = numbers(5).map(() => newId('org'));
    const writers = await Promise.all([
      startAuditWriter({ db: at.db, log: repeating(at.eventLog) }),
      startAuditWriter({ db: other, log: repeating(otherLog) }),
    ]);
    const events = numbers(4000).map((n) => decided(organizations[n % 5] ?? ''));
    for (let start = 0; start < events.length; start += 500) {
      await append(at.eventLog, events.slice(start, start + 500));
      await append(at.eventLog, events.slice(Math.max(0, start - 50), start + 50));
    }
    await until(() => allRecorded(at));
    await Promise.all(writers.map((writer) => writer.stop()));
    for (const organizationId of organizations)
      await expectDense(
        organizationId,
        events.filter((event) => event.organizationId === organizationId).map((event) => event.id),
      );
    expect(writers[0].recorded() + writers[1].recorded()).toBe(4000);
    await otherLog.close();
    await other.close();
  });

  test('leaves out what is no event, counts it, and goes on', async () => {
    const organizationId = newId('org');
    const good = decided(organizationId);
    const bad: readonly string[] = [
      'not json',
      '',
      '[]',
      'null',
      '"text"',
      '{}',
      JSON.stringify({ ...good, id: 7 }),
      JSON.stringify({ ...good, id: 'evt_\0' }),
      JSON.stringify({ ...good, time: 'yesterday' }),
      JSON.stringify({ ...good, time: '0000-01-01T00:00:00Z' }),
      JSON.stringify({ ...good, organizationId: newId('org') }),
      JSON.stringify({ ...good, type: undefined }),
    ];
    const writer = await record(async () => {
      for (const text of bad) await at.eventLog.append('toolgate.decisions', entry(organizationId, text));
      await append(at.eventLog, [good]);
    });
    await expectDense(organizationId, [good.id]);
    expect(writer.poison()).toBe(bad.length);
  });

  test('records names that no column could hold as they are', async () => {
    const organizationId = newId('org');
    const events = [
      decided(organizationId, { tool: 'a\0b' }),
      decided(organizationId, { tool: 'x'.repeat(50_000) }),
      decided(organizationId, { tool: '\uD800' }),
    ];
    await record(() => append(at.eventLog, events));
    expect((await recordsOf(at.db, organizationId)).map((one) => JSON.parse(one.event.toString()).tool)).toEqual(
      events.map((event) => event.tool),
    );
  });

  test('leaves no hole and no double when the same organization is recorded from both topics at once', async () => {
    const other = new Database(at.url, { app: 1, worker: 4 });
    const only = (topic: string): EventLog => ({
      ...at.eventLog,
      subscribe: (reader) =>
        at.eventLog.subscribe({
          ...reader,
          position: async (...place) => (place[0] === topic ? reader.position(...place) : Number.MAX_SAFE_INTEGER),
        }),
    });
    const organizationId = newId('org');
    const writers = await Promise.all([
      startAuditWriter({ db: at.db, log: only('toolgate.decisions') }),
      startAuditWriter({ db: other, log: only('toolgate.control') }),
    ]);
    const ids: string[] = [];
    for (let round = 0; round < 40; round += 1) {
      const events = numbers(25).map(() => decided(organizationId));
      ids.push(...events.map((event) => event.id));
      await Promise.all(
        events.flatMap((event) => [
          at.eventLog.append('toolgate.decisions', toEntry(event)),
          at.eventLog.append('toolgate.control', toEntry(event)),
        ]),
      );
    }
    await until(() => allRecorded(at));
    await Promise.all(writers.map((writer) => writer.stop()));
    await expectDense(organizationId, ids);
    await other.close();
  });

  test('goes on where it stood when its database connection is lost in the middle of a batch', async () => {
    const organizationId = newId('org');
    const [holder, admin] = [new pg.Client({ connectionString: at.url }), new pg.Client({ connectionString: at.url })];
    await Promise.all([holder.connect(), admin.connect()]);
    await record(() => append(at.eventLog, [decided(organizationId)]));
    await holder.query('begin');
    await holder.query('select 1 from audit_heads where organization_id = $1 for update', [organizationId]);
    const writer = await startAuditWriter({ db: at.db, log: at.eventLog });
    const events = numbers(50).map(() => decided(organizationId));
    await append(at.eventLog, events);
    const waiting = `select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
      and query like '%audit_heads%for update%'`;
    await until(async () => (await admin.query(waiting)).rowCount === 1);
    expect((await admin.query(`select pg_terminate_backend(pid) from (${waiting}) w`)).rowCount).toBe(1);
    await holder.query('rollback');
    await until(() => allRecorded(at));
    await writer.stop();
    await Promise.all([holder.end(), admin.end()]);
    const records = await recordsOf(at.db, organizationId);
    expect(records.map((one) => one.seq)).toEqual(numbers(51));
    expect(records.slice(1).map((one) => one.id)).toEqual(events.map((event) => event.id));
  });

  test('refuses a delivery that skips records which the log still has', async () => {
    const organizationId = newId('org');
    const place = await at.eventLog.append('toolgate.control', toEntry(decided(organizationId)));
    let refusal: unknown;
    const skipping: EventLog = {
      ...at.eventLog,
      subscribe: async (reader) => {
        const batch = {
          topic: 'toolgate.control' as const,
          partition: place.partition,
          from: place.offset + 1,
          next: place.offset + 2,
          records: [{ offset: place.offset + 1, key: organizationId, value: Buffer.from('{}') }],
        };
        await reader.handle(batch).catch((error: unknown) => (refusal = error));
        return { stop: () => Promise.resolve() };
      },
    };
    await startAuditWriter({ db: at.db, log: skipping });
    expect(String(refusal)).toContain('is not recorded');
    await record(() => Promise.resolve());
    expect(await recordsOf(at.db, organizationId)).toHaveLength(1);
  });

  test('says what waits to be recorded', async () => {
    const writer = await startAuditWriter({
      db: at.db,
      log: { ...at.eventLog, subscribe: () => Promise.resolve({ stop: () => Promise.resolve() }) },
    });
    await append(
      at.eventLog,
      numbers(5).map(() => decided(newId('org'))),
    );
    expect(await writer.lag()).toBe(5);
    await record(() => Promise.resolve());
    expect(await writer.lag()).toBe(0);
  });
});
