import { toEntry } from '../../../src/record/event-log/append.js';
import type { EventLog } from '../../../src/record/event-log/event-log.js';
import {
  TOPICS,
  type ToolCallCompleted,
  type ToolCallDecided,
  type ToolgateEvent,
} from '../../../src/record/event-log/events/index.js';
import { Database } from '../../../src/platform/postgres/database.js';
import { newId } from '../../../src/platform/crypto/ids.js';
import { unrecorded } from '../../../src/record/audit/unrecorded.js';
import { testDatabase } from '../../support/database.js';
import { testLog, type TestLog } from '../../support/test-log.js';

export type Opened = Readonly<{
  url: string;
  db: Database;
  log: TestLog;
  eventLog: EventLog;
  close: () => Promise<void>;
}>;

/** A database of its own and the event log in it. */
export const open = async (): Promise<Opened> => {
  const database = await testDatabase();
  const db = new Database(database.url, { app: 4, worker: 8 });
  const log = await testLog(database.url);
  const eventLog = await log.open(db.worker);
  return {
    url: database.url,
    db,
    log,
    eventLog,
    close: async () => {
      await eventLog.close();
      await db.close();
      await log.drop();
      await database.drop();
    },
  };
};

/** Waits until the condition holds; fails after half a minute. */
export const until = async (condition: () => Promise<boolean> | boolean): Promise<void> => {
  const end = Date.now() + 30_000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error('it did not happen in half a minute');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};

export const decided = (organizationId: string, change: Partial<ToolCallDecided> = {}): ToolCallDecided => ({
  id: newId('evt'),
  type: 'toolCall.decided',
  version: 1,
  time: new Date().toISOString(),
  organizationId,
  callId: newId('call'),
  requestId: 1,
  sessionId: null,
  traceId: null,
  method: 'tools/call',
  protocolVersion: '2025-06-18',
  grantId: 'grt_01h2xcejqtf2nbrexx3vqjhp41',
  identityId: 'idn_01h2xcejqtf2nbrexx3vqjhp41',
  identityName: 'deploy-bot',
  serverId: 'srv_01h2xcejqtf2nbrexx3vqjhp41',
  serverName: 'GitLab',
  tool: 'cancel_job',
  definitionHash: null,
  policyId: 'pol_01h2xcejqtf2nbrexx3vqjhp41',
  policyVersion: 1,
  mode: 'enforce',
  effect: 'allow',
  code: 'allowed',
  rule: '/tools/cancel_job',
  reason: 'allowed by /tools/cancel_job',
  reserved: [],
  argumentKeys: ['job_id'],
  argumentsDigest: null,
  bootId: 'boot_01h2xcejqtf2nbrexx3vqjhp41',
  sequence: 1,
  client: { name: 'claude' },
  sourceIp: '127.0.0.1',
  decisionMicros: 3,
  ...change,
});

export const completed = (organizationId: string, change: Partial<ToolCallCompleted> = {}): ToolCallCompleted => ({
  id: newId('evt'),
  type: 'toolCall.completed',
  version: 1,
  time: new Date().toISOString(),
  organizationId,
  callId: newId('call'),
  grantId: 'grt_01h2xcejqtf2nbrexx3vqjhp41',
  identityId: 'idn_01h2xcejqtf2nbrexx3vqjhp41',
  serverId: 'srv_01h2xcejqtf2nbrexx3vqjhp41',
  tool: 'cancel_job',
  status: 'ok',
  upstreamStatus: 200,
  durationMs: 12,
  responseBytes: 100,
  ...change,
});

export const append = async (eventLog: EventLog, events: readonly ToolgateEvent[]): Promise<void> => {
  await Promise.all(events.map((event) => eventLog.append('toolgate.decisions', toEntry(event))));
};

export type Recorded = Readonly<{ seq: number; recorded_at: Date; id: string; event: Buffer }>;

export const recordsOf = async (db: Database, organizationId: string): Promise<readonly Recorded[]> =>
  (
    await db.worker.query<Recorded>(
      'select seq, recorded_at, id, event from audit_records where organization_id = $1 order by seq',
      [organizationId],
    )
  ).rows;

/** True when nothing in the log waits to be recorded. */
export const allRecorded = async ({
  db,
  eventLog,
}: Readonly<{ db: Database; eventLog: EventLog }>): Promise<boolean> => {
  for (const topic of TOPICS) if ((await unrecorded(db, topic, await eventLog.ends(topic))) > 0) return false;
  return true;
};

/** True when every projection of every organization has caught up with what is recorded. */
export const allProjected = async (db: Database, projection: string): Promise<boolean> => {
  const { rows } = await db.worker.query<{ behind: number }>(
    `select count(*)::int as behind from audit_heads h left join projection_positions p on p.projection = $1
      and p.organization_id = h.organization_id where h.next_seq > coalesce(p.next_seq, 1)`,
    [projection],
  );
  return rows[0]?.behind === 0;
};

export const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index + 1);
