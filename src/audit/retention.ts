import type { Database, Tx } from '../platform/database.js';
import { errorText, log } from '../platform/log.js';
import { startRounds } from '../platform/rounds.js';

const HOUR_MS = 3_600_000;
const AGAIN_AFTER_FAILURE_MS = 60_000;
const DAYS_AHEAD = 2;

type Retention = Readonly<{ db: Database; auditDays: number; logDays: number }>;

/** Making and dropping partitions waits for readers, and everyone else then waits behind it: give up early and come again. */
const SHORT_WAIT = `set local lock_timeout = '3s'`;

const dropOldDays = async (tx: Tx, auditDays: number, logDays: number): Promise<void> => {
  await tx.query(SHORT_WAIT);
  const { rows } = await tx.query<{ partition: string }>('select drop_partitions as partition from drop_partitions($1, $2)', [auditDays, logDays]);
  if (rows.length > 0) log.info('dropped days that are past retention', { partitions: rows.map((row) => row.partition).join(' ') });
  if (rows.some((row) => row.partition.startsWith('audit_records_'))) await moveFirstSeq(tx);
};

/** Notes where each audit log begins now. Both numbers are of one snapshot, so a record that is written meanwhile can't be passed over. */
const moveFirstSeq = async (tx: Tx): Promise<void> => {
  const { rows } = await tx.query<{ organization_id: string; first: number }>(
    `select h.organization_id, coalesce((select r.seq from audit_records r where r.organization_id = h.organization_id order by r.recorded_at, r.seq limit 1), h.next_seq) as first
     from audit_heads h where h.next_seq > h.first_seq`,
  );
  await tx.query(
    `with l as (select organization_id from audit_heads where organization_id = any ($1) order by organization_id for update)
     update audit_heads h set first_seq = greatest(h.first_seq, u.first) from l, unnest($1::text[], $2::bigint[]) u(organization_id, first)
     where h.organization_id = l.organization_id and u.organization_id = l.organization_id and h.first_seq < u.first`,
    [rows.map((row) => row.organization_id), rows.map((row) => row.first)],
  );
};

/** A counter may go when its window is over and no window that people compare with is: custom windows can be longer than a month. */
const EXPIRED: Readonly<Record<string, string>> = {
  idempotent_answers: `created_at < now() - interval '24 hours'`,
  sessions: 'expires_at < now()',
  ended_sessions: 'expires_at < now()',
  limit_counters: `window_start < now() - interval '40 days' and window_end(win, window_start) < now()`,
};

/** One round; every part runs, whatever another one does. Rejects when any failed. */
const keepHouse = async ({ db, auditDays, logDays }: Retention): Promise<void> => {
  const parts = [
    () => db.asWorker(async (tx) => void (await tx.query(SHORT_WAIT), await tx.query('select ensure_partitions($1)', [DAYS_AHEAD]))),
    () => db.asWorker((tx) => dropOldDays(tx, auditDays, logDays)),
    ...Object.entries(EXPIRED).map(([table, condition]) => async () => void (await db.worker.query(`delete from ${table} where ${condition}`))),
  ];
  const failures: unknown[] = [];
  for (const part of parts) await part().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw new AggregateError(failures, failures.map(errorText).join('; '));
};

/**
 * Makes the partitions of the next days, drops the days that are past retention and deletes what has expired, now and every hour. Several may run.
 * `auditDays` and `logDays` count whole UTC days; no part of the log goes before it is recorded.
 */
export const startRetention = (retention: Retention): Readonly<{ stop: () => Promise<void> }> =>
  startRounds(() => keepHouse(retention).then(() => HOUR_MS), { failed: 'keeping retention failed', againMs: AGAIN_AFTER_FAILURE_MS });
