import { AppendTimeout, type Appended, type LogEntry } from './event-log.js';
import type { ToolgateEvent } from './events/index.js';

/** An event as the log keeps it. `text` is its JSON where it is written already. */
export const toEntry = (event: Pick<ToolgateEvent, 'id' | 'type' | 'time' | 'organizationId'>, text: string = JSON.stringify(event)): LogEntry => ({
  key: event.organizationId,
  value: text,
  id: event.id,
  type: event.type,
  time: event.time,
});

/**
 * Waits for an append's acknowledgement, at most `timeoutMs`.
 * @throws AppendTimeout, or what the log said. Either way the record may still arrive, so whoever reads the log must know its id.
 */
export const acknowledgedWithin = (appended: Promise<Appended>, timeoutMs: number): Promise<Appended> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new AppendTimeout(`no acknowledgement in ${timeoutMs} ms`)), timeoutMs);
    appended.then(
      (place) => {
        clearTimeout(timer);
        resolve(place);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
