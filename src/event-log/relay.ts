import type { Database, Tx } from '../platform/database.js';
import { errorText, log } from '../platform/log.js';
import { startRounds, type Rounds } from '../platform/rounds.js';
import { toEntry } from './append.js';
import type { EventLog } from './event-log.js';
import { readEvents } from './event-store.js';

const POLL_MS = 100;
const EVENTS_AT_ONCE = 200;

/**
 * Appends one organization's new control events to the log and moves its position, under the lock of the position's row; another relay that holds it is at
 * work on the same. Appends may repeat after a crash (the audit writer drops known ids), but never overtake each other: each waits for the one before.
 */
const relayOne = async (tx: Tx, eventLog: EventLog, organizationId: string): Promise<boolean> => {
  const { rows } = await tx.query<{ position: number }>('select position from relay_positions where organization_id = $1 for update skip locked', [organizationId]);
  if (!rows[0]) return false;
  const events = await readEvents(tx, organizationId, rows[0].position, EVENTS_AT_ONCE);
  for (const { event } of events) await eventLog.append('toolgate.control', toEntry(event));
  const last = events.at(-1);
  if (last) await tx.query('update relay_positions set position = $2 where organization_id = $1', [organizationId, last.position]);
  return last !== undefined;
};

type Round = Readonly<{ moved: boolean; since: string }>;

const findBehind = (db: Database, since: string): Promise<Readonly<{ xmin: string; organizations: readonly string[] }>> =>
  db.asWorker(async (tx) => {
    const xmin = (await tx.query<{ xmin: string }>('select pg_snapshot_xmin(pg_current_snapshot())::text as xmin')).rows[0]?.xmin ?? since;
    await tx.query(
      `insert into relay_positions(organization_id) select organization_id from event_heads h
       where changed_xid >= $1::xid8 and not exists (select 1 from relay_positions r where r.organization_id = h.organization_id) on conflict do nothing`,
      [since],
    );
    const { rows } = await tx.query<{ organization_id: string }>(
      `select organization_id from relay_positions r join event_heads h using (organization_id) where h.changed_xid >= $1::xid8 and h.position > r.position limit 100`,
      [since],
    );
    return { xmin, organizations: rows.map((row) => row.organization_id) };
  });

/** One round over the organizations that changed since the snapshot whose oldest running transaction was `since`; it stays until none of them is behind. One that fails keeps no other from its turn. */
const relayOnce = async (db: Database, eventLog: EventLog, since: string): Promise<Round> => {
  const { xmin, organizations } = await findBehind(db, since);
  let moved = false;
  for (const organizationId of organizations) {
    await db
      .asWorker((tx) => relayOne(tx, eventLog, organizationId))
      .then(
        (did) => void (moved ||= did),
        (error: unknown) => log.warn('an organization has control events that could not be relayed; trying again', { organizationId, error: errorText(error) }),
      );
  }
  return { moved, since: organizations.length > 0 ? since : xmin };
};

/**
 * Carries control events from the event store to the log, in each organization's order, by position; several relays may run. `wake` is a hint that
 * something was committed; polling every 100 ms is what holds.
 */
export const startRelay = (db: Database, eventLog: EventLog): Rounds => {
  let since = '0';
  const round = async (): Promise<number> => {
    const from = since;
    // A round that fails is followed by one over all organizations.
    since = '0';
    const done = await relayOnce(db, eventLog, from);
    since = done.since;
    return done.moved ? 0 : POLL_MS;
  };
  return startRounds(round, { failed: 'relaying control events failed', againMs: POLL_MS });
};
