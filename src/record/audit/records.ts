import type { Tx } from '../../platform/postgres/database.js';

/**
 * A place in an organization's audit log: the next record has at least this `seq`, and was recorded at `recordedAt` or
 * later (null: at any time).
 */
export type Place = Readonly<{ seq: number; recordedAt: Date | null }>;

/** The first place of every audit log. */
export const BEGINNING: Place = { seq: 1, recordedAt: null };

/**
 * The organization's next records ($1) from a place on ($2, $3), at most $4, in order of `seq`, as a query to build on.
 * What retention dropped is left out, so the first one may be later than asked for. `recorded_at` keeps PostgreSQL from
 * looking into days that are over.
 */
export const NEXT_RECORDS = `select seq, recorded_at, type, time, grant_id, identity_id, server_id, tool, effect,
  status from audit_records
  where organization_id = $1 and recorded_at >= coalesce($3::timestamptz, '-infinity') and seq >= $2
    order by recorded_at, seq limit $4`;

/** The oldest record that is kept. */
export const oldestRecord = async (
  tx: Tx,
  organizationId: string,
): Promise<Readonly<{ seq: number; recordedAt: Date }> | undefined> => {
  const { rows } = await tx.query<{ seq: number; recorded_at: Date }>(NEXT_RECORDS, [
    organizationId,
    BEGINNING.seq,
    BEGINNING.recordedAt,
    1,
  ]);
  return rows[0] && { seq: rows[0].seq, recordedAt: rows[0].recorded_at };
};

/** Where the next record of each organization's audit log will stand; 1 for one that has none. */
export const nextSeq = async (tx: Tx, organizationId: string): Promise<number> => {
  const { rows } = await tx.prepared<{ next_seq: number }>(
    'audit-next-seq',
    'select next_seq from audit_heads where organization_id = $1',
    [organizationId],
  );
  return rows[0]?.next_seq ?? 1;
};
