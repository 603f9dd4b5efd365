import type { EventStore, OwnActor } from '../../../record/event-store/event-store.js';
import type { Database } from '../../../platform/postgres/database.js';
import { errorText, log } from '../../../platform/runtime/log.js';
import { startPollingLoop, type PollingLoop } from '../../../platform/runtime/rounds.js';
import type { Vault } from '../../../platform/crypto/vault.js';
import { discoverServer, type DiscoveryDeps } from '../discover-server.js';
import { loadSecrets } from '../server-secrets.js';
import { decideRediscovery } from '../discoveries.js';
import { serverStream } from '../servers.store.js';
import { countTurn, enlistServers, takeTurns, type DiscoveryTurn } from './discovery-turns.js';

type RediscoveryDeps = Readonly<{ db: Database; store: EventStore; vault: Vault; ways: DiscoveryDeps }>;

const POLL_MS = 1000;
const ENLIST_MS = 30_000;
const BATCH_SIZE = 4;
const ACTOR: OwnActor = { type: 'system', id: 'discovery' };

/** Discovers a server; resolves to whether there was anything to record. */
const rediscover = async (
  { store, vault, ways }: RediscoveryDeps,
  { organizationId, serverId }: DiscoveryTurn,
): Promise<boolean> => {
  const known = await store.read(organizationId, async (tx) => ({
    server: await serverStream.load(tx, organizationId, serverId),
    secrets: await loadSecrets({ tx, vault, organizationId, serverId }),
  }));
  if (!known.server || known.server.state.deleted || known.server.state.disabled) return false;
  const { state: asked } = known.server;
  const found = await discoverServer(ways, { organizationId, transport: asked.transport, secrets: known.secrets });
  let changed = false;
  await store.change({ organizationId, actor: ACTOR }, (change) =>
    change.apply(serverStream, serverId, (state) => {
      const events = decideRediscovery(serverId, state, { asked, found });
      changed = events.length > 0;
      return events;
    }),
  );
  return changed;
};

const takeTurn = async (parts: RediscoveryDeps, turn: DiscoveryTurn): Promise<void> => {
  try {
    await countTurn(parts.db, turn, await rediscover(parts, turn));
  } catch (error) {
    log.warn('a server could not be discovered anew', { serverId: turn.serverId, error: errorText(error) });
  }
};

/**
 * Discovers every server that clients may call anew, about every five minutes and soon after it said that its tools
 * changed, so that a changed definition is noticed although nobody lists. Several may run: each turn is taken by one.
 */
export const startRediscovery = (parts: RediscoveryDeps): PollingLoop => {
  let enlistedAt = Number.NEGATIVE_INFINITY;
  const round = async (): Promise<number> => {
    if (performance.now() - enlistedAt > ENLIST_MS) {
      await enlistServers(parts.db);
      enlistedAt = performance.now();
    }
    const turns = await takeTurns(parts.db, BATCH_SIZE);
    await Promise.all(turns.map((turn) => takeTurn(parts, turn)));
    return turns.length === BATCH_SIZE ? 0 : POLL_MS;
  };
  return startPollingLoop(round, { failed: 'discovering servers anew failed', retryDelayMs: POLL_MS });
};
