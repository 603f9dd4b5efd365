import type { EventStore } from '../../../record/event-store/event-store.js';
import type { Database } from '../../../platform/postgres/database.js';
import { errorText, log } from '../../../platform/runtime/log.js';
import { startPollingLoop, type PollingLoop } from '../../../platform/runtime/polling-loop.js';
import { decideOrganizationDeletion } from '../organizations.js';
import { organizationStream } from '../organizations.store.js';
import { deletedFor, deleteState, dueDeletions, purge } from './end.store.js';

const POLL_INTERVAL_MS = 60_000;
/** The log drops whole days, so what was written on the last one stays up to a day longer. */
const PARTIAL_DAY = 1;

type Ends = Readonly<{ db: Database; store: EventStore; logRetentionDays: number }>;

const deleteOne = (store: EventStore, organizationId: string): Promise<void> =>
  store.changeAsStranger(
    { organizationId, actor: { type: 'system', id: 'organization-end' } },
    async (change): Promise<void> => {
      let deleted = false;
      await change.apply(organizationStream, organizationId, (state) => {
        const events = decideOrganizationDeletion(state, change.now);
        deleted = events.length > 0;
        return events;
      });
      if (deleted) await deleteState(change);
    },
  );

const purgeOne = async (db: Database, id: string, days: number): Promise<void> => {
  while ((await db.asWorker((tx) => purge(tx, id, days))) === 'more');
};

/**
 * Deletes the organizations whose delay is over: at once what they have, and what is left of them once the event log
 * has forgotten them. What fails is tried again at the next round and keeps no other organization.
 */
export const endOrganizations = async ({ db, store, logRetentionDays }: Ends): Promise<void> => {
  const days = logRetentionDays + PARTIAL_DAY;
  const failed = (organizationId: string) => (error: unknown) =>
    log.warn('an organization could not be deleted; trying again', { organizationId, error: errorText(error) });
  for (const id of await dueDeletions(db)) await deleteOne(store, id).catch(failed(id));
  for (const id of await deletedFor(db, days)) await purgeOne(db, id, days).catch(failed(id));
};

/** Ends organizations every minute. Several processes may. */
export const startOrganizationEnds = (parts: Ends): PollingLoop =>
  startPollingLoop(() => endOrganizations(parts).then(() => POLL_INTERVAL_MS), {
    failed: 'deleting organizations failed',
    retryDelayMs: POLL_INTERVAL_MS,
  });
