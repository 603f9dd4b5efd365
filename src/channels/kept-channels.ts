import { isDeepStrictEqual } from 'node:util';
import type { UpstreamRequest } from '../upstream/forward.js';

const SWEEP_MS = 500;
const IDLE_MS = 30 * 60_000;

/** `stillGood`: whether a grant may still call; what is kept for one that may not is ended within half a second. */
export type ChannelRules = Readonly<{ stillGood: (grantId: string) => boolean }>;

/** What lives longer than a request, for one grant at one server. `usedAt` is now while it is in use. */
type Keepable = Readonly<{ grantId: string; serverId: string; usedAt: () => number; end: () => void }>;

type Transport = UpstreamRequest['server']['transport'];

/** Channels by their keys: never found for another grant or server, and ended when the grant or the server's transport changes or after half an hour without use. */
export class KeptChannels<T extends Keepable> {
  readonly #kept = new Map<string, Readonly<{ one: T; transport: Transport }>>();
  readonly #rules: ChannelRules;
  readonly #timer: NodeJS.Timeout;

  constructor(rules: ChannelRules) {
    this.#rules = rules;
    this.#timer = setInterval(() => this.#sweep(), SWEEP_MS);
    this.#timer.unref();
  }

  find(key: string, { grantId, server }: UpstreamRequest): T | undefined {
    const kept = this.#kept.get(key);
    if (!kept || kept.one.grantId !== grantId || kept.one.serverId !== server.id) return undefined;
    if (kept.transport === server.transport || isDeepStrictEqual(kept.transport, server.transport)) return kept.one;
    this.end(key);
    return undefined;
  }

  keep(key: string, one: T, transport: Transport): T {
    this.#kept.set(key, { one, transport });
    return one;
  }

  /** The keys of what a grant has at a server, the longest unused first. */
  of({ grantId, server }: UpstreamRequest): readonly string[] {
    const own = [...this.#kept].filter(([, { one }]) => one.grantId === grantId && one.serverId === server.id);
    return own.toSorted(([, a], [, b]) => a.one.usedAt() - b.one.usedAt()).map(([key]) => key);
  }

  end(key: string): void {
    const kept = this.#kept.get(key);
    this.#kept.delete(key);
    kept?.one.end();
  }

  /** Ends all. */
  stop(): void {
    clearInterval(this.#timer);
    for (const key of this.#kept.keys()) this.end(key);
  }

  #sweep(): void {
    const now = Date.now();
    for (const [key, { one }] of this.#kept) if (!this.#rules.stillGood(one.grantId) || now - one.usedAt() > IDLE_MS) this.end(key);
  }
}
