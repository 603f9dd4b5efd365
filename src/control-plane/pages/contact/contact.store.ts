import { createHash } from 'node:crypto';
import type { Database, Tx } from '../../../platform/postgres/database.js';
import type { Repeat } from '../../../platform/rest/allowed.js';

export type ContactMessage = Readonly<{ name: string; email: string; message: string }>;

/** A message that waits to be mailed, taken on by this process until its lease ends. */
export type DueMessage = ContactMessage & Readonly<{ id: string; createdAt: Date; attempts: number }>;

const KEPT_DAYS = 180;
const LEASE_SECONDS = 120;
const BATCH_SIZE = 10;

/** How often a mail is tried; the partial index of what is due counts to the same number. */
const MAX_ATTEMPTS = 9;
const RETRY_DELAYS_SECONDS = [10, 60, 300, 1800, 3600, 7200, 14_400, 28_800];

/** An Idempotency-Key is its sender's own: another network may send the same. */
const keyHash = (network: string, { key }: Repeat): Buffer =>
  createHash('sha256').update(`${network}\n${key}`).digest();

/** How a message was kept: `repeated` is one that was sent before, `mismatch` another under the same key. */
export type Kept = 'kept' | 'repeated' | 'mismatch';

/** Keeps a message, once for each Idempotency-Key of a network. */
export const keepMessage = async (
  tx: Tx,
  { id, name, email, message }: ContactMessage & Readonly<{ id: string }>,
  network: string,
  repeat: Repeat | undefined,
): Promise<Kept> => {
  const key = repeat ? keyHash(network, repeat) : null;
  const { rowCount } = await tx.query(
    `insert into contact_messages(id, name, email, message, request_key, request_hash)
      values ($1, $2, $3, $4, $5, $6) on conflict (request_key) do nothing`,
    [id, name, email, message, key, repeat?.requestHash ?? null],
  );
  if (rowCount === 1) return 'kept';
  const { rows } = await tx.query<{ same: boolean }>(
    'select request_hash = $2 as same from contact_messages where request_key = $1',
    [key, repeat?.requestHash],
  );
  return rows[0]?.same === true ? 'repeated' : 'mismatch';
};

/** How many messages came within a day. */
export const countMessagesOfDay = async (tx: Tx): Promise<number> => {
  const { rows } = await tx.query<{ count: number }>(
    `select count(*)::int as count from contact_messages where created_at > now() - interval '1 day'`,
  );
  return rows[0]?.count ?? 0;
};

/** Takes on messages to mail; a process that dies with one leaves it to others when the lease ends. */
export const leaseDueMessages = async (db: Database): Promise<readonly DueMessage[]> =>
  (
    await db.worker.query<DueMessage>(
      `update contact_messages set attempts = attempts + 1, leased_until = now() + interval '${LEASE_SECONDS} s'
        where id in (select id from contact_messages
          where mailed_at is null and attempts < ${MAX_ATTEMPTS} and due_at <= now()
            and (leased_until is null or leased_until < now())
          order by due_at limit ${BATCH_SIZE} for update skip locked)
        returning id, name, email, message, created_at as "createdAt", attempts`,
    )
  ).rows;

/** Ends the mailing of a message, or puts it off after an error. */
export const settleMessage = async (
  db: Database,
  { id, attempts }: DueMessage,
  error: string | undefined,
): Promise<void> => {
  await db.worker.query(
    error === undefined
      ? 'update contact_messages set mailed_at = now(), leased_until = null, last_error = null where id = $1'
      : `update contact_messages set leased_until = null, last_error = $2, due_at = now() + make_interval(secs => $3)
          where id = $1`,
    error === undefined ? [id] : [id, error, RETRY_DELAYS_SECONDS[attempts - 1] ?? 0],
  );
};

/** Forgets messages that came half a year ago. */
export const pruneMessages = async (db: Database): Promise<void> => {
  await db.worker.query(`delete from contact_messages where created_at < now() - interval '${KEPT_DAYS} days'`);
};
