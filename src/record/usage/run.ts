import type { Database } from '../../platform/postgres/database.js';
import { errorText, log } from '../../platform/runtime/log.js';
import { startPollingLoop, type PollingLoop } from '../../platform/runtime/polling-loop.js';
import { applyPage, lockPosition, movePosition, type Projection } from './apply.js';

const POLL_MS = 200;
const ORGANIZATION_BATCH_SIZE = 100;

type Behind = Readonly<{ organizations: readonly string[]; since: string }>;

/**
 * The organizations whose records are ahead of the projection, of those that changed since the snapshot whose oldest
 * running transaction was `since`; when there are many, any of them, so that some that fail keep no other from its
 * turn. One that another runner is at counts as behind too: that runner may fail.
 */
const findBehind = (db: Database, projection: string, since: string): Promise<Behind> =>
  db.asWorker(async (tx) => {
    const snapshot = await tx.query<{ xmin: string }>('select pg_snapshot_xmin(pg_current_snapshot())::text as xmin');
    const { rows } = await tx.query<{ organization_id: string }>(
      `select h.organization_id from audit_heads h left join projection_positions p on p.projection = $1
        and p.organization_id = h.organization_id
       where h.changed_xid >= $2::xid8 and h.next_seq > coalesce(p.next_seq, 1) order by random() limit $3`,
      [projection, since, ORGANIZATION_BATCH_SIZE],
    );
    return { organizations: rows.map((row) => row.organization_id), since: snapshot.rows[0]?.xmin ?? since };
  });

/** Applies one page for one organization; false when there was nothing to do or another runner is at it. */
const advance = (db: Database, projection: Projection, organizationId: string): Promise<boolean> =>
  db.asWorker(async (tx) => {
    // What a crash would take back is the tables and the position together, so waiting for the disk gains nothing.
    await tx.query('set local synchronous_commit = off');
    const from = await lockPosition(tx, projection.name, organizationId, false);
    const next = from && (await applyPage(tx, projection, organizationId, { from }));
    if (!next) return false;
    await movePosition(tx, projection.name, organizationId, next);
    return true;
  });

/**
 * Serves each organization that is behind once, also when that failed for another; the heads up to `since` need no look
 * again only when none was.
 */
const round = async (
  db: Database,
  projection: Projection,
  since: string,
): Promise<Readonly<{ moved: boolean; since: string }>> => {
  const behind = await findBehind(db, projection.name, since);
  let moved = false;
  for (const organizationId of behind.organizations) {
    const advanced = await advance(db, projection, organizationId).catch((error: unknown) => {
      log.warn('a projection failed for an organization; trying again', {
        projection: projection.name,
        organizationId,
        error: errorText(error),
      });
      return false;
    });
    moved ||= advanced;
  }
  return { moved, since: behind.organizations.length === 0 ? behind.since : since };
};

/** Runs one projection until it is told to stop. */
const runOne = (db: Database, projection: Projection): PollingLoop => {
  let since = '0';
  const next = async (): Promise<number> => {
    const from = since;
    // A round that fails is followed by one over all organizations.
    since = '0';
    const done = await round(db, projection, from);
    since = done.since;
    return done.moved ? 0 : POLL_MS;
  };
  return startPollingLoop(next, {
    failed: 'a projection failed',
    retryDelayMs: POLL_MS,
    fields: { projection: projection.name },
  });
};

/**
 * Keeps the projections up with the audit log; several runners share the work by the lock of each (projection,
 * organization). A page's rows and the position move in one transaction, so each record counts once. `wake` is a hint
 * that something was recorded; polling every 200 ms is what holds.
 */
export const startProjections = ({
  db,
  projections,
}: Readonly<{ db: Database; projections: readonly Projection[] }>) => {
  const runners = projections.map((projection) => runOne(db, projection));
  return {
    wake: (): void => runners.forEach((runner) => runner.wake()),
    stop: async (): Promise<void> => {
      await Promise.all(runners.map((runner) => runner.stop()));
    },
  };
};
