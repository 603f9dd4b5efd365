import { afterEach, beforeEach, expect, test } from 'vitest';
import type { EventLog, LogEntry } from '../../../src/event-log/event-log.js';
import { EventStore } from '../../../src/event-log/event-store.js';
import { startRelay } from '../../../src/event-log/relay.js';
import { newId } from '../../../src/platform/ids.js';
import { open, until, type Opened } from '../audit/audit-support.js';

let opened: Opened;
beforeEach(async () => {
  opened = await open();
});
afterEach(() => opened.close());

test("an organization whose events the log refuses does not keep the others' from it, and its own follow in order once it takes them", async () => {
  const store = new EventStore(opened.db);
  const organizations = Array.from({ length: 12 }, () => newId('org'));
  for (let round = 0; round < 2; round += 1) {
    for (const organizationId of organizations) await store.change({ organizationId, actor: { type: 'system', id: 'test' } }, (change) => change.notice('n', { type: 'audit.read', filters: [String(round)] }));
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
  expect(taken.filter(({ organizationId }) => organizationId === refused).map(({ filters }) => filters[0])).toEqual(['0', '1']);
  await relay.stop();
});
