import type { Tx } from '../../platform/postgres/database.js';
import type { BackfillView } from './operations.dto.js';

type Row = {
  id: string;
  from_seq: number;
  to_seq: number;
  next_seq: number;
  status: string;
  created_at: Date;
};

const RUNNING: readonly string[] = ['active', 'degraded', 'auth_error'];
const COLUMNS = 'id, from_seq, to_seq, next_seq, status, created_at';

const toView = (row: Row): BackfillView => ({
  id: row.id,
  fromSeq: row.from_seq,
  toSeq: row.to_seq,
  cursorSeq: Math.min(row.next_seq - 1, row.to_seq),
  status: RUNNING.includes(row.status) ? 'running' : row.status,
  createdAt: row.created_at.toISOString(),
});

type Of = Readonly<{ organizationId: string; streamId: string }>;

/** A stream's backfill. */
export const findBackfill = async (
  tx: Tx,
  { organizationId, streamId }: Of,
  id: string,
): Promise<BackfillView | undefined> => {
  const { rows } = await tx.query<Row>(
    `select ${COLUMNS} from log_stream_cursors where organization_id = $1 and stream_id = $2 and id = $3
      and to_seq is not null`,
    [organizationId, streamId, id],
  );
  return rows[0] && toView(rows[0]);
};

/** A stream's backfills behind an id, oldest first. */
export const listBackfills = async (
  tx: Tx,
  { organizationId, streamId }: Of,
  { after, limit }: Readonly<{ after: string; limit: number }>,
): Promise<readonly BackfillView[]> => {
  const { rows } = await tx.query<Row>(
    `select ${COLUMNS} from log_stream_cursors where organization_id = $1 and stream_id = $2 and to_seq is not null
      and id > $3 order by id limit $4`,
    [organizationId, streamId, after, limit],
  );
  return rows.map(toView);
};

/** How many backfills of a stream run. */
export const countRunning = async (tx: Tx, { organizationId, streamId }: Of): Promise<number> =>
  (
    await tx.query<{ count: number }>(
      `select count(*)::int as count from log_stream_cursors where organization_id = $1 and stream_id = $2
        and to_seq is not null and status = any($3)`,
      [organizationId, streamId, RUNNING],
    )
  ).rows[0]?.count ?? 0;

/** Ends a backfill that runs; false for one that has ended. */
export const cancelBackfill = async (tx: Tx, { organizationId, streamId }: Of, id: string): Promise<boolean> =>
  (
    await tx.query(
      `update log_stream_cursors set status = 'cancelled' where organization_id = $1 and stream_id = $2 and id = $3
        and to_seq is not null and status = any($4)`,
      [organizationId, streamId, id, RUNNING],
    )
  ).rowCount === 1;
