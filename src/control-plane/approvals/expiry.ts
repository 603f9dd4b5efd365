import type { Change, EventStore } from '../../record/event-store/event-store.js';
import type { Database } from '../../platform/postgres/database.js';
import { errorText, log } from '../../platform/runtime/log.js';
import { startPollingLoop, type PollingLoop } from '../../platform/runtime/polling-loop.js';
import { decideApprovalExpiry } from './approvals.js';
import { approvalStream } from './approvals.store.js';
import { enqueue } from './notifications/outbox.js';
import { dropArguments } from './sealed-arguments.js';

const POLL_INTERVAL_MS = 1000;
const BATCH_SIZE = 100;
const MAX_PER_ORGANIZATION = 20;

/**
 * Each organization's in turn, and any of them when there are many: some that can't be ended keep no other from its
 * turn.
 */
const EXPIRED = `select organization_id, id from (
    select organization_id, id, row_number() over (partition by organization_id order by random()) as place
    from approvals where status = 'pending' and expires_at <= now()) expired
  where place <= ${MAX_PER_ORGANIZATION} order by place, random() limit ${BATCH_SIZE}`;

/** Ends an approval whose time is over, and drops the arguments. Nothing when it was decided meanwhile. */
export const expireOne = async (change: Change, approvalId: string): Promise<void> => {
  const { organizationId } = change.caller;
  let ended = false;
  await change.apply(approvalStream, approvalId, (state) => {
    const events = decideApprovalExpiry(approvalId, state);
    ended = events.length > 0;
    return events;
  });
  if (!ended) return;
  await dropArguments(change.tx, { organizationId, approvalId });
  await enqueue(change.tx, organizationId, { approvalId, type: 'approval.expired' });
};

const expire = async (db: Database, store: EventStore): Promise<number> => {
  const { rows } = await db.worker.query<{ organization_id: string; id: string }>(EXPIRED);
  let ended = 0;
  for (const { organization_id: organizationId, id } of rows) {
    await store
      .change({ organizationId, actor: { type: 'system', id: 'approvals' } }, (change) => expireOne(change, id))
      .then(
        () => (ended += 1),
        (error: unknown) =>
          log.warn('an approval that has expired could not be ended; trying again', {
            organizationId,
            error: errorText(error),
          }),
      );
  }
  return ended > 0 && rows.length >= MAX_PER_ORGANIZATION ? 0 : POLL_INTERVAL_MS;
};

/** Ends, within about a second, approvals that nobody decided in time. Several processes may do so. */
export const startExpiry = (db: Database, store: EventStore): PollingLoop =>
  startPollingLoop(() => expire(db, store), {
    failed: 'ending approvals that have expired failed',
    retryDelayMs: POLL_INTERVAL_MS,
  });
