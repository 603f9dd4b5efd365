import { outgoingRecord, type OutgoingRecord } from '../../src/record/log-streams/formats/outgoing-record.js';

/** An event as a log stream gets it from the record. */
export const recordOf = (
  event: object,
  { seq = 7, recordedAt = new Date(), isTest = false }: Readonly<{ seq?: number; recordedAt?: Date; isTest?: boolean }>,
): OutgoingRecord => outgoingRecord({ seq, recordedAt, event: Buffer.from(JSON.stringify(event)) }, isTest);
