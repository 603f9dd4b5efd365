import { toEntry } from '../event-log/append.js';
import type { EventLog } from '../event-log/event-log.js';
import type { RecordBody, RecordEvent, Topic } from '../event-log/events/index.js';
import { partitionOf } from '../event-log/partition.js';
import type { Database } from '../../platform/postgres/database.js';
import { derivedId } from '../../platform/crypto/ids.js';

type Gap = Extract<RecordBody, { type: 'audit.gap' }>;

/**
 * Puts gaps on record. The same gap always has the same id, so that it is there once, whoever reports it and however
 * often.
 */
export const appendGaps = async (eventLog: EventLog, organizationId: string, gaps: readonly Gap[]): Promise<void> => {
  const time = new Date().toISOString();
  const events = gaps.map((gap): RecordEvent => ({
    id: derivedId('evt', JSON.stringify([organizationId, gap])),
    version: 1,
    time,
    organizationId,
    actor: { type: 'system', id: 'projector' },
    ...gap,
  }));
  await Promise.all(events.map((event) => eventLog.append('toolgate.control', toEntry(event))));
};

/**
 * Tells every organization whose records lie in a partition which of its records the log lost before they were
 * recorded: whose they were is not known any longer.
 */
export const reportLost = async (
  parts: Readonly<{ db: Database; log: EventLog }>,
  lost: Readonly<{ topic: Topic; partition: number; from: number; to: number }>,
): Promise<void> => {
  const partitions = (await parts.log.ends(lost.topic)).length;
  const { rows } = await parts.db.worker.query<{ id: string }>(
    'select organization_id as id from event_heads union select organization_id from audit_heads',
  );
  const affected = rows.filter(({ id }) => partitionOf(id, partitions) === lost.partition);
  await Promise.all(
    affected.map(({ id }) => appendGaps(parts.log, id, [{ type: 'audit.gap', reason: 'log_records_lost', ...lost }])),
  );
};
