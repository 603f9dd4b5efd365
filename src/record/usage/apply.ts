import { nextSeq, type Place } from '../audit/records.js';
import type { Tx } from '../../platform/postgres/database.js';

export { NEXT_RECORDS } from '../audit/records.js';

/** The next records from a place on, at most `limit`; of these only events of `since` or later count (null: all). */
export type Page = Readonly<{ from: Place; limit: number; since: Date | null }>;

/**
 * Tables that are computed from the audit log and from nothing else. `apply` adds a page of records (NEXT_RECORDS),
 * each once, and answers the place after it, or undefined when there is none; `clear` removes what counts from `since`
 * on by the events' own time (null: everything), so that it can be applied anew.
 */
export type Projection = Readonly<{
  name: string;
  apply: (tx: Tx, organizationId: string, page: Page) => Promise<Place | undefined>;
  clear: (tx: Tx, organizationId: string, since: Date | null) => Promise<void>;
}>;

/** How many records one transaction applies. */
export const PAGE_SIZE = 5000;

type LockedRow = { next_seq: number; recorded_at: Date | number };

const toPlace = (row: LockedRow): Place => ({
  seq: row.next_seq,
  recordedAt: row.recorded_at instanceof Date ? row.recorded_at : null,
});

/** Locks the position of a projection in an organization; undefined when another holds it and `wait` is false. */
export const lockPosition = async (
  tx: Tx,
  projection: string,
  organizationId: string,
  wait: boolean,
): Promise<Place | undefined> => {
  await tx.prepared(
    'projection-make',
    'insert into projection_positions(projection, organization_id) values ($1, $2) on conflict do nothing',
    [projection, organizationId],
  );
  const { rows } = await tx.prepared<LockedRow>(
    wait ? 'projection-lock' : 'projection-try',
    `select next_seq, recorded_at from projection_positions where projection = $1
      and organization_id = $2 for update ${wait ? '' : 'skip locked'}`,
    [projection, organizationId],
  );
  return rows[0] && toPlace(rows[0]);
};

/**
 * Notes that a projection has applied all records of an organization before `place.seq`, the newest of them recorded at
 * `place.recordedAt`.
 */
export const movePosition = async (tx: Tx, projection: string, organizationId: string, place: Place): Promise<void> => {
  await tx.prepared(
    'projection-move',
    `update projection_positions set next_seq = $3, recorded_at = coalesce($4::timestamptz, recorded_at)
      where projection = $1 and organization_id = $2`,
    [projection, organizationId, place.seq, place.recordedAt],
  );
};

/**
 * Applies the next page of records after `from`; resolves to the place after it, or undefined when there is nothing
 * more. The caller's transaction holds the position's lock.
 */
export const applyPage = async (
  tx: Tx,
  projection: Projection,
  organizationId: string,
  step: Readonly<{ from: Place; since?: Date | null }>,
): Promise<Place | undefined> => {
  const head = await nextSeq(tx, organizationId);
  if (head <= step.from.seq) return undefined;
  const next = await projection.apply(tx, organizationId, {
    from: step.from,
    limit: PAGE_SIZE,
    since: step.since ?? null,
  });
  return next ?? { seq: head, recordedAt: null };
};
