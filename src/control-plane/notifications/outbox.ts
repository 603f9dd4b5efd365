import type { Database, Tx } from '../../platform/postgres/database.js';
import type { Subject } from './subjects.js';

/** A flood of what is told becomes no flood of mail. */
export const MAX_MAILS_PER_HOUR = 60;

/** A notification that this process has taken on until its lease ends. */
export type DueNotification = Readonly<{
  organizationId: string;
  id: string;
  /** The id of what it tells of. */
  about: string;
  channel: 'webhook' | 'mail';
  type: string;
  attempts: number;
}>;

const LEASE_SECONDS = 60;
const BATCH_SIZE = 20;
const MAX_PER_ORGANIZATION = 4;

/**
 * Of one organization only some at once, and of any organizations when there are many: endpoints that hang must not
 * hold up the others.
 */
const leaseFrom = ({
  outbox,
  about,
}: Subject): string => `update ${outbox} o set leased_until = now() + interval '${LEASE_SECONDS} s',
  attempts = attempts + 1
  from (select organization_id, id from (
          select organization_id, id, due_at, row_number() over (partition by organization_id
            order by due_at) as place
          from ${outbox} where done_at is null and due_at <= now() and (leased_until is null
            or leased_until < now())) owed
        where place <= ${MAX_PER_ORGANIZATION} order by place, random() limit ${BATCH_SIZE}) d
  where o.organization_id = d.organization_id and o.id = d.id and o.done_at is null and (o.leased_until is null
    or o.leased_until < now())
  returning o.organization_id as "organizationId", o.id, o.${about} as about, o.channel, o.type, o.attempts`;

/** Takes on what is due; a process that dies with it leaves it to others when the lease ends. */
export const leaseDue = async (db: Database, subject: Subject): Promise<readonly DueNotification[]> =>
  (await db.worker.query<DueNotification>(leaseFrom(subject))).rows;

/** Seconds to the next try, by the number of tries so far; after the last one it is given up. */
const RETRY_DELAYS_SECONDS = [5, 30, 120, 600, 1800, 3600, 7200, 14_400];

/** Ends a notification, or puts it off after an error. */
export const settle = async (
  db: Database,
  { outbox }: Subject,
  { organizationId, id, attempts }: DueNotification,
  outcome: Readonly<{ delivered: boolean; error?: string }>,
): Promise<void> => {
  const pause = outcome.error === undefined ? undefined : RETRY_DELAYS_SECONDS[attempts - 1];
  await db.worker.query(
    `update ${outbox} set leased_until = null, delivered = $3, last_error = $4, done_at = case
      when $5::int is null then now() end, due_at = coalesce(now() + make_interval(secs => $5::int), due_at)
     where organization_id = $1 and id = $2 and done_at is null`,
    [organizationId, id, outcome.delivered, outcome.error ?? null, pause ?? null],
  );
};

/** Forgets what was done a week ago. */
export const pruneDone = async (db: Database, { outbox }: Subject): Promise<void> => {
  await db.worker.query(`delete from ${outbox} where done_at < now() - interval '7 days'`);
};

/** How the newest notification of a channel fared. */
export type Delivery = Readonly<{
  about: string;
  type: string;
  time: string;
  status: 'delivered' | 'pending' | 'failed' | 'skipped';
  detail: string | null;
}>;

type DeliveryRow = {
  about: string;
  type: string;
  time: Date;
  done: boolean;
  delivered: boolean;
  last_error: string | null;
};

/** The newest notification on a channel that was tried or is settled; null when there is none. */
export const lastDelivery = async (
  tx: Tx,
  { subject: { outbox, about }, organizationId }: Readonly<{ subject: Subject; organizationId: string }>,
  channel: DueNotification['channel'],
): Promise<Delivery | null> => {
  const { rows } = await tx.query<DeliveryRow>(
    `select ${about} as about, type, coalesce(done_at, created_at) as time, done_at is not null as done, delivered,
       last_error
      from ${outbox}
     where organization_id = $1 and channel = $2 and (attempts > 0 or done_at is not null) order by created_at desc
       limit 1`,
    [organizationId, channel],
  );
  const [row] = rows;
  if (!row) return null;
  const status = row.delivered ? 'delivered' : !row.done ? 'pending' : row.last_error === null ? 'skipped' : 'failed';
  return { about: row.about, type: row.type, time: row.time.toISOString(), status, detail: row.last_error };
};
