import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '../../../src/platform/crypto/ids.js';
import { Database } from '../../../src/platform/postgres/database.js';
import type { Principal } from '../../../src/platform/rest/allowed.js';
import { AuditService } from '../../../src/record/audit/audit.service.js';
import { BEGINNING, type Place } from '../../../src/record/audit/records.js';
import { startAuditWriter } from '../../../src/record/audit/writer.js';
import { toEntry } from '../../../src/record/event-log/append.js';
import type { EventLog } from '../../../src/record/event-log/event-log.js';
import { TOPICS, type Topic } from '../../../src/record/event-log/events/index.js';
import { EventStore } from '../../../src/record/event-store/event-store.js';
import { readRecords } from '../../../src/record/log-streams/delivery/read-page.js';
import { decided, numbers, open, type Opened } from '../audit/audit-support.js';

const RECORDS = 1500;
const APPENDERS = 6;

let at: Opened;
let other: Database;
beforeAll(async () => {
  at = await open();
  other = new Database(at.url, { app: 1, worker: 4 });
});
afterAll(async () => {
  await other.close();
  await at.close();
});

/** The part of the log that one writer records. */
const only = (topic: Topic): EventLog => ({
  ...at.eventLog,
  subscribe: (reader) =>
    at.eventLog.subscribe({
      ...reader,
      position: async (...place) => (place[0] === topic ? reader.position(...place) : Number.MAX_SAFE_INTEGER),
    }),
});

/** What a log stream reads from the beginning on while others write: every seq, in the order in which it came. */
const readAsStream = async (organizationId: string, limit: number, filters = {}): Promise<readonly number[]> => {
  const seqs: number[] = [];
  for (let from: Place = BEGINNING; from.seq <= RECORDS;) {
    const read = { from, limit };
    const page = await at.db.asStreams((tx) => readRecords(tx, organizationId, filters, read));
    seqs.push(...page.events.map(({ seq }) => seq));
    from = page.next;
  }
  return seqs;
};

/** What a client reads by cursors. */
const readByCursor = async (organizationId: string, limit: number): Promise<readonly number[]> => {
  const audit = new AuditService(new EventStore(at.db));
  const principal: Principal = {
    organizationId,
    actor: { type: 'member', id: newId('usr') },
    role: 'auditor',
    authority: () => Promise.resolve('auditor'),
  };
  const seqs: number[] = [];
  for (let after: string | undefined; seqs.length < RECORDS;) {
    const page = await audit.list(principal, { limit, ...(after === undefined ? {} : { after }) });
    seqs.push(...page.items.map(({ seq }) => seq));
    after = page.nextCursor ?? after;
  }
  return seqs;
};

test('no cursor of a stream or a client skips a late record while several write to one log at once', async () => {
  const organizationId = newId('org');
  const writers = await Promise.all([
    startAuditWriter({ db: at.db, log: only('toolgate.decisions') }),
    startAuditWriter({ db: other, log: only('toolgate.control') }),
  ]);
  const append = async (appender: number): Promise<void> => {
    const topic = TOPICS[appender % 2] ?? 'toolgate.control';
    for (let count = 0; count < RECORDS / APPENDERS; count += 1)
      await at.eventLog.append(topic, toEntry(decided(organizationId)));
  };
  const reading = [
    readAsStream(organizationId, 7),
    readAsStream(organizationId, 500),
    readAsStream(organizationId, 500, { effect: ['allow', 'deny', 'hold'] }),
    readByCursor(organizationId, 9),
    readByCursor(organizationId, 200),
  ];
  await Promise.all(numbers(APPENDERS).map(append));
  for (const seqs of await Promise.all(reading)) expect(seqs).toEqual(numbers(RECORDS));
  await Promise.all(writers.map((writer) => writer.stop()));
});
