import type { Topic } from '../event-log/events/index.js';
import type { Database } from '../../platform/postgres/database.js';

/**
 * How many records of a topic that lie before these ends (the next offset of each partition) are not yet in the audit
 * log.
 */
export const unrecorded = async (db: Database, topic: Topic, ends: readonly number[]): Promise<number> => {
  const { rows } = await db.worker.query<{ count: number }>(
    `select coalesce(sum(greatest(0, e.next - coalesce(o.next, 0))), 0)::bigint as count
      from unnest($2::bigint[]) with ordinality e(next, n)
     left join log_offsets o on o.reader = 'audit' and o.topic = $1 and o.part = e.n - 1`,
    [topic, ends],
  );
  return rows[0]?.count ?? 0;
};
