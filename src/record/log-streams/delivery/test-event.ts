import { newId } from '../../../platform/crypto/ids.js';
import type { Format } from '../formats/format.js';
import { outgoingRecord } from '../formats/outgoing-record.js';
import type { Batch } from '../kind.js';

/** A batch of one marked event that is on no record: `seq` is 0, `type` is `logStream.test`. */
export const testBatch = (
  { organizationId, streamId }: Readonly<{ organizationId: string; streamId: string }>,
  { format, mappingVersion }: Readonly<{ format: Format; mappingVersion: string }>,
  now = new Date(),
): Batch => {
  const time = now.toISOString();
  const actor = { type: 'system', id: 'log-streams' };
  const event = { id: newId('evt'), type: 'logStream.test', version: 1, time, organizationId, actor, streamId };
  const stored = { seq: 0, recordedAt: now, event: Buffer.from(JSON.stringify({ ...event, test: true })) };
  const record = outgoingRecord(stored, true);
  return { id: newId('msg'), items: [{ record, text: format.format(record, mappingVersion) }] };
};
