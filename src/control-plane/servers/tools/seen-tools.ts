import { startTimer } from '../../../platform/runtime/guard.js';
import type { EventStore, OwnActor } from '../../../record/event-store/event-store.js';
import type { DiscoveredTool } from '../../../record/event-log/events/index.js';
import type { Database } from '../../../platform/postgres/database.js';
import { within } from '../../../platform/runtime/within.js';
import { errorText, log } from '../../../platform/runtime/log.js';
import { decideSeenTools } from '../discoveries.js';
import { serverStream } from '../servers.store.js';
import { hastenTurn, type DiscoveredServer } from './discovery-turns.js';

type Noticed = Readonly<{ organizationId: string; serverId: string; tools: readonly DiscoveredTool[] }>;
type Waiting = {
  readonly organizationId: string;
  readonly serverId: string;
  readonly tools: Map<string, DiscoveredTool>;
  turns: number;
  at: number;
  flushing: Promise<void> | undefined;
  timer: NodeJS.Timeout | undefined;
};

const RECORD_TIMEOUT_MS = 1000;
const RETRY_DELAY_MS = 1000;
/**
 * A server whose definitions never rest must not fill the event store: so many records at once, then one in five
 * minutes.
 */
const MAX_RECORDS_IN_A_ROW = 20;
const MS_PER_RECORD = 300_000;
const MIN_HASTEN_INTERVAL_MS = 2000;
const MAX_RECORD_BYTES = 2 ** 20;
const MAX_SERVERS = 10_000;
const ACTOR: OwnActor = { type: 'system', id: 'gateway' };

/**
 * As many of the tools as may be recorded at once. One that alone is larger is never recorded: its clients don't see it
 * either.
 */
const portion = (tools: Iterable<DiscoveredTool>): readonly DiscoveredTool[] => {
  let bytes = 0;
  return [...tools].filter(({ definition }) => (bytes += JSON.stringify(definition).length) <= MAX_RECORD_BYTES);
};

/**
 * Records the definitions that lists on their way to clients had and that nobody knew yet, so that every gateway holds
 * them. What can't be recorded now waits in memory: it is seen again when a client lists, and found by the next
 * discovery.
 */
export class SeenTools {
  readonly #store: EventStore;
  readonly #db: Database;
  readonly #hastened = new Map<string, number>();
  readonly #hastening = new Map<string, NodeJS.Timeout>();
  readonly #servers = new Map<string, Waiting>();
  #stopped = false;

  constructor(store: EventStore, db: Database) {
    this.#store = store;
    this.#db = db;
  }

  /** Resolves when the definitions are on record, or after a second. Never rejects. */
  notice({ organizationId, serverId, tools }: Noticed): Promise<void> {
    const waiting = this.#servers.get(serverId) ?? {
      organizationId,
      serverId,
      tools: new Map(),
      turns: MAX_RECORDS_IN_A_ROW,
      at: performance.now(),
      flushing: undefined,
      timer: undefined,
    };
    if (!this.#servers.has(serverId) && this.#servers.size >= MAX_SERVERS) this.#forget();
    this.#servers.set(serverId, waiting);
    for (const tool of tools) waiting.tools.set(tool.name, tool);
    return within(this.#flush(waiting), RECORD_TIMEOUT_MS);
  }

  /**
   * A server said that its tools changed: it is discovered soon, by whoever does that. What is told again within
   * seconds is told on once, afterwards.
   */
  hasten(of: DiscoveredServer): void {
    if (this.#hastening.has(of.serverId) || this.#stopped) return;
    const told = this.#hastened.get(of.serverId) ?? Number.NEGATIVE_INFINITY;
    const ms = Math.max(0, told + MIN_HASTEN_INTERVAL_MS - performance.now());
    const timer = startTimer('noticed_tools', ms, () => {
      this.#hastening.delete(of.serverId);
      if (this.#hastened.size >= MAX_SERVERS) this.#hastened.clear();
      this.#hastened.set(of.serverId, performance.now());
      return hastenTurn(this.#db, of).catch((error: unknown) =>
        log.warn('a discovery could not be hastened', { serverId: of.serverId, error: errorText(error) }),
      );
    });
    this.#hastening.set(of.serverId, timer);
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of [...[...this.#servers.values()].map((waiting) => waiting.timer), ...this.#hastening.values()])
      clearTimeout(timer);
  }

  async #flush(waiting: Waiting): Promise<void> {
    while (waiting.flushing) await waiting.flushing;
    if (this.#stopped || waiting.tools.size === 0 || waiting.timer) return;
    waiting.turns = Math.min(MAX_RECORDS_IN_A_ROW, waiting.turns + (performance.now() - waiting.at) / MS_PER_RECORD);
    waiting.at = performance.now();
    if (waiting.turns < 1) return this.#later(waiting, (1 - waiting.turns) * MS_PER_RECORD);
    waiting.flushing = this.#record(waiting).finally(() => (waiting.flushing = undefined));
    await waiting.flushing;
  }

  async #record(waiting: Waiting): Promise<void> {
    const { organizationId, serverId, tools: all } = waiting;
    const tools = portion(all.values());
    waiting.tools.clear();
    try {
      await this.#store.change({ organizationId, actor: ACTOR }, (change) =>
        change.apply(serverStream, serverId, (state) => decideSeenTools(serverId, state, tools)),
      );
      waiting.turns -= 1;
    } catch (error) {
      log.warn('changed definitions of tools could not be recorded; trying again', {
        serverId,
        error: errorText(error),
      });
      for (const tool of tools) if (!waiting.tools.has(tool.name)) waiting.tools.set(tool.name, tool);
      this.#later(waiting, RETRY_DELAY_MS);
    }
  }

  #later(waiting: Waiting, ms: number): void {
    waiting.timer = startTimer('noticed_tools', ms, () => {
      waiting.timer = undefined;
      return this.#flush(waiting);
    });
    waiting.timer.unref();
  }

  #forget(): void {
    for (const [serverId, { tools, flushing }] of this.#servers)
      if (tools.size === 0 && !flushing) this.#servers.delete(serverId);
  }
}
