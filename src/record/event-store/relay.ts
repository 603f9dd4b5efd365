import { createHash } from 'node:crypto';
import type { Database, Tx } from '../../platform/postgres/database.js';
import { isRefusedForItself } from '../../platform/postgres/group-commit.js';
import { derivedId } from '../../platform/crypto/ids.js';
import { errorText, log } from '../../platform/runtime/log.js';
import { startPollingLoop, type PollingLoop } from '../../platform/runtime/polling-loop.js';
import { toEntry } from '../event-log/append.js';
import type { EventLog, LogEntry } from '../event-log/event-log.js';
import type { ControlEvent, RecordEvent } from '../event-log/events/index.js';
import { readEvents } from './event-store.js';
import { recordedForm } from './recorded-form.js';

const POLL_MS = 100;
const BATCH_SIZE = 200;

/**
 * A slow log must not keep the transaction open: after this time the relay saves what the log acknowledged, and goes on
 * from there in its next round.
 */
const TURN_TIMEOUT_MS = 2000;

/**
 * The gap that replaces an event that the log itself refuses, as a topic that somebody else made may take less than
 * ours does. It names the event, which stays in the event store, and the SHA-256 of its JSON. Every try makes the same
 * gap.
 */
const standIn = (event: ControlEvent, position: number): LogEntry => {
  const text = JSON.stringify(event);
  const { id: eventId, type: eventType, organizationId, time } = event;
  const refused = {
    eventId,
    eventType,
    position,
    bytes: Buffer.byteLength(text),
    sha256: createHash('sha256').update(text).digest('hex'),
  };
  const gap: RecordEvent = {
    id: derivedId('evt', `refused ${eventId}`),
    version: 1,
    time,
    organizationId,
    actor: { type: 'system', id: 'relay' },
    type: 'audit.gap',
    reason: 'event_refused',
    ...refused,
  };
  return toEntry(gap);
};

/** Appends one event, or the gap that replaces it. @throws the error of the log */
const appendOne = async (eventLog: EventLog, event: ControlEvent, position: number): Promise<void> => {
  try {
    await eventLog.append('toolgate.control', toEntry(recordedForm(event)));
  } catch (error) {
    if (!isRefusedForItself(error)) throw error;
    log.error('the event log refuses a control event; its audit log has a gap that names it', {
      organizationId: event.organizationId,
      eventId: event.id,
      error: errorText(error),
    });
    await eventLog.append('toolgate.control', standIn(event, position));
  }
};

type Turn = Readonly<{ moved: boolean; failure?: string | undefined }>;

/**
 * Appends one organization's new control events to the log and moves its position over those that the log acknowledged,
 * under the lock of the position's row; another relay that holds it is at work on the same. Appends may repeat after a
 * failure or a crash (the audit writer drops known ids), but never overtake each other: each waits for the one before.
 * An event that the log refuses for itself is replaced by a gap that names it: waiting would stop the organization's
 * for good.
 */
const relayOne = async (tx: Tx, eventLog: EventLog, organizationId: string): Promise<Turn> => {
  const { rows } = await tx.query<{ position: number }>(
    'select position from relay_positions where organization_id = $1 for update skip locked',
    [organizationId],
  );
  if (!rows[0]) return { moved: false };
  const endsAt = performance.now() + TURN_TIMEOUT_MS;
  let relayed: number | undefined;
  let failure: string | undefined;
  for (const { event, position } of await readEvents(tx, organizationId, rows[0].position, BATCH_SIZE)) {
    failure = await appendOne(eventLog, event, position).then(() => undefined, errorText);
    if (failure !== undefined) break;
    relayed = position;
    if (performance.now() > endsAt) break;
  }
  if (relayed !== undefined)
    await tx.query('update relay_positions set position = $2 where organization_id = $1', [organizationId, relayed]);
  return { moved: relayed !== undefined, failure };
};

type RelayResult = Readonly<{ moved: boolean; since: string }>;

const findBehind = (
  db: Database,
  since: string,
): Promise<Readonly<{ xmin: string; organizations: readonly string[] }>> =>
  db.asWorker(async (tx) => {
    const xmin =
      (await tx.query<{ xmin: string }>('select pg_snapshot_xmin(pg_current_snapshot())::text as xmin')).rows[0]
        ?.xmin ?? since;
    await tx.query(
      `insert into relay_positions(organization_id) select organization_id from event_heads h
       where changed_xid >= $1::xid8 and not exists (select 1 from relay_positions r
         where r.organization_id = h.organization_id) on conflict do nothing`,
      [since],
    );
    const { rows } = await tx.query<{ organization_id: string }>(
      `select organization_id from relay_positions r join event_heads h using (organization_id)
        where h.changed_xid >= $1::xid8 and h.position > r.position order by random() limit 100`,
      [since],
    );
    return { xmin, organizations: rows.map((row) => row.organization_id) };
  });

/**
 * One round over the organizations that changed since the snapshot whose oldest running transaction was `since`; it
 * stays until none of them is behind. One that fails keeps no other from its turn.
 */
const relayOnce = async (db: Database, eventLog: EventLog, since: string): Promise<RelayResult> => {
  const { xmin, organizations } = await findBehind(db, since);
  let moved = false;
  for (const organizationId of organizations) {
    const turn = await db
      .asWorker((tx) => relayOne(tx, eventLog, organizationId))
      .catch((error: unknown): Turn => ({ moved: false, failure: errorText(error) }));
    moved ||= turn.moved;
    if (turn.failure !== undefined)
      log.warn('an organization has control events that could not be relayed; trying again', {
        organizationId,
        error: turn.failure,
      });
  }
  return { moved, since: organizations.length > 0 ? since : xmin };
};

/**
 * Carries control events from the event store to the log, in each organization's order, by position; several relays may
 * run. `wake` is a hint that something was committed; polling every 100 ms is what holds.
 */
export const startRelay = (db: Database, eventLog: EventLog): PollingLoop => {
  let since = '0';
  const round = async (): Promise<number> => {
    const from = since;
    // A round that fails is followed by one over all organizations.
    since = '0';
    const done = await relayOnce(db, eventLog, from);
    since = done.since;
    return done.moved ? 0 : POLL_MS;
  };
  return startPollingLoop(round, { failed: 'relaying control events failed', retryDelayMs: POLL_MS });
};
