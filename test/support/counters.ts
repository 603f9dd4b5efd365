import type { Database } from '../../src/platform/postgres/database.js';
import { counterKey } from '../../src/platform/crypto/counter-key.js';
import type { Reservation } from '../../src/policy-engine/decide.js';
import { counterName } from '../../src/policy-engine/limits.js';

type Counter = Pick<Reservation, 'counter' | 'window' | 'scope' | 'whom'>;

/** What a counter holds; undefined when the database has none. */
export const usedOf = async (db: Database, organizationId: string, counter: Counter): Promise<number | undefined> => {
  const key = counterKey(counterName(organizationId, counter));
  const { rows } = await db.worker.query<{ used: number }>(
    'select used from limit_counters where organization_id = $1 and key = $2',
    [organizationId, key],
  );
  return rows[0]?.used;
};
