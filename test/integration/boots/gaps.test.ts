import { afterAll, beforeAll, expect, test } from 'vitest';
import { giveBackUnmade } from '../../../src/control-plane/approvals/unmade-uses.js';
import { startAuditWriter, type AuditWriter } from '../../../src/record/audit/writer.js';
import { startHeartbeat } from '../../../src/record/crash-recovery/heartbeat.js';
import { startSweep } from '../../../src/record/crash-recovery/sweep.js';
import { toEntry } from '../../../src/record/event-log/append.js';
import type { Appended, HandleBatch } from '../../../src/record/event-log/event-log.js';
import { newId } from '../../../src/platform/crypto/ids.js';
import { allRecorded, append, decided, open, recordsOf, until, type Opened } from '../audit/audit-support.js';

type Event = Readonly<Record<string, unknown>>;

let at: Opened;
let writer: AuditWriter;
beforeAll(async () => {
  at = await open();
  writer = await startAuditWriter({ db: at.db, log: at.eventLog });
});
afterAll(async () => {
  await writer.stop();
  await at.close();
});

const ENVELOPE = ['id', 'time', 'version', 'organizationId', 'actor', 'type'];

const gapsOf = async (organizationId: string): Promise<readonly Event[]> =>
  (await recordsOf(at.db, organizationId))
    .map(({ event }) => JSON.parse(event.toString()) as Event)
    .filter((event) => event['type'] === 'audit.gap')
    .map((event) => Object.fromEntries(Object.entries(event).filter(([name]) => !ENVELOPE.includes(name))));

/** Decisions of one boot, one after another in the log. */
const record = async (
  organizationId: string,
  bootId: string,
  sequences: readonly (number | readonly [number, readonly number[]])[],
): Promise<void> => {
  for (const one of sequences) {
    const [sequence, abandoned] = typeof one === 'number' ? [one, undefined] : one;
    await append(at.eventLog, [
      decided(organizationId, { bootId, sequence, effect: 'deny', ...(abandoned ? { abandoned } : {}) }),
    ]);
  }
  await until(() => allRecorded(at));
};
const dead = (bootId: string): Promise<unknown> =>
  at.db.worker.query(
    `insert into gateway_boots(boot_id, last_seen, silent_ms) values ($1, now() - interval '31 seconds', 30000)`,
    [bootId],
  );
const isThere = async (bootId: string): Promise<boolean> =>
  (await at.db.worker.query('select 1 from gateway_boots where boot_id = $1', [bootId])).rowCount === 1;

const sweepUntil = async (condition: () => Promise<boolean>): Promise<void> => {
  const sweeps = [
    startSweep({ db: at.db, eventLog: at.eventLog, giveBackUnmade }),
    startSweep({ db: at.db, eventLog: at.eventLog, giveBackUnmade }),
  ];
  await until(condition).finally(() => Promise.all(sweeps.map((sweep) => sweep.stop())));
  await until(() => allRecorded(at));
};

test(
  'what a boot numbered and neither recorded nor gave up is a gap when the boot is over, once, in ' +
    'each organization its own; late and given-up numbers are none',
  async () => {
    const [left, right, bootId] = [newId('org'), newId('org'), newId('boot')];
    await record(left, bootId, [1, 2, 5, [8, [6]], 4, 12]);
    await record(right, bootId, [1, 2, 3]);
    await dead(bootId);
    await sweepUntil(async () => !(await isThere(bootId)));
    const gap = (from: number, to: number): Event => ({ reason: 'decisions_missing', bootId, from, to });
    expect(await gapsOf(left)).toEqual([gap(3, 3), gap(7, 7), gap(9, 11)]);
    expect(await gapsOf(right)).toEqual([]);

    // It was only slow, and goes on; then it dies for good.
    await record(left, bootId, [10, 13, 15]);
    await dead(bootId);
    await sweepUntil(async () => !(await isThere(bootId)));
    expect(await gapsOf(left)).toEqual([gap(3, 3), gap(7, 7), gap(9, 11), gap(14, 14)]);
  },
);

test(
  'a number that has been missing for ten minutes is a gap although its gateway lives, and a ' +
    'younger one is not yet',
  async () => {
    const [organizationId, bootId] = [newId('org'), newId('boot')];
    await record(organizationId, bootId, [1, 3]);
    await at.db.worker.query(
      `update audit_heads set numbering = jsonb_set(numbering, array[$2, 'missing', '0', '2'], to_jsonb((extract(epoch
      from now()) * 1000)::bigint - 601000)), missing_since = now() - interval '601 seconds'
     where organization_id = $1`,
      [organizationId, bootId],
    );
    await record(organizationId, bootId, [6]);
    await sweepUntil(async () => (await gapsOf(organizationId)).length > 0);
    expect(await gapsOf(organizationId)).toEqual([{ reason: 'decisions_missing', bootId, from: 2, to: 2 }]);
    const { rows } = await at.db.worker.query<{ missing: unknown; since: Date }>(
      `select numbering -> $2 -> 'missing' as missing, missing_since as since from audit_heads
      where organization_id = $1`,
      [organizationId, bootId],
    );
    expect(rows[0]?.missing).toEqual([[4, 5, rows[0]?.since.getTime()]]);
  },
);

test(
  'a gateway that was counted as dead and lives is numbered on a week later without a gap, and is ' +
    'forgotten a week after its end',
  async () => {
    const [organizationId, bootId] = [newId('org'), newId('boot')];
    const sweepAnother = async (): Promise<void> => {
      const other = newId('boot');
      await record(organizationId, other, [1]);
      await dead(other);
      await sweepUntil(async () => !(await isThere(other)));
    };
    const aWeekLater = (): Promise<unknown> =>
      at.db.worker.query(
        `update audit_heads set numbering = jsonb_set(numbering, array[$2, 'closedMs'], to_jsonb((extract(epoch
        from now() - interval '8 days') * 1000)::bigint)) where organization_id = $1`,
        [organizationId, bootId],
      );
    const numbersOf = async (): Promise<unknown> =>
      (
        await at.db.worker.query<{ of: unknown }>(
          'select numbering -> $2 as of from audit_heads where organization_id = $1',
          [organizationId, bootId],
        )
      ).rows[0]?.of;

    await record(organizationId, bootId, [1, 2, 3]);
    await dead(bootId);
    await sweepUntil(async () => !(await isThere(bootId)));
    const heartbeat = await startHeartbeat(at.db, {
      bootId,
      open: { since: () => undefined, advance: () => undefined },
      maxStalenessMs: 15_000,
    });
    await aWeekLater();
    await sweepAnother();
    await record(organizationId, bootId, [4, 5]);
    expect(await numbersOf()).toMatchObject({ next: 6, missing: [] });
    await heartbeat.stop();
    await at.db.worker.query(`update gateway_boots set last_seen = now() - interval '31 seconds' where boot_id = $1`, [
      bootId,
    ]);
    await sweepUntil(async () => !(await isThere(bootId)));
    expect(await gapsOf(organizationId)).toEqual([]);

    await aWeekLater();
    await sweepAnother();
    expect(await numbersOf()).toBeNull();
  },
);

test(
  'records that the log lost before they were recorded are a gap in every audit log that they may ' +
    'have belonged to, before anything is recorded behind them',
  async () => {
    const [organizationId, elsewhere] = [newId('org'), newId('org')];
    await append(at.eventLog, [decided(organizationId), decided(elsewhere)]);
    await until(() => allRecorded(at));
    await writer.stop();
    const events = [decided(organizationId), decided(organizationId), decided(organizationId)];
    const places: Appended[] = [];
    for (const event of events) places.push(await at.eventLog.append('toolgate.decisions', toEntry(event)));
    const [first, second] = places as [Appended, Appended];
    await at.log.lose('toolgate.decisions', first.partition, first.offset, second.offset);
    writer = await startAuditWriter({ db: at.db, log: at.eventLog });
    await until(() => allRecorded(at));
    const gap = {
      reason: 'log_records_lost',
      topic: 'toolgate.decisions',
      partition: first.partition,
      from: first.offset,
      to: second.offset,
    };
    expect(await gapsOf(organizationId)).toEqual([gap]);
    const { partition } = await at.eventLog.append('toolgate.decisions', toEntry(decided(elsewhere)));
    expect(await gapsOf(elsewhere)).toEqual(partition === first.partition ? [gap] : []);
    expect(writer.lost()).toBe(2);
    expect((await recordsOf(at.db, organizationId)).map(({ id }) => id)).toContain(events[2]?.id);
  },
);

test(
  'what another writer recorded before the log let it go is no gap to one that stood behind it, and ' +
    'what nobody recorded still is',
  async () => {
    const organizationId = newId('org');
    const put = async (count: number): Promise<readonly Appended[]> => {
      const places: Appended[] = [];
      for (let left = count; left > 0; left -= 1)
        places.push(await at.eventLog.append('toolgate.decisions', toEntry(decided(organizationId))));
      return places;
    };
    let handle: HandleBatch | undefined;
    const behind = await startAuditWriter({
      db: at.db,
      log: { ...at.eventLog, subscribe: async (reader) => ((handle = reader.handle), at.eventLog.subscribe(reader)) },
    });
    /** As Kafka delivers to a reader whose position is no longer in the log: from the oldest record on. */
    const deliver = async ({ partition, offset }: Appended): Promise<void> => {
      const records = await at.eventLog.read('toolgate.decisions', partition, offset, 1000);
      await handle?.({
        topic: 'toolgate.decisions',
        partition,
        from: offset,
        next: (records.at(-1)?.offset ?? offset) + 1,
        records,
      });
    };
    await put(2);
    await until(() => allRecorded(at));
    await behind.stop();
    const [first, second, third] = (await put(4)) as [Appended, Appended, Appended];
    await until(() => allRecorded(at));
    await writer.stop();
    await at.log.lose('toolgate.decisions', first.partition, first.offset, second.offset);
    await put(3);
    await deliver(third);
    expect(behind.lost()).toBe(0);
    const [fourth, , , last] = (await put(4)) as [Appended, Appended, Appended, Appended];
    await at.log.lose('toolgate.decisions', last.partition, fourth.offset, last.offset - 1);
    await deliver(last);
    expect(behind.lost()).toBe(3);
    writer = await startAuditWriter({ db: at.db, log: at.eventLog });
    await until(() => allRecorded(at));
    expect(await gapsOf(organizationId)).toEqual([
      {
        reason: 'log_records_lost',
        topic: 'toolgate.decisions',
        partition: last.partition,
        from: fourth.offset,
        to: last.offset - 1,
      },
    ]);
    expect((await recordsOf(at.db, organizationId)).map(({ seq }) => seq)).toEqual(
      Array.from({ length: 11 }, (_, index) => index + 1),
    );
  },
);
