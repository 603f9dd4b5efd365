import { startInterval } from '../../platform/runtime/guard.js';
import { isDeepStrictEqual } from 'node:util';
import { CHANNEL_QUOTA } from '../../platform/fair-shares/data-plane-quotas.js';
import { Quota } from '../../platform/fair-shares/quota.js';
import type { UpstreamRequest } from '../upstream/forward.js';

const SWEEP_INTERVAL_MS = 500;
const IDLE_TIMEOUT_MS = 30 * 60_000;

/** `stillGood`: whether a grant may still call; what is kept for one that may not is ended within half a second. */
export type ChannelRules = Readonly<{ isGrantActive: (grantId: string) => boolean }>;

/** A channel of one grant at one server. `lastUsedAt` is the current time while it is in use. */
type RegisteredChannel = Readonly<{ grantId: string; serverId: string; lastUsedAt: () => number; end: () => void }>;

type Transport = UpstreamRequest['server']['transport'];

type Entry<T> = Readonly<{ one: T; organizationId: string; transport: Transport }>;

/**
 * Channels by their keys: never found for another grant or server, and ended when the grant or the server's transport
 * changes or after half an hour without use. An organization that has its share of them loses the one that it used
 * longest ago for a new one; no organization loses one for another's.
 */
export class ChannelRegistry<T extends RegisteredChannel> {
  readonly #entries = new Map<string, Entry<T>>();
  readonly #quota = new Quota(CHANNEL_QUOTA);
  readonly #rules: ChannelRules;
  readonly #timer: NodeJS.Timeout;

  constructor(rules: ChannelRules) {
    this.#rules = rules;
    this.#timer = startInterval('kept_channels', SWEEP_INTERVAL_MS, () => this.#sweep());
    this.#timer.unref();
  }

  find(key: string, { grantId, server }: UpstreamRequest): T | undefined {
    const kept = this.#entries.get(key);
    if (!kept || kept.one.grantId !== grantId || kept.one.serverId !== server.id) return undefined;
    if (kept.transport === server.transport || isDeepStrictEqual(kept.transport, server.transport)) return kept.one;
    this.end(key);
    return undefined;
  }

  add(key: string, one: T, { server }: UpstreamRequest): T {
    const { organizationId, transport } = server;
    this.end(key);
    while (this.#quota.take(organizationId, one.grantId) !== undefined) this.#endIdlest(organizationId);
    this.#entries.set(key, { one, organizationId, transport });
    return one;
  }

  /** The keys of what a grant has at a server, the longest unused first. */
  keysOf({ grantId, server }: UpstreamRequest): readonly string[] {
    const own = [...this.#entries].filter(([, { one }]) => one.grantId === grantId && one.serverId === server.id);
    return own.toSorted(([, a], [, b]) => a.one.lastUsedAt() - b.one.lastUsedAt()).map(([key]) => key);
  }

  end(key: string): void {
    const kept = this.#entries.get(key);
    if (!kept) return;
    this.#entries.delete(key);
    this.#quota.free(kept.organizationId, kept.one.grantId);
    kept.one.end();
  }

  /** Ends the one of an organization's that was used longest ago; it has one, as its share is never none. */
  #endIdlest(organizationId: string): void {
    let idlest: Readonly<{ key: string; usedAt: number }> | undefined;
    for (const [key, { one, organizationId: owner }] of this.#entries)
      if (owner === organizationId && one.lastUsedAt() < (idlest?.usedAt ?? Infinity))
        idlest = { key, usedAt: one.lastUsedAt() };
    if (idlest === undefined) throw new Error('an organization without channels has more than its share');
    this.end(idlest.key);
  }

  /** Ends all. */
  stop(): void {
    clearInterval(this.#timer);
    for (const key of this.#entries.keys()) this.end(key);
  }

  #sweep(): void {
    const now = Date.now();
    for (const [key, { one }] of this.#entries)
      if (!this.#rules.isGrantActive(one.grantId) || now - one.lastUsedAt() > IDLE_TIMEOUT_MS) this.end(key);
  }
}
