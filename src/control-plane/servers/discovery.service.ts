import { Inject, Injectable } from '@nestjs/common';
import type { Transport } from '../../record/event-log/events/index.js';
import type { Config } from '../../platform/settings/config.js';
import { Database } from '../../platform/postgres/database.js';
import { FairTurns } from '../../platform/fair-shares/fair-turns.js';
import type { Outbound } from '../../platform/outbound/outbound.js';
import { CONFIG, FORWARD, OPEN_SESSIONS, OUTBOUND } from '../../platform/runtime/parts.js';
import type { Discovered } from '../../mcp/upstream/discover.js';
import type { Forward } from '../../mcp/upstream/forward.js';
import { hastenTurn } from './tools/discovery-turns.js';
import {
  discoverServer,
  guardTransport,
  STILL_STARTING,
  type DiscoveryDeps,
  type DiscoveryTarget,
} from './discover-server.js';

/**
 * A discovery holds a connection and up to 10 MiB for as long as 15 s: this process runs so many at once, and so many
 * of one organization.
 */
const DISCOVERIES = { slots: 16, slotsPerKey: 4, waiting: 500, waitingPerKey: 20, waitMs: 30_000 } as const;

/** Discovers servers on request, in turns that are fair by organization. */
@Injectable()
export class DiscoveryService {
  readonly #db: Database;
  @Inject(OPEN_SESSIONS) private readonly openSessions!: Pick<DiscoveryDeps, 'findOpenSession' | 'keepOnlySession'>;
  readonly #deps: Omit<DiscoveryDeps, 'findOpenSession' | 'keepOnlySession'>;
  readonly #turns = new FairTurns(DISCOVERIES);

  constructor(
    db: Database,
    @Inject(OUTBOUND) outbound: Outbound,
    @Inject(FORWARD) forward: Forward,
    @Inject(CONFIG) { allowStdio, stdioVariables }: Config,
  ) {
    this.#db = db;
    this.#deps = { outbound, forward, allowStdio, stdioVariables };
  }

  /** @throws Problem `command_not_allowed`, `url_not_allowed`, or `invalid_body` for no URL at all */
  guard(transport: Transport): Promise<Transport> {
    return guardTransport({ ...this.#deps, ...this.openSessions }, transport);
  }

  /** Asks a server what it offers. @throws Problem too_many_requests or unavailable when too many wait */
  async discover(target: DiscoveryTarget): Promise<Discovered> {
    const found = await this.#turns.run(target.organizationId, () =>
      discoverServer({ ...this.#deps, ...this.openSessions }, target, { isRetried: true }),
    );
    // Whoever waits gets an answer; a command that is still starting gets the time that it needs in a turn of its own.
    if (found.detail === STILL_STARTING) await hastenTurn(this.#db, target);
    return found;
  }
}
