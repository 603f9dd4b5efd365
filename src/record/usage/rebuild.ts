import { BEGINNING, nextSeq, oldestRecord } from '../audit/records.js';
import type { Database, Tx } from '../../platform/postgres/database.js';
import { applyPage, lockPosition, movePosition, type Projection } from './apply.js';

const HOUR_MS = 3_600_000;
/**
 * How far a gateway's clock may be from the database's, and an event from its recording, for a rebuild after retention
 * to be exact.
 */
const SKEW_MS = HOUR_MS;

/** How far a rebuild is: organizations done, of how many, and numbers of the audit log passed. */
export type RebuildProgress = Readonly<{ organizations: number; of: number; records: number }>;

type OnPage = (records: number) => void;

/**
 * From which event time on the retained records are all there is; null when retention has dropped nothing, undefined
 * when it has dropped everything.
 */
const retainedSince = async (tx: Tx, organizationId: string): Promise<Date | null | undefined> => {
  const oldest = await oldestRecord(tx, organizationId);
  if (!oldest) return (await nextSeq(tx, organizationId)) > 1 ? undefined : null;
  if (oldest.seq === 1) return null;
  return new Date(Math.ceil((oldest.recordedAt.getTime() + SKEW_MS) / HOUR_MS) * HOUR_MS);
};

/** Applies what is retained of `since` or later, in order, and leaves the position after it. */
const applyAll = async (
  tx: Tx,
  projection: Projection,
  organizationId: string,
  steps: Readonly<{ since: Date | null; onPage: OnPage }>,
): Promise<void> => {
  let from = BEGINNING;
  for (;;) {
    const next = await applyPage(tx, projection, organizationId, { from, since: steps.since });
    if (!next) break;
    steps.onPage(next.seq - from.seq);
    from = next;
  }
  await movePosition(tx, projection.name, organizationId, from);
};

const catchUp = async (tx: Tx, projection: Projection, organizationId: string): Promise<void> => {
  let from = await lockPosition(tx, projection.name, organizationId, true);
  while (from) {
    const next = await applyPage(tx, projection, organizationId, { from });
    if (next) await movePosition(tx, projection.name, organizationId, next);
    from = next;
  }
};

const rebuildOne = (db: Database, projection: Projection, organizationId: string, onPage: OnPage): Promise<void> =>
  db.asWorker(async (tx) => {
    await catchUp(tx, projection, organizationId);
    const since = await retainedSince(tx, organizationId);
    if (since === undefined) return;
    await projection.clear(tx, organizationId, since);
    await applyAll(tx, projection, organizationId, { since, onPage });
  });

/**
 * Computes a projection anew from the audit log, one organization a transaction: readers see its old rows or its new
 * ones, never half of them, and runners wait for its position. Where retention has dropped records, the hours that they
 * may have counted in are kept as they are: all before the first whole hour that begins an hour or more after the
 * oldest retained record; what is not yet applied is applied to them first.
 */
export const rebuild = async (
  db: Database,
  projection: Projection,
  onProgress: (progress: RebuildProgress) => void,
): Promise<RebuildProgress> => {
  const { rows } = await db.worker.query<{ organization_id: string }>(
    'select organization_id from audit_heads order by organization_id',
  );
  let progress: RebuildProgress = { organizations: 0, of: rows.length, records: 0 };
  const tell = (change: Partial<RebuildProgress>): void => {
    progress = { ...progress, ...change };
    onProgress(progress);
  };
  for (const [index, row] of rows.entries()) {
    await rebuildOne(db, projection, row.organization_id, (records) => tell({ records: progress.records + records }));
    tell({ organizations: index + 1 });
  }
  return progress;
};
