import type { Database, Tx } from '../../platform/postgres/database.js';
import { errorText, log } from '../../platform/runtime/log.js';
import { startPollingLoop } from '../../platform/runtime/polling-loop.js';

const HOUR_MS = 3_600_000;
const RETRY_DELAY_MS = 60_000;
const DAYS_AHEAD = 2;

type Retention = Readonly<{ db: Database; auditDays: number; logDays: number }>;

/**
 * Making and dropping partitions waits for readers (pg_dump reads for as long as it runs), and appends then wait behind
 * it: give up well within the two seconds that an acknowledgement may take, and come again.
 */
const SHORT_WAIT = `set local lock_timeout = '300ms'`;

/** The first UTC day, by the database's clock, that stays when these many days are kept. */
const firstRetainedDay = async (db: Database, days: number): Promise<string> =>
  (
    await db.worker.query<{ day: string }>(`select ((now() at time zone 'UTC')::date - $1::integer)::text as day`, [
      days,
    ])
  ).rows[0]?.day ?? '-infinity';

/**
 * Each in a transaction of its own, so that none is kept waiting for the others. The first that can't be had ends the
 * round: the next would make everybody wait anew.
 */
const dropBefore = async (db: Database, table: string, day: string): Promise<void> => {
  for (;;) {
    const { rows } = await db.asWorker(async (tx) => {
      await tx.query(SHORT_WAIT);
      return tx.query<{ partition: string | null }>('select drop_oldest_partition($1, $2) as partition', [table, day]);
    });
    const partition = rows[0]?.partition ?? undefined;
    if (partition === undefined) return;
    log.info('dropped a day that is past retention', { partition });
  }
};

/**
 * Notes where each audit log begins when all before this day is gone. Before it goes: then whatever fails in between,
 * the next round finds the same. Only days that are to go are looked into.
 */
const moveFirstSeq = async (tx: Tx, day: string): Promise<void> => {
  const { rows } = await tx.query<{ organization_id: string; first: number }>(
    `select h.organization_id, r.seq + 1 as first from audit_heads h cross join lateral (
       select seq from audit_records where organization_id = h.organization_id
         and recorded_at < $1::date::timestamp at time zone 'UTC' order by recorded_at desc, seq desc limit 1
     ) r where r.seq >= h.first_seq`,
    [day],
  );
  await tx.query(
    `with l as (select organization_id from audit_heads where organization_id = any ($1)
      order by organization_id for update)
     update audit_heads h set first_seq = greatest(h.first_seq, u.first)
       from l, unnest($1::text[], $2::bigint[]) u(organization_id, first)
     where h.organization_id = l.organization_id and u.organization_id = l.organization_id`,
    [rows.map((row) => row.organization_id), rows.map((row) => row.first)],
  );
};

const dropAudit = async (db: Database, day: string): Promise<void> => {
  await db.asWorker((tx) => moveFirstSeq(tx, day));
  await dropBefore(db, 'audit_records', day);
};

/**
 * A counter may go when its window is over and no window that people compare with is: custom windows can be longer than
 * a month.
 */
const EXPIRED: Readonly<Record<string, string>> = {
  idempotent_answers: `created_at < now() - interval '24 hours'`,
  sessions: 'expires_at < now()',
  ended_sessions: 'expires_at < now()',
  channel_sessions: 'expires_at < now()',
  sign_in_networks: `seen_at < now() - interval '90 days'`,
  limit_counters: `window_start < now() - interval '40 days' and window_end(win, window_start) < now()`,
};

/** One round; every part runs, whatever another one does. Rejects when any failed. */
const applyRetention = async ({ db, auditDays, logDays }: Retention): Promise<void> => {
  const parts = [
    () =>
      db.asWorker(
        async (tx) => void (await tx.query(SHORT_WAIT), await tx.query('select ensure_partitions($1)', [DAYS_AHEAD])),
      ),
    async () => dropAudit(db, await firstRetainedDay(db, auditDays)),
    ...['log_records', 'recorded_ids'].map(
      (table) => async () => dropBefore(db, table, await firstRetainedDay(db, logDays)),
    ),
    ...Object.entries(EXPIRED).map(
      ([table, condition]) =>
        async () =>
          void (await db.worker.query(`delete from ${table} where ${condition}`)),
    ),
  ];
  const failures: unknown[] = [];
  for (const part of parts) await part().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw new AggregateError(failures, failures.map(errorText).join('; '));
};

/**
 * Makes the partitions of the next days, drops the days that are past retention and deletes what has expired, now and
 * every hour. Several may run. `auditDays` and `logDays` count whole UTC days; no part of the log goes before it is
 * recorded.
 */
export const startRetention = (retention: Retention): Readonly<{ stop: () => Promise<void> }> =>
  startPollingLoop(() => applyRetention(retention).then(() => HOUR_MS), {
    failed: 'keeping retention failed',
    retryDelayMs: RETRY_DELAY_MS,
  });
