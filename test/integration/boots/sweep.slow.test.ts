import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { giveBackUnmade } from '../../../src/control-plane/approvals/unmade-uses.js';
import { startAuditWriter, type AuditWriter } from '../../../src/record/audit/writer.js';
import { startHeartbeat } from '../../../src/record/crash-recovery/heartbeat.js';
import { startSweep } from '../../../src/record/crash-recovery/sweep.js';
import { OpenCalls } from '../../../src/data-plane/enforcement/open-calls.js';
import type { ToolCallDecided } from '../../../src/record/event-log/events/index.js';
import { outcomeId } from '../../../src/record/event-log/outcome-id.js';
import { newId } from '../../../src/platform/crypto/ids.js';
import { startProjections } from '../../../src/record/usage/run.js';
import { usageProjection } from '../../../src/record/usage/usage.projection.js';
import {
  allProjected,
  allRecorded,
  append,
  completed,
  decided,
  open,
  recordsOf,
  until,
  type Opened,
} from '../audit/audit-support.js';

type Event = Readonly<Record<string, unknown>>;

let at: Opened;
let writer: AuditWriter | undefined;
beforeAll(async () => {
  at = await open();
  writer = await startAuditWriter({ db: at.db, log: at.eventLog });
});
afterAll(async () => {
  await writer?.stop();
  await at.close();
});

const row = (bootId: string, seenSecondsAgo: number, openSecondsAgo = seenSecondsAgo + 60): Promise<unknown> =>
  at.db.worker.query(
    `insert into gateway_boots(boot_id, last_seen, open_since, silent_ms)
      values ($1, now() - make_interval(secs => $2), now() - make_interval(secs => $3), 30000)`,
    [bootId, seenSecondsAgo, openSecondsAgo],
  );
const isThere = async (bootId: string): Promise<boolean> =>
  (await at.db.worker.query('select 1 from gateway_boots where boot_id = $1', [bootId])).rowCount === 1;
const outcomesOf = async (organizationId: string): Promise<readonly Event[]> =>
  (await recordsOf(at.db, organizationId))
    .map(({ event }) => JSON.parse(event.toString()) as Event)
    .filter((event) => event['type'] === 'toolCall.completed');
const allowed = (
  organizationId: string,
  bootId: string,
  count: number,
  change: Partial<ToolCallDecided> = {},
): readonly ToolCallDecided[] =>
  Array.from({ length: count }, (_, index) => decided(organizationId, { bootId, sequence: index + 1, ...change }));
const ended = (call: ToolCallDecided) =>
  completed(call.organizationId, { id: outcomeId(call.callId), callId: call.callId });

const sweepUntil = async (condition: () => Promise<boolean>, sweepers = 1): Promise<void> => {
  const sweeps = Array.from({ length: sweepers }, () =>
    startSweep({ db: at.db, eventLog: at.eventLog, giveBackUnmade }),
  );
  await until(condition).finally(() => Promise.all(sweeps.map((sweep) => sweep.stop())));
};

test(
  'each allowed call of a dead boot that has no outcome gets one, unknown, and no other call does, ' +
    'whatever it holds',
  async () => {
    const [organizationId, other, dead, living] = [newId('org'), newId('org'), newId('boot'), newId('boot')];
    await Promise.all([row(dead, 31), row(living, 2)]);
    const open = [
      ...allowed(organizationId, dead, 3, {
        tool: 'lange_\u0000_name'.repeat(40),
        requestId: `","bootId":"${living}"`,
      }),
      ...allowed(other, dead, 2),
    ];
    const done = allowed(organizationId, dead, 1200);
    await append(at.eventLog, [
      ...done,
      ...open,
      ...done.map(ended),
      ...allowed(organizationId, living, 5, { requestId: `"bootId":"${dead}"` }),
      ...allowed(organizationId, dead, 4, { effect: 'deny' }),
    ]);
    await sweepUntil(async () => !(await isThere(dead)));
    const unknown = [...(await outcomesOf(organizationId)), ...(await outcomesOf(other))].filter(
      (event) => event['status'] === 'unknown',
    );
    expect(unknown.map((event) => event['callId']).sort()).toEqual(open.map(({ callId }) => callId).sort());
    const { grantId, identityId, serverId, tool } = open[0] ?? {};
    expect(unknown.find((event) => event['callId'] === open[0]?.callId)).toMatchObject({
      id: outcomeId(open[0]?.callId ?? ''),
      organizationId,
      grantId,
      identityId,
      serverId,
      tool,
      upstreamStatus: null,
      responseBytes: 0,
    });
    expect(await isThere(living)).toBe(true);
  },
);

test(
  'several sweepers, and the outcome itself when it comes late, make one record of it, and usage ' + 'counts it once',
  async () => {
    const [organizationId, bootId] = [newId('org'), newId('boot')];
    await row(bootId, 31);
    const calls = allowed(organizationId, bootId, 40);
    await append(at.eventLog, calls);
    await sweepUntil(async () => !(await isThere(bootId)), 3);
    await append(at.eventLog, calls.map(ended));
    await row(bootId, 31);
    await sweepUntil(async () => !(await isThere(bootId)), 2);
    await until(() => allRecorded(at));
    const outcomes = await outcomesOf(organizationId);
    expect(outcomes.map((event) => event['callId']).sort()).toEqual(calls.map(({ callId }) => callId).sort());
    expect(new Set(outcomes.map((event) => event['status']))).toEqual(new Set(['unknown']));
    const projections = startProjections({ db: at.db, projections: [usageProjection] });
    await until(() => allProjected(at.db, 'usage'));
    await projections.stop();
    const { rows } = await at.db.worker.query(
      `select sum(calls)::int as calls, sum(completed)::int as completed, sum(failed)::int as failed from usage_hourly
      where organization_id = $1`,
      [organizationId],
    );
    expect(rows).toEqual([{ calls: 40, completed: 0, failed: 40 }]);
  },
);

test('nothing is called unknown before all that was in the log is recorded', async () => {
  const [organizationId, bootId] = [newId('org'), newId('boot')];
  await writer?.stop();
  const calls = allowed(organizationId, bootId, 20);
  await append(at.eventLog, [...calls, ...calls.map(ended)]);
  await row(bootId, 31);
  const sweep = startSweep({ db: at.db, eventLog: at.eventLog, giveBackUnmade });
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect(await isThere(bootId)).toBe(true);
  writer = await startAuditWriter({ db: at.db, log: at.eventLog });
  await until(async () => !(await isThere(bootId)));
  await sweep.stop();
  expect((await outcomesOf(organizationId)).map((event) => event['status'])).toEqual(calls.map(() => 'ok'));
});

test(
  'a heartbeat says how far back a call may be open, is late when it was not acknowledged for as ' +
    'long as told, and comes back after its boot was swept',
  async () => {
    const bootId = newId('boot');
    const calls = new OpenCalls();
    vi.useFakeTimers({ toFake: ['performance'] });
    const heartbeat = await startHeartbeat(at.db, { bootId, open: calls, maxStalenessMs: 20_000 });
    const seen = async (): Promise<Readonly<{ silent_ms: number; stopped: boolean; open: boolean }>> =>
      (
        await at.db.worker.query<{ silent_ms: number; stopped: boolean; open: boolean }>(
          `select silent_ms, stopped, open_since <= last_seen as open from gateway_boots where boot_id = $1`,
          [bootId],
        )
      ).rows[0] ?? { silent_ms: 0, stopped: true, open: false };
    try {
      expect(await seen()).toEqual({ silent_ms: 35_000, stopped: false, open: true });
      expect(heartbeat.isLate()).toBe(false);
      vi.advanceTimersByTime(20_001);
      expect(heartbeat.isLate()).toBe(true);
      await at.db.worker.query('delete from gateway_boots where boot_id = $1', [bootId]);
      await heartbeat.stop();
      expect(await seen()).toEqual({ silent_ms: 35_000, stopped: true, open: true });
      expect(heartbeat.isLate()).toBe(false);
    } finally {
      vi.useRealTimers();
    }
  },
);

test(
  'a heartbeat is late when its machine was suspended for that long, although the monotonic clock ' + 'stood still',
  async () => {
    const heartbeat = await startHeartbeat(at.db, {
      bootId: newId('boot'),
      open: new OpenCalls(),
      maxStalenessMs: 20_000,
    });
    try {
      const now = Date.now();
      vi.useFakeTimers({ toFake: ['Date'], now: now + 21_000 });
      expect(heartbeat.isLate()).toBe(true);
      vi.setSystemTime(now - 3_600_000);
      expect(heartbeat.isLate()).toBe(false);
    } finally {
      vi.useRealTimers();
      await heartbeat.stop();
    }
  },
);

test(
  'calls of an organization whose outcomes are not taken keep no other calls, and no other boot, ' +
    'from being closed',
  async () => {
    const [stuck, other, bootId, another] = [newId('org'), newId('org'), newId('boot'), newId('boot')];
    await row(bootId, 40);
    await row(another, 31);
    await append(at.eventLog, [...allowed(stuck, bootId, 1500), ...allowed(other, bootId, 20)]);
    await until(() => allRecorded(at));
    const eventLog: typeof at.eventLog = {
      ...at.eventLog,
      append: (topic, entry) =>
        entry.key === stuck ? Promise.reject(new Error('not taken')) : at.eventLog.append(topic, entry),
    };
    const sweep = startSweep({ db: at.db, eventLog, giveBackUnmade });
    await until(async () => (await outcomesOf(other)).length === 20 && !(await isThere(another)));
    await sweep.stop();
    expect(await isThere(bootId)).toBe(true);
    await sweepUntil(async () => !(await isThere(bootId)));
  },
);
