import type { Database } from '../../platform/postgres/database.js';
import { startPollingLoop, type PollingLoop } from '../../platform/runtime/polling-loop.js';

const PAUSE_MS = 10 * 60_000;
const RETRY_DELAY_MS = 30_000;
const BATCH_SIZE = 5000;
/** A client that somebody let in once, and whose sign-ins have all ended since, is forgotten after so long. */
const FORGOTTEN_CLIENT_DAYS = 90;

const DELETE_EXPIRED = `delete from oauth_records where (kind, id_hash) in
  (select kind, id_hash from oauth_records where expires_at < now() limit ${BATCH_SIZE})`;
const DELETE_FORGOTTEN = `delete from oauth_records where (kind, id_hash) in
  (select r.kind, r.id_hash from oauth_records r where r.kind = 'Client' and r.expires_at is null
    and r.created_at < now() - interval '${FORGOTTEN_CLIENT_DAYS} days'
    and not exists (select 1 from grants g where g.client_id is not null and g.revoked_at is null
      and g.expires_at > now() and sha256(convert_to(g.client_id, 'UTF8')) = r.id_hash)
    limit ${BATCH_SIZE})`;

/** Forgets codes, refresh tokens, authorizations and clients that nobody can use any more. */
export const startOauthUpkeep = (db: Database): PollingLoop =>
  startPollingLoop(
    async () => {
      const { rowCount } = await db.worker.query(DELETE_EXPIRED);
      await db.worker.query(DELETE_FORGOTTEN);
      return rowCount === BATCH_SIZE ? 0 : PAUSE_MS;
    },
    { failed: 'forgetting expired sign-ins failed', retryDelayMs: RETRY_DELAY_MS },
  );
