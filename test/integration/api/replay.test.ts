import { describe, expect, vi } from 'vitest';
import { memberStream } from '../../../src/control-plane/accounts/members.store.js';
import { organizationStream } from '../../../src/control-plane/accounts/organizations.store.js';
import { approvalStream } from '../../../src/control-plane/approvals/approvals.store.js';
import { notificationsStreamOf } from '../../../src/control-plane/notifications/notifications.store.js';
import { ALARMS, APPROVALS } from '../../../src/control-plane/notifications/subjects.js';
import { logStreamStream } from '../../../src/record/log-streams/log-streams.store.js';
import type { ControlBody } from '../../../src/record/event-log/events/index.js';
import { replayOf, replayOrganization, type Replay } from '../../../src/record/event-store/replay.js';
import { grantStream } from '../../../src/control-plane/grants/grants.store.js';
import { identityStream } from '../../../src/control-plane/grants/identities.store.js';
import type { Tx } from '../../../src/platform/postgres/database.js';
import { policyStream } from '../../../src/control-plane/policies/policies.store.js';
import { serverStream } from '../../../src/control-plane/servers/servers.store.js';
import { productTest } from '../../support/product-test.js';
import { request } from '../../support/tenant.js';
import { allRecorded, until } from '../audit/audit-support.js';
import { liveThrough, type History } from './history.js';

/**
 * Every type of control event; the compiler asks for new ones here, and the history must make them. After the deletion
 * of an organization nothing is left to compare with, no self-check fails where nobody changes the record, and a
 * signing key changes with a new start.
 */
const TYPES: Readonly<
  Record<
    Exclude<ControlBody['type'], 'organization.deleted' | 'audit.selfCheckFailed' | 'audit.signingKeyChanged'>,
    true
  >
> = {
  'organization.created': true,
  'organization.disabled': true,
  'organization.enabled': true,
  'organization.deletionScheduled': true,
  'organization.deletionCancelled': true,
  'organization.exported': true,
  'member.joined': true,
  'member.roleChanged': true,
  'member.removed': true,
  'member.erased': true,
  'member.dataExported': true,
  'server.registered': true,
  'server.changed': true,
  'server.deleted': true,
  'tools.discovered': true,
  'tool.disabled': true,
  'tool.enabled': true,
  'tool.categoryOverruled': true,
  'tool.categoryRestored': true,
  'tool.changed': true,
  'tool.accepted': true,
  'policy.published': true,
  'policy.deleted': true,
  'identity.created': true,
  'identity.changed': true,
  'identity.disabled': true,
  'identity.enabled': true,
  'identity.deleted': true,
  'grant.issued': true,
  'grant.renewed': true,
  'grant.changed': true,
  'grant.disabled': true,
  'grant.enabled': true,
  'grant.rotated': true,
  'grant.revoked': true,
  'approval.requested': true,
  'approval.decided': true,
  'approval.expired': true,
  'approvalNotifications.changed': true,
  'notifications.changed': true,
  'logStream.created': true,
  'logStream.changed': true,
  'logStream.deleted': true,
  'logStream.paused': true,
  'logStream.resumed': true,
  'logStream.suspended': true,
  'logStream.secretRotated': true,
  'logStream.tested': true,
  'logStream.redriven': true,
  'logStream.backfillStarted': true,
  'logStream.backfillCancelled': true,
  'logStream.alarmRaised': true,
  'apiKey.issued': true,
  'apiKey.revoked': true,
  'invitation.sent': true,
  'invitation.withdrawn': true,
  'member.signedIn': true,
  'member.signedOut': true,
  'member.signInFailed': true,
  'member.passwordChanged': true,
  'member.secondFactorChanged': true,
  'member.passwordResetIssued': true,
  'session.ended': true,
  'session.restarted': true,
  'audit.read': true,
  'audit.exported': true,
};

const REPLAYS: Readonly<Record<string, Replay>> = {
  org: replayOf(organizationStream),
  usr: replayOf(memberStream),
  srv: replayOf(serverStream),
  pol: replayOf(policyStream),
  idn: replayOf(identityStream),
  grt: replayOf(grantStream),
  apr: replayOf(approvalStream),
  ntf: replayOf(notificationsStreamOf(APPROVALS)),
  nta: replayOf(notificationsStreamOf(ALARMS)),
  lst: replayOf(logStreamStream),
};
const STATE_TABLES = [
  'organizations',
  'members',
  'servers',
  'policies',
  'identities',
  'grants',
  'approvals',
  'approval_notifications',
  'alarm_notifications',
  'log_streams',
] as const;

/** Of the decisions on the calls of a history, so many allow. */
const DECISIONS = 12;
const OUTCOMES = 6;

const { test, toolgate } = productTest({ ALLOW_STDIO: process.execPath, STDIO_SANDBOX: 'off' });
let histories: readonly History[];
const logged: string[] = [];

test.beforeAll(async () => {
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => logged.push(String(chunk)) > 0);
  histories = await Promise.all([
    liveThrough(toolgate.url, 'First Organization'),
    liveThrough(toolgate.url, 'Second Organization'),
  ]);
  await putAStreamAhead();
  await until(
    async () =>
      (await relayed()) &&
      (await outcomes()) >= 2 * OUTCOMES &&
      (await allRecorded({ db: toolgate.db, eventLog: toolgate.toolgate.eventLog })),
  );
  stderr.mockRestore();
});

const query = async <T extends object>(statement: string, values: readonly unknown[] = []): Promise<readonly T[]> =>
  (await toolgate.db.worker.query<T>(statement, [...values])).rows;

/** As after the restoration of a backup: the stream is suspended. */
const putAStreamAhead = async (): Promise<void> => {
  await query(`update log_stream_cursors set next_seq = 1000000, retry_at = null where status = 'auth_error'`);
  await until(async () => (await query(`select 1 from log_streams where stopped = 'suspended'`)).length === 2);
};

const relayed = async (): Promise<boolean> => {
  const behind = await query(
    `select 1 from event_heads h left join relay_positions r using (organization_id)
      where h.position > coalesce(r.position, 0)`,
  );
  return behind.length === 0;
};

/** Outcomes are recorded after the client has its answer. */
const outcomes = async (): Promise<number> =>
  (
    await query<{ count: number }>(`select count(*)::int as count from audit_records where type = 'toolCall.completed'`)
  )[0]?.count ?? 0;

const rowsOf = async (tx: Tx, table: string): Promise<readonly string[]> =>
  (await tx.query<{ row: string }>(`select to_jsonb(t)::text as row from ${table} t order by row`)).rows.map(
    ({ row }) => row,
  );

const tables = async (tx: Tx): Promise<Readonly<Record<string, readonly string[]>>> => {
  const read: Record<string, readonly string[]> = {};
  for (const table of STATE_TABLES) read[table] = await rowsOf(tx, table);
  return read;
};

describe('the event store', () => {
  test('has seen every type of control event', async () => {
    const types = await query<{ type: string }>('select distinct type from events order by type');
    expect(types.map(({ type }) => type).sort()).toEqual(Object.keys(TYPES).sort());
  });

  test('replayed into empty tables gives the same rows', async () => {
    await toolgate.db.asWorker(async (tx) => {
      const before = await tables(tx);
      for (const [table, rows] of Object.entries(before)) expect(rows.length, table).toBeGreaterThan(1);
      for (const table of STATE_TABLES) await tx.query(`delete from ${table}`);
      for (const { organizationId } of histories) await replayOrganization(tx, organizationId, REPLAYS);
      expect(await tables(tx)).toEqual(before);
    });
  });

  test('replayed over rows that are there is refused', async () => {
    const replayed = toolgate.db.asWorker((tx) => replayOrganization(tx, histories[0]?.organizationId ?? '', REPLAYS));
    await expect(replayed).rejects.toThrow(/does not follow/);
  });

  test('numbers each stream and each organization densely from 1', async () => {
    const streams = await query<{ first: number; last: number; count: number }>(
      `select min(version) as first, max(version) as last, count(*) as count from events
        group by organization_id, stream_id`,
    );
    expect(streams.length).toBeGreaterThan(20);
    expect(streams.filter(({ first, last, count }) => first !== 1 || last !== count)).toEqual([]);
    const heads = await query<{ first: number; last: number; count: number; position: number }>(
      `select min(e.position) as first, max(e.position) as last, count(*) as count, h.position from event_heads h left
        join events e using (organization_id) group by h.organization_id, h.position`,
    );
    expect(heads).toHaveLength(2);
    expect(
      heads.filter(({ first, last, count, position }) => first !== 1 || last !== count || last !== position),
    ).toEqual([]);
  });

  test('is in the audit log whole, in its order, once each', async () => {
    const stored = await query('select organization_id, id, type from events order by organization_id, position');
    const recorded = await query(
      'select organization_id, id, type from audit_records where type = any($1) order by organization_id, seq',
      [Object.keys(TYPES)],
    );
    expect(recorded).toEqual(stored);
    const calls = await query<{ type: string; count: number }>(
      `select type, count(*) as count from audit_records where type like 'toolCall.%' group by type order by type`,
    );
    expect(calls).toEqual([
      { type: 'toolCall.completed', count: 2 * OUTCOMES },
      { type: 'toolCall.decided', count: 2 * DECISIONS },
    ]);
  });
});

describe('a secret', () => {
  const all = (): readonly string[] => histories.flatMap(({ secrets }) => secrets);
  const WITHOUT_DATA = ['schema_migrations'];

  /**
   * How many rows of a table hold a text in any column; bytes are compared in hexadecimal, as PostgreSQL writes them.
   */
  const hits = async (table: string, texts: readonly string[]): Promise<number> => {
    const patterns = texts.flatMap((text) => [`%${text}%`, `%${Buffer.from(text).toString('hex')}%`]);
    return (
      (
        await query<{ count: number }>(`select count(*)::int as count from ${table} t where t::text like any($1)`, [
          patterns,
        ])
      )[0]?.count ?? 0
    );
  };

  test('stands in no column of any table', async () => {
    expect(all().length).toBeGreaterThan(60);
    const names = await query<{ name: string }>(
      `select relname as name from pg_class where relnamespace = current_schema()::regnamespace
        and relkind in ('r', 'p') and not relispartition order by 1`,
    );
    const searched = names.map(({ name }) => name).filter((name) => !WITHOUT_DATA.includes(name));
    const found = await Promise.all(searched.map(async (table) => [table, await hits(table, all())] as const));
    expect(found.filter(([, count]) => count > 0)).toEqual([]);
    for (const table of ['organizations', 'events', 'audit_records'])
      expect(await hits(table, ['First Organization']), table).toBeGreaterThan(0);
  });

  test('stands in no event of the log', async () => {
    const log = JSON.stringify(await toolgate.log.events());
    expect(log).toContain('First Organization');
    expect(all().filter((secret) => log.includes(secret))).toEqual([]);
  });

  test('stands neither in the log lines nor in the metrics', async () => {
    const { body } = await request(`${toolgate.url}/metrics`, 'GET');
    const metrics = String(body['text']);
    expect(metrics).toContain('toolgate_decisions_total');
    const written = [...logged, metrics].join('\n');
    expect(all().filter((secret) => written.includes(secret))).toEqual([]);
    for (const { organizationId, words } of histories)
      expect([organizationId, ...words].filter((word) => metrics.includes(word))).toEqual([]);
  });
});
