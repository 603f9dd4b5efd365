import { AppendTimeout, type Appended, type LogEntry } from './event-log.js';
import type { ToolgateEvent } from './events/index.js';

/** The bytes of an event and its CloudEvents 1.0 headers (Kafka binding, binary mode). */
export const toEntry = (event: ToolgateEvent): LogEntry => ({
  key: event.organizationId,
  value: Buffer.from(JSON.stringify(event)),
  headers: {
    ce_specversion: '1.0',
    ce_id: event.id,
    ce_type: event.type,
    ce_source: 'toolgate',
    ce_time: event.time,
    ce_subject: event.organizationId,
    'content-type': 'application/json',
  },
});

/**
 * Waits for an append's acknowledgement, at most `timeoutMs`.
 * @throws AppendTimeout, or what the log said. Either way the record may still arrive, so whoever reads the log must know its id.
 */
export const acknowledgedWithin = (appended: Promise<Appended>, timeoutMs: number): Promise<Appended> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new AppendTimeout(`no acknowledgement in ${timeoutMs} ms`)), timeoutMs);
    appended.then(resolve, reject).finally(() => clearTimeout(timer));
  });
