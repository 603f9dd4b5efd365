import type { Database } from '../../platform/postgres/database.js';
import { inBackground } from '../../platform/runtime/guard.js';

/** SQL: whether a credential's last use is on record to the minute; `alias` is that of its table. */
export const USED_LATELY = (alias: string): string =>
  `coalesce(${alias}.last_used_at > now() - interval '1 minute', false)`;

/**
 * Records that a session or an API key is used now, at most once a minute, as a write for each request would cost more
 * than the request. No request waits for it.
 */
export const noteUse = (db: Database, table: 'sessions' | 'api_keys', id: string): void =>
  inBackground(
    'last_used',
    db.signIn.query(`update ${table} as used set last_used_at = now() where id = $1 and not ${USED_LATELY('used')}`, [
      id,
    ]),
  );
