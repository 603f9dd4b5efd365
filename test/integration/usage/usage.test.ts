import 'reflect-metadata';
import fc from 'fast-check';
import pg from 'pg';
import { EventStore } from '../../../src/record/event-store/event-store.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startAuditWriter } from '../../../src/record/audit/writer.js';
import type { Effect, OutcomeStatus, ToolgateEvent } from '../../../src/record/event-log/events/index.js';
import type { Database } from '../../../src/platform/postgres/database.js';
import { newId } from '../../../src/platform/crypto/ids.js';
import { rebuild } from '../../../src/record/usage/rebuild.js';
import { startProjections } from '../../../src/record/usage/run.js';
import { usageProjection } from '../../../src/record/usage/usage.projection.js';
import { readUsage, type UsageRequest } from '../../../src/record/usage/usage.query.js';
import { UsageService } from '../../../src/record/usage/usage.service.js';
import {
  allProjected,
  allRecorded,
  append,
  completed,
  decided,
  numbers,
  open,
  recordsOf,
  until,
  type Opened,
} from '../audit/audit-support.js';

let at: Opened;
beforeAll(async () => {
  at = await open();
});
afterAll(() => at.close());

const record = async (events: readonly ToolgateEvent[]): Promise<void> => {
  const writer = await startAuditWriter({ db: at.db, log: at.eventLog });
  await append(at.eventLog, events);
  await until(() => allRecorded(at));
  await writer.stop();
};

const project = async (): Promise<void> => {
  const projections = startProjections({ db: at.db, projections: [usageProjection] });
  await until(() => allProjected(at.db, 'usage'));
  await projections.stop();
};

type Hours = Readonly<Record<string, readonly [calls: number, completed: number, failed: number]>>;

const keyOf = (parts: readonly unknown[]): string => parts.map((part) => part ?? '').join('|');

const tables = async (db: Database, organizationId: string) => {
  const hours = await db.worker.query<{
    hour: Date;
    grant_id: string;
    tool: string;
    effect: string;
    calls: number;
    completed: number;
    failed: number;
  }>('select * from usage_hourly where organization_id = $1', [organizationId]);
  const used = await db.worker.query<{ grant_id: string; last_used_at: Date }>(
    'select grant_id, last_used_at from grant_last_used where organization_id = $1',
    [organizationId],
  );
  return {
    hours: Object.fromEntries(
      hours.rows.map((row) => [
        keyOf([row.hour.toISOString(), row.grant_id, row.tool, row.effect]),
        [row.calls, row.completed, row.failed],
      ]),
    ) as Hours,
    used: Object.fromEntries(used.rows.map((row) => [row.grant_id, row.last_used_at.toISOString()])),
  };
};

type Counted = Readonly<{
  type: string;
  time: string;
  grantId: string;
  tool: string | null;
  effect?: string;
  status: string;
}>;

/** 0 a decision, 1 a completed call, 2 a failed one. */
const columnOf = ({ type, status }: Counted): number =>
  type === 'toolCall.decided' ? 0 : ['ok', 'tool_error'].includes(status) ? 1 : 2;

/** Counts the events of the audit log again, in the plainest way. */
const recount = async (organizationId: string) => {
  const hours: Record<string, number[]> = {};
  const used: Record<string, string> = {};
  const events = (await recordsOf(at.db, organizationId)).map(({ event }) => JSON.parse(event.toString()) as Counted);
  for (const event of events.filter(({ status }) => status !== 'not_forwarded')) {
    const counts = (hours[
      keyOf([`${event.time.slice(0, 13)}:00:00.000Z`, event.grantId, event.tool, event.effect ?? 'allow'])
    ] ??= [0, 0, 0]);
    counts[columnOf(event)] = (counts[columnOf(event)] ?? 0) + 1;
    if (columnOf(event) === 0 && (used[event.grantId] ?? '') < event.time) used[event.grantId] = event.time;
  }
  return { hours, used };
};

const time = fc
  .date({ min: new Date('2026-11-20T00:00:00Z'), max: new Date('2026-11-20T06:00:00Z'), noInvalidDate: true })
  .map((date) => date.toISOString());
const grantId = fc.constantFrom('grt_01h2xcejqtf2nbrexx3vqjhp41', 'grt_01h2xcejqtf2nbrexx3vqjhp42');
const tool = fc.constantFrom('cancel_job', 'list_issues', null);
const anyEvent = fc.oneof(
  fc.record({ grantId, tool, time, effect: fc.constantFrom<Effect>('allow', 'deny', 'hold') }).map(
    (change) =>
      (organizationId: string): ToolgateEvent =>
        decided(organizationId, change),
  ),
  fc
    .record({
      grantId,
      tool,
      time,
      status: fc.constantFrom<OutcomeStatus>(
        'ok',
        'tool_error',
        'upstream_error',
        'upstream_unreachable',
        'timeout',
        'cancelled',
        'not_forwarded',
        'unknown',
      ),
    })
    .map(
      (change) =>
        (organizationId: string): ToolgateEvent =>
          completed(organizationId, change),
    ),
);

const manyEvents = (organizationId: string, count: number): readonly ToolgateEvent[] =>
  fc.sample(anyEvent, count).map((make) => make(organizationId));

describe('usage', () => {
  test('equals a recount of the audit log, whatever is recorded and delivered twice', async () => {
    const check = async (
      makers: readonly ((organizationId: string) => ToolgateEvent)[],
      again: number,
    ): Promise<void> => {
      const organizationId = newId('org');
      const events = makers.map((make) => make(organizationId));
      await record([...events, ...events.slice(0, again)]);
      await project();
      expect(await tables(at.db, organizationId)).toEqual(await recount(organizationId));
    };
    await fc.assert(fc.asyncProperty(fc.array(anyEvent, { minLength: 1, maxLength: 60 }), fc.nat(10), check), {
      numRuns: 15,
    });
  });

  test('counts each record once when several runners share the work while records come in', async () => {
    const organizations = numbers(4).map(() => newId('org'));
    const runners = numbers(3).map(() => startProjections({ db: at.db, projections: [usageProjection] }));
    const writer = await startAuditWriter({
      db: at.db,
      log: at.eventLog,
      onRecorded: () => runners.forEach((runner) => runner.wake()),
    });
    for (let i = 0; i < 10; i += 1)
      await append(
        at.eventLog,
        organizations.flatMap((organizationId) => manyEvents(organizationId, 60)),
      );
    await until(() => allRecorded(at));
    await until(() => allProjected(at.db, 'usage'));
    await writer.stop();
    await Promise.all(runners.map((runner) => runner.stop()));
    for (const organizationId of organizations)
      expect(await tables(at.db, organizationId)).toEqual(await recount(organizationId));
  });

  test('goes on where it stood when its database connection is lost in the middle of a page', async () => {
    const organizationId = newId('org');
    await record(manyEvents(organizationId, 100));
    await project();
    const [holder, admin] = [new pg.Client({ connectionString: at.url }), new pg.Client({ connectionString: at.url })];
    await Promise.all([holder.connect(), admin.connect()]);
    await holder.query('begin');
    await holder.query('lock table grant_last_used in exclusive mode');
    await record(manyEvents(organizationId, 100));
    const projections = startProjections({ db: at.db, projections: [usageProjection] });
    const waiting = `select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
      and query like '%with page as%'`;
    await until(async () => (await admin.query(waiting)).rowCount === 1);
    await admin.query(`select pg_terminate_backend(pid) from (${waiting}) w`);
    await holder.query('rollback');
    await until(() => allProjected(at.db, 'usage'));
    await projections.stop();
    await Promise.all([holder.end(), admin.end()]);
    expect(await tables(at.db, organizationId)).toEqual(await recount(organizationId));
  });

  test('is rebuilt equal, while readers see the old rows or the new ones', async () => {
    const organizationId = newId('org');
    await record(manyEvents(organizationId, 2500));
    await project();
    const before = await tables(at.db, organizationId);
    await at.db.worker.query('update usage_hourly set calls = calls + 7 where organization_id = $1', [organizationId]);
    const wrong = await tables(at.db, organizationId);
    const seen: Awaited<ReturnType<typeof tables>>[] = [];
    let done = false;
    const watching = (async () => {
      while (!done) seen.push(await tables(at.db, organizationId));
    })();
    const progress = await rebuild(at.db, usageProjection, () => undefined);
    done = true;
    await watching;
    expect(await tables(at.db, organizationId)).toEqual(before);
    expect(progress.organizations).toBe(progress.of);
    for (const one of seen) expect([wrong.hours, before.hours]).toContainEqual(one.hours);
    await record(manyEvents(organizationId, 10));
    await project();
    expect(await tables(at.db, organizationId)).toEqual(await recount(organizationId));
  });

  test('keeps the hours whose records retention has dropped when it is rebuilt', async () => {
    const organizationId = newId('org');
    const now = Date.now();
    const old = numbers(40).map((n) =>
      decided(organizationId, { time: new Date(now - 5 * 86_400_000 - n * 60_000).toISOString() }),
    );
    const recent = numbers(30).map((n) => decided(organizationId, { time: new Date(now - n * 60_000).toISOString() }));
    await record([...old, ...recent]);
    await project();
    const owner = new pg.Client({ connectionString: at.url });
    await owner.connect();
    await owner.query(`update audit_records set recorded_at = time where organization_id = $1`, [organizationId]);
    await owner.query('delete from audit_records where organization_id = $1 and seq <= 40', [organizationId]);
    await owner.end();
    const before = await tables(at.db, organizationId);
    await record([decided(organizationId, { time: new Date(now).toISOString() })]);
    await rebuild(at.db, usageProjection, () => undefined);
    const after = await tables(at.db, organizationId);
    const calls = (hours: Hours): number => Object.values(hours).reduce((sum, [count]) => sum + count, 0);
    expect([calls(before.hours), calls(after.hours)]).toEqual([70, 71]);
    await rebuild(at.db, usageProjection, () => undefined);
    expect(await tables(at.db, organizationId)).toEqual(after);
  });
});

describe('reading usage', () => {
  const hour = (n: number): Date => new Date(Date.UTC(2026, 10, 20, n));
  const read = (organizationId: string, request: Partial<UsageRequest>, as = organizationId) =>
    at.db.inOrganization(as, (tx) =>
      readUsage(tx, organizationId, { groupBy: [], interval: 'hour', from: hour(0), to: hour(48), ...request }),
    );

  test('sums by interval and by the groups asked for, in order, with the keys named as asked', async () => {
    const organizationId = newId('org');
    await record([
      decided(organizationId, { time: '2026-11-20T10:05:00Z', tool: 'list_issues' }),
      decided(organizationId, { time: '2026-11-20T10:59:59.999Z', tool: 'cancel_job', effect: 'deny' }),
      decided(organizationId, { time: '2026-11-20T10:00:00Z', tool: 'cancel_job' }),
      completed(organizationId, { time: '2026-11-20T10:00:01Z', status: 'timeout' }),
      completed(organizationId, { time: '2026-11-20T10:00:01Z', status: 'not_forwarded' }),
      decided(organizationId, { time: '2026-11-21T00:00:00Z', tool: null }),
      completed(organizationId, { time: '2026-11-21T00:00:01Z', tool: null, status: 'tool_error' }),
    ]);
    await project();
    const from = '2026-11-20T10:00:00.000Z';
    const next = '2026-11-21T00:00:00.000Z';
    expect(await read(organizationId, {})).toEqual([
      { from, calls: 3, completed: 0, failed: 1 },
      { from: next, calls: 1, completed: 1, failed: 0 },
    ]);
    expect(await read(organizationId, { groupBy: ['tool', 'effect'] })).toEqual([
      { from, tool: 'cancel_job', effect: 'allow', calls: 1, completed: 0, failed: 1 },
      { from, tool: 'cancel_job', effect: 'deny', calls: 1, completed: 0, failed: 0 },
      { from, tool: 'list_issues', effect: 'allow', calls: 1, completed: 0, failed: 0 },
      { from: next, tool: null, effect: 'allow', calls: 1, completed: 1, failed: 0 },
    ]);
    expect(await read(organizationId, { interval: 'day' })).toMatchObject([
      { from: '2026-11-20T00:00:00.000Z', calls: 3 },
      { from: next, calls: 1 },
    ]);
    expect(
      await read(organizationId, {
        from: new Date('2026-11-20T10:59:00Z'),
        to: hour(24),
        groupBy: ['grant', 'identity', 'server'],
      }),
    ).toEqual([
      {
        from,
        grant: 'grt_01h2xcejqtf2nbrexx3vqjhp41',
        identity: 'idn_01h2xcejqtf2nbrexx3vqjhp41',
        server: 'srv_01h2xcejqtf2nbrexx3vqjhp41',
        grantLabel: null,
        identityName: null,
        serverName: null,
        calls: 3,
        completed: 0,
        failed: 1,
      },
    ]);
    expect(await read(organizationId, {}, newId('org'))).toEqual([]);
  });

  test('refuses an answer of more than 10,000 items and a range that is empty or over 400 days', async () => {
    const organizationId = newId('org');
    await at.db.worker.query(
      `insert into usage_hourly(organization_id, hour, grant_id, identity_id, server_id, tool, effect, calls)
        select $1, '2026-11-20T00:00:00Z', '', '', '', 'tool_' || n, 'allow', 1 from generate_series(1, 10001) n`,
      [organizationId],
    );
    const service = new UsageService(new EventStore(at.db));
    const range = { from: '2026-11-20T00:00:00Z', to: '2026-11-20T01:00:00Z' };
    await expect(
      service.get({ organizationId, actor: { type: 'system', id: 'test' } }, { ...range, groupBy: ['tool'] }),
    ).rejects.toMatchObject({ code: 'invalid_body' });
    expect(await service.get({ organizationId, actor: { type: 'system', id: 'test' } }, range)).toEqual({
      items: [{ from: '2026-11-20T00:00:00.000Z', calls: 10_001, completed: 0, failed: 0 }],
    });
    await expect(
      service.get({ organizationId, actor: { type: 'system', id: 'test' } }, { from: range.to, to: range.from }),
    ).rejects.toMatchObject({ code: 'invalid_body' });
    await expect(
      service.get(
        { organizationId, actor: { type: 'system', id: 'test' } },
        { from: '2025-01-01T00:00:00Z', to: '2026-11-20T00:00:00Z' },
      ),
    ).rejects.toMatchObject({ code: 'invalid_body' });
  });
});
