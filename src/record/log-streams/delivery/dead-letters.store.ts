import type { Database, Tx } from '../../../platform/postgres/database.js';
import { searchEvents, type StoredEvent } from '../../audit/audit.query.js';
import type { Answer } from '../kind.js';

type Of = Readonly<{ organizationId: string; streamId: string }>;

/** What came of sending a dead letter again. */
export type Redriven = Readonly<{ delivered: boolean; answer: Answer }>;

const GONE: Redriven = {
  delivered: false,
  answer: { httpStatus: null, body: 'the record is not kept any more: see AUDIT_RETENTION_DAYS' },
};

/**
 * Sends the first dead letter again that is to be: one that is delivered is gone, another keeps the new answer and is
 * not sent again by itself. False when there is none, or when `send` was stopped and has nothing to say.
 */
export const redriveOne = async (
  db: Database,
  { organizationId, streamId }: Of,
  send: (stored: StoredEvent) => Promise<Redriven | undefined>,
): Promise<boolean> => {
  const found = await db.asStreams(async (tx) => {
    const { rows } = await tx.query<{ seq: number; event_id: string }>(
      `select seq, event_id from log_stream_dead_letters where organization_id = $1 and stream_id = $2 and redrive
        order by seq limit 1`,
      [organizationId, streamId],
    );
    const [letter] = rows;
    if (!letter) return undefined;
    const found = await searchEvents(tx, organizationId, { id: [letter.event_id] }, { limit: 1 });
    return { seq: letter.seq, stored: found.events[0] };
  });
  if (!found) return false;
  const sent = found.stored ? await send(found.stored) : GONE;
  if (!sent) return false;
  const { delivered, answer } = sent;
  await db.asStreams(async (tx) => {
    const key = [organizationId, streamId, found.seq];
    if (delivered)
      await tx.query(
        'delete from log_stream_dead_letters where organization_id = $1 and stream_id = $2 and seq = $3',
        key,
      );
    else
      await tx.query(
        `update log_stream_dead_letters set redrive = false, at = now(), http_status = $4, answer = $5
          where organization_id = $1 and stream_id = $2 and seq = $3`,
        [...key, answer.httpStatus, answer.body],
      );
  });
  return true;
};

/** A dead letter as a list shows it. */
export type StoredLetter = Readonly<{
  seq: number;
  eventId: string;
  at: Date;
  httpStatus: number | null;
  answer: string;
}>;

const COLUMNS = 'seq, event_id as "eventId", at, http_status as "httpStatus", answer';

/** A stream's dead letters behind a seq, in order. */
export const listDeadLetters = async (
  tx: Tx,
  { organizationId, streamId }: Of,
  { afterSeq, limit }: Readonly<{ afterSeq: number; limit: number }>,
): Promise<readonly StoredLetter[]> =>
  (
    await tx.query<StoredLetter>(
      `select ${COLUMNS} from log_stream_dead_letters where organization_id = $1 and stream_id = $2 and seq > $3
        order by seq limit $4`,
      [organizationId, streamId, afterSeq, limit],
    )
  ).rows;

/** Has every dead letter of a stream sent again. Answers how many. */
export const markForRedrive = async (tx: Tx, { organizationId, streamId }: Of): Promise<number> =>
  (
    await tx.query('update log_stream_dead_letters set redrive = true where organization_id = $1 and stream_id = $2', [
      organizationId,
      streamId,
    ])
  ).rowCount ?? 0;
