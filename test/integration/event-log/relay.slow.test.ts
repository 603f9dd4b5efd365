import { createHash } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { EventLog, LogEntry } from '../../../src/record/event-log/event-log.js';
import { EventStore, MAX_EVENT_BYTES, readEvents } from '../../../src/record/event-store/event-store.js';
import { startRelay } from '../../../src/record/event-store/relay.js';
import { GroupCommitError } from '../../../src/platform/postgres/group-commit.js';
import { newId } from '../../../src/platform/crypto/ids.js';
import { numbers, open, until, type Opened } from '../audit/audit-support.js';

let opened: Opened;
beforeEach(async () => {
  opened = await open();
});
afterEach(() => opened.close());

test(
  "an organization whose events the log refuses does not keep the others' from it, and its own " +
    'follow in order once it takes them',
  async () => {
    const store = new EventStore(opened.db);
    const organizations = Array.from({ length: 12 }, () => newId('org'));
    for (let round = 0; round < 2; round += 1) {
      for (const organizationId of organizations)
        await store.change({ organizationId, actor: { type: 'system', id: 'test' } }, (change) =>
          change.appendFact('n', { type: 'audit.read', filters: [String(round)] }),
        );
    }
    const refused = organizations[3];
    let refusing = true;
    const taken: { organizationId: string; filters: string[] }[] = [];
    const append = (_topic: string, entry: LogEntry): Promise<{ partition: number; offset: number }> => {
      if (refusing && entry.key === refused) return Promise.reject(new Error('too large'));
      taken.push(JSON.parse(entry.value.toString()) as { organizationId: string; filters: string[] });
      return Promise.resolve({ partition: 0, offset: 0 });
    };
    const relay = startRelay(opened.db, { append } as unknown as EventLog);
    await until(() => taken.length === 22);
    expect(new Set(taken.map(({ organizationId }) => organizationId)).size).toBe(11);
    refusing = false;
    await until(() => taken.length === 24);
    expect(taken.filter(({ organizationId }) => organizationId === refused).map(({ filters }) => filters[0])).toEqual([
      '0',
      '1',
    ]);
    await relay.stop();
  },
);

/** An organization with so many control events that none was relayed of, each with its number. */
const behind = async (count: number): Promise<string> => {
  const organizationId = newId('org');
  await new EventStore(opened.db).change({ organizationId, actor: { type: 'system', id: 'test' } }, async (change) => {
    for (const n of numbers(count)) await change.appendFact('n', { type: 'audit.read', filters: [String(n)] });
  });
  return organizationId;
};
const positionOf = async (organizationId: string): Promise<number> =>
  (
    await opened.db.worker.query<{ position: number }>(
      'select position from relay_positions where organization_id = $1',
      [organizationId],
    )
  ).rows[0]?.position ?? 0;

test(
  'a log that takes its time gets every event once, and what it took is kept before all of them are ' + 'through',
  async () => {
    const organizationId = await behind(200);
    const taken: string[] = [];
    let ms = 400;
    const append = async (_topic: string, entry: LogEntry): Promise<{ partition: number; offset: number }> => {
      await new Promise((resolve) => setTimeout(resolve, ms));
      taken.push((JSON.parse(entry.value.toString()) as { filters: [string] }).filters[0]);
      return { partition: 0, offset: 0 };
    };
    const relay = startRelay(opened.db, { append } as unknown as EventLog);
    await expect.poll(() => positionOf(organizationId), { timeout: 10_000 }).toBeGreaterThan(0);
    expect(taken.length).toBeLessThan(20);
    ms = 0;
    await expect.poll(() => positionOf(organizationId)).toBe(200);
    await relay.stop();
    expect(taken).toEqual(numbers(200).map(String));
  },
);

test('an append that fails costs none of those before it a second one', async () => {
  const organizationId = await behind(150);
  const tries: string[] = [];
  let refusing = true;
  const append = (_topic: string, entry: LogEntry): Promise<{ partition: number; offset: number }> => {
    const [n] = (JSON.parse(entry.value.toString()) as { filters: [string] }).filters;
    tries.push(n);
    return refusing && n === '100'
      ? Promise.reject(new Error('too large'))
      : Promise.resolve({ partition: 0, offset: 0 });
  };
  const relay = startRelay(opened.db, { append } as unknown as EventLog);
  await expect.poll(() => positionOf(organizationId)).toBe(99);
  refusing = false;
  await expect.poll(() => positionOf(organizationId)).toBe(150);
  await relay.stop();
  expect(tries.filter((n) => n !== '100')).toEqual(
    numbers(150)
      .filter((n) => n !== 100)
      .map(String),
  );
});

test(
  'an event that the log refuses for itself is replaced in its place by a gap that names it and its ' +
    'hash, and the next ones follow',
  async () => {
    const organizationId = await behind(3);
    const taken: Record<string, unknown>[] = [];
    const append = (_topic: string, entry: LogEntry): Promise<{ partition: number; offset: number }> => {
      const event = JSON.parse(entry.value.toString()) as Record<string, unknown>;
      if ((event['filters'] as string[] | undefined)?.[0] === '2')
        return Promise.reject(new GroupCommitError('refused', 'MESSAGE_TOO_LARGE'));
      taken.push(event);
      return Promise.resolve({ partition: 0, offset: 0 });
    };
    const relay = startRelay(opened.db, { append } as unknown as EventLog);
    await expect.poll(() => positionOf(organizationId)).toBe(3);
    await relay.stop();
    const { rows } = await opened.db.worker.query<{ event: Record<string, unknown> }>(
      'select event from events where organization_id = $1 and position = 2',
      [organizationId],
    );
    const refused = JSON.stringify(rows[0]?.event);
    expect(taken.map(({ type }) => type)).toEqual(['audit.read', 'audit.gap', 'audit.read']);
    expect(taken[1]).toMatchObject({
      organizationId,
      reason: 'event_refused',
      eventId: rows[0]?.event['id'],
      eventType: 'audit.read',
      position: 2,
      bytes: refused.length,
      sha256: createHash('sha256').update(refused).digest('hex'),
    });
  },
);

test('an event that is too long for the log is refused when it is made, and nothing of its change stays', async () => {
  const store = new EventStore(opened.db);
  const [organizationId, actor] = [newId('org'), { type: 'system', id: 'test' } as const];
  const made = store.change({ organizationId, actor }, async (change) => {
    await change.appendFact('n', { type: 'audit.read', filters: ['first'] });
    await change.appendFact('n', { type: 'audit.read', filters: ['é'.repeat(MAX_EVENT_BYTES / 2)] });
  });
  await expect(made).rejects.toMatchObject({ code: 'too_large' });
  expect(
    (await opened.db.worker.query('select 1 from events where organization_id = $1', [organizationId])).rowCount,
  ).toBe(0);
});

test('large events are read a few at a time, each once and in order', async () => {
  const organizationId = newId('org');
  const store = new EventStore(opened.db);
  for (const n of numbers(3))
    await store.change({ organizationId, actor: { type: 'system', id: 'test' } }, (change) =>
      change.appendFact('n', { type: 'audit.read', filters: [String(n), 'x'.repeat(9 * 2 ** 20)] }),
    );
  const read = (position: number): Promise<readonly number[]> =>
    store.read(organizationId, async (tx) =>
      (await readEvents(tx, organizationId, position, 1000)).map((event) => event.position),
    );
  expect([await read(0), await read(2), await read(3)]).toEqual([[1, 2], [3], []]);
});
