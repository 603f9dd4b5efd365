import { newId } from '../../../platform/crypto/ids.js';
import type { Format } from '../formats/format.js';
import { outgoingRecord } from '../formats/outgoing-record.js';
import type { Batch, SendResult } from '../kind.js';
import { MAX_RECORDS, nextStep, type Effort, type NextStep } from './next-step.js';

/**
 * A batch of one event that is on no record (`seq` is 0): while there is nothing to send, it says that the stream lives
 * and up to which `seq` it has sent everything (`lastSeq`).
 */
export const heartbeatBatch = (
  { organizationId, streamId }: Readonly<{ organizationId: string; streamId: string }>,
  { format, mappingVersion }: Readonly<{ format: Format; mappingVersion: string }>,
  { lastSeq, now }: Readonly<{ lastSeq: number; now: Date }>,
): Batch => {
  const about = { organizationId, actor: { type: 'system', id: 'log-streams' }, streamId, lastSeq };
  const event = { id: newId('evt'), type: 'logStream.heartbeat', version: 1, time: now.toISOString(), ...about };
  const record = outgoingRecord({ seq: 0, recordedAt: now, event: Buffer.from(JSON.stringify(event)) });
  return { id: newId('msg'), items: [{ record, text: format.format(record, mappingVersion) }] };
};

/**
 * What follows from a heartbeat that failed: no record is at fault, so none is looked for. Undefined when the receiver
 * answered, if only to refuse it.
 */
export const afterHeartbeat = (result: SendResult, effort: Effort, now: number): NextStep | undefined => {
  if (result.outcome !== 'retry' && result.outcome !== 'auth_error') return undefined;
  const failed = result.outcome === 'retry' ? { ...result, timedOut: false } : result;
  return nextStep(failed, effort, { records: MAX_RECORDS, now, random: Math.random() });
};
