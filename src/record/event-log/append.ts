import type { Deadlines } from '../../platform/runtime/deadlines.js';
import { AppendTimeout, type Appended, type LogEntry } from './event-log.js';
import type { ToolgateEvent } from './events/index.js';

/** An event as the log keeps it. `text` is its JSON where it is written already. */
export const toEntry = (
  event: Pick<ToolgateEvent, 'id' | 'type' | 'time' | 'organizationId'>,
  text: string = JSON.stringify(event),
): LogEntry => ({
  key: event.organizationId,
  value: text,
  id: event.id,
  type: event.type,
  time: event.time,
});

/** How long a decision waits for the log. */
export const ACKNOWLEDGE_TIMEOUT_MS = 2000;
const late = (): Error => new AppendTimeout(`no acknowledgement in ${ACKNOWLEDGE_TIMEOUT_MS} ms`);

/**
 * Waits for an append's acknowledgement, for as long as `deadlines` say.
 * @throws AppendTimeout, or what the log said. Either way the record may still arrive, so whoever reads the log must
 * know its id.
 */
export const acknowledged = (appended: Promise<Appended>, deadlines: Deadlines): Promise<Appended> =>
  deadlines.within(appended, late);
