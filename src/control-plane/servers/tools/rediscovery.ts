import type { EventStore, OwnActor } from '../../../record/event-store/event-store.js';
import type { Database } from '../../../platform/postgres/database.js';
import { errorText, log } from '../../../platform/runtime/log.js';
import { startPollingLoop, type PollingLoop } from '../../../platform/runtime/polling-loop.js';
import type { Vault } from '../../../platform/crypto/vault.js';
import { discoverServer, STDIO_START_TIMEOUT_MS, type DiscoveryDeps } from '../discover-server.js';
import { decideRediscovery } from '../discoveries.js';
import { loadSecrets } from '../server-secrets.js';
import { serverStream } from '../servers.store.js';
import {
  endTurn,
  enlistServers,
  MAX_TURNS_PER_ORGANIZATION,
  takeTurns,
  type DiscoveryTurn,
} from './discovery-turns.js';

type RediscoveryDeps = Readonly<{ db: Database; store: EventStore; vault: Vault; discovery: DiscoveryDeps }>;

const POLL_INTERVAL_MS = 1000;
const ENLIST_INTERVAL_MS = 30_000;
/** A command may take minutes to start: it holds none of the places of other servers. */
const MAX_CONCURRENT = { stdio: 4, network: 4 } as const;
const ACTOR: OwnActor = { type: 'system', id: 'discovery' };

/** The turns of one kind of server that this process has under way. */
class RunningTurns {
  readonly #running = new Set<DiscoveryTurn>();
  readonly stdio: boolean;
  readonly #max: number;

  constructor(stdio: boolean, max: number) {
    this.stdio = stdio;
    this.#max = max;
  }

  get free(): number {
    return this.#max - this.#running.size;
  }

  get busyOrganizations(): readonly string[] {
    const counts = new Map<string, number>();
    for (const { organizationId } of this.#running) counts.set(organizationId, (counts.get(organizationId) ?? 0) + 1);
    return [...counts]
      .filter(([, count]) => count >= MAX_TURNS_PER_ORGANIZATION)
      .map(([organizationId]) => organizationId);
  }

  add(turn: DiscoveryTurn): void {
    this.#running.add(turn);
  }

  delete(turn: DiscoveryTurn): void {
    this.#running.delete(turn);
  }
}

/** Discovers servers in turns, and records what is new. */
class Rediscovery {
  readonly #deps: RediscoveryDeps;
  readonly #recording = new Set<Promise<unknown>>();
  #stopped = false;

  constructor(deps: RediscoveryDeps) {
    this.#deps = deps;
  }

  /** Never rejects. */
  async run(turn: DiscoveryTurn): Promise<void> {
    try {
      const changed = await this.#rediscover(turn);
      if (!this.#stopped) await this.#whileRecording(endTurn(this.#deps.db, turn, changed));
    } catch (error) {
      if (this.#stopped) return;
      log.warn('a server could not be discovered anew', { serverId: turn.serverId, error: errorText(error) });
    }
  }

  /** Begins no further statement, and resolves when none is under way. Discoveries end with their transports. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.allSettled(this.#recording);
  }

  /** Resolves to whether there was anything to record. */
  async #rediscover({ organizationId, serverId }: DiscoveryTurn): Promise<boolean> {
    const { store, vault, discovery } = this.#deps;
    const known = await this.#whileRecording(
      store.read(organizationId, async (tx) => ({
        server: await serverStream.load(tx, organizationId, serverId),
        secrets: await loadSecrets({ tx, vault, organizationId, serverId }),
      })),
    );
    if (!known.server || known.server.state.deleted || known.server.state.disabled) return false;
    const { state: asked } = known.server;
    const { transport } = asked;
    const found = await discoverServer(
      discovery,
      { organizationId, serverId, transport, secrets: known.secrets, known: asked },
      transport.type === 'stdio' ? { timeoutMs: STDIO_START_TIMEOUT_MS } : {},
    );
    if (this.#stopped) return false;
    let changed = false;
    const recorded = store.change({ organizationId, actor: ACTOR }, (change) =>
      change.apply(serverStream, serverId, (state) => {
        const events = decideRediscovery(serverId, state, { asked, found });
        changed = events.length > 0;
        return events;
      }),
    );
    await this.#whileRecording(recorded);
    return changed;
  }

  async #whileRecording<T>(statement: Promise<T>): Promise<T> {
    this.#recording.add(statement);
    try {
      return await statement;
    } finally {
      this.#recording.delete(statement);
    }
  }
}

/**
 * Discovers servers anew when their turn has come (see `enlistServers`), and soon after a server said that its tools
 * changed, so that a changed definition is noticed although no client lists. Several processes may do this: each turn
 * is
 * taken by one.
 */
export const startRediscovery = (deps: RediscoveryDeps): Pick<PollingLoop, 'stop'> => {
  let enlistedAt = Number.NEGATIVE_INFINITY;
  const rediscovery = new Rediscovery(deps);
  const kinds = [new RunningTurns(true, MAX_CONCURRENT.stdio), new RunningTurns(false, MAX_CONCURRENT.network)];
  const start = (running: RunningTurns, turn: DiscoveryTurn): void => {
    const ended = (): void => {
      running.delete(turn);
      loop.wake();
    };
    running.add(turn);
    rediscovery.run(turn).then(ended, ended);
  };
  const round = async (): Promise<number> => {
    if (performance.now() - enlistedAt > ENLIST_INTERVAL_MS) {
      await enlistServers(deps.db);
      enlistedAt = performance.now();
    }
    for (const running of kinds) {
      const { stdio, free: limit, busyOrganizations } = running;
      if (limit === 0) continue;
      for (const turn of await takeTurns(deps.db, { stdio, limit, busyOrganizations })) start(running, turn);
    }
    return POLL_INTERVAL_MS;
  };
  const loop = startPollingLoop(round, {
    failed: 'discovering servers anew failed',
    retryDelayMs: POLL_INTERVAL_MS,
  });
  return {
    stop: async () => {
      await loop.stop();
      await rediscovery.stop();
    },
  };
};
