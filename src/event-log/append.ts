import { AppendError, type Appended, type EventLog, type LogEntry } from './event-log.js';
import type { ToolgateEvent, Topic } from './events/index.js';

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
 * Appends and waits for the acknowledgement, at most `timeoutMs`.
 * @throws AppendError when the log did not acknowledge in time; the record may still arrive, so whoever reads it must know its id.
 */
export const appendWithin = (log: EventLog, topic: Topic, entry: LogEntry, timeoutMs: number): Promise<Appended> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new AppendError('timeout', `no acknowledgement in ${timeoutMs} ms`)), timeoutMs);
    log.append(topic, entry).then(
      (appended) => {
        clearTimeout(timer);
        resolve(appended);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error instanceof AppendError ? error : new AppendError('failed', 'the log did not take the append', { cause: error }));
      },
    );
  });
