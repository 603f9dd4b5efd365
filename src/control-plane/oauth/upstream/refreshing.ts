import type { Vault } from '../../../platform/crypto/vault.js';
import type { Outbound } from '../../../platform/outbound/outbound.js';
import type { Database } from '../../../platform/postgres/database.js';
import { errorText, log } from '../../../platform/runtime/log.js';
import { startPollingLoop, type PollingLoop } from '../../../platform/runtime/polling-loop.js';
import type { EventStore, OwnActor } from '../../../record/event-store/event-store.js';
import { loadConnection, type Connection } from '../../servers/connections.store.js';
import { keepTokens, loseTokens } from './keep-tokens.js';
import { askTokens } from './tokens.js';

export type RefreshDeps = Readonly<{ db: Database; store: EventStore; vault: Vault; outbound: Outbound }>;

type Due = { organization_id: string; server_id: string };

const ACTOR: OwnActor = { type: 'system', id: 'upstream-sign-in' };
const POLL_MS = 500;
const RETRY_DELAY_MS = 5000;
const RETRY_SECONDS = 10;
/** Longer than asking a token endpoint takes. */
const LEASE_SECONDS = 30;
const BATCH_SIZE = 8;

const LEASE = `update connections set leased_until = now() + interval '${LEASE_SECONDS} s'
  where (organization_id, server_id) in (select organization_id, server_id from connections
    where refresh_at <= now() and (leased_until is null or leased_until < now())
    order by refresh_at limit ${BATCH_SIZE} for update skip locked)
  returning organization_id, server_id`;

const PUT_OFF = `update connections set leased_until = null, refresh_at = now() + interval '${RETRY_SECONDS} s'
  where organization_id = $1 and server_id = $2`;

const refresh = async (deps: RefreshDeps, { organization_id: organizationId, server_id: serverId }: Due) => {
  const { vault, store, outbound } = deps;
  const connection: Connection | undefined = await store.read(organizationId, (tx) =>
    loadConnection({ tx, vault, organizationId, serverId }),
  );
  if (!connection) return;
  const { secrets, scopes } = connection;
  const { refreshToken } = secrets;
  const answer =
    refreshToken === undefined
      ? 'refused'
      : await askTokens(outbound, secrets, { grant_type: 'refresh_token', refresh_token: refreshToken });
  if (answer === 'unavailable') {
    await deps.db.worker.query(PUT_OFF, [organizationId, serverId]);
    return;
  }
  await store.change({ organizationId, actor: ACTOR }, (change) =>
    answer === 'refused'
      ? loseTokens(change, { vault, serverId, secrets, scopes })
      : keepTokens(change, { vault, serverId, secrets, scopes }, answer),
  );
};

/** Renews the tokens of upstreams ahead of their end, each by one node at a time. */
export const startRefreshing = (deps: RefreshDeps): PollingLoop =>
  startPollingLoop(
    async () => {
      const { rows } = await deps.db.worker.query<Due>(LEASE);
      await Promise.all(
        rows.map((due) =>
          refresh(deps, due).catch((error: unknown) =>
            log.warn('the tokens of a server could not be renewed', {
              serverId: due.server_id,
              error: errorText(error),
            }),
          ),
        ),
      );
      return rows.length === BATCH_SIZE ? 0 : POLL_MS;
    },
    { failed: 'renewing the tokens of servers failed', retryDelayMs: RETRY_DELAY_MS },
  );
