import { startInterval } from '../../platform/runtime/guard.js';
import { isDeepStrictEqual } from 'node:util';
import { channelQuota } from '../../platform/fair-shares/data-plane-quotas.js';
import { Quota } from '../../platform/fair-shares/quota.js';
import type { UpstreamRequest } from '../upstream/forward.js';

const SWEEP_INTERVAL_MS = 500;
/** A channel that was unused for so long may give its place to a newcomer, or to a server that takes one connection. */
export const FREE_AFTER_MS = 60_000;

/** How many sessions over channels there may be, and after how long without a stream an idle one ends. */
export type SessionLimits = Readonly<{ perGrant: number; perServer: number; idleMs: number }>;

/** The limits where no settings say others. */
export const DEFAULT_SESSION_LIMITS: SessionLimits = { perGrant: 32, perServer: 200, idleMs: 30 * 60_000 };

/** `isGrantActive`: whether a grant may still call; its channels end within half a second when it may not. */
export type ChannelRules = Readonly<{ isGrantActive: (grantId: string) => boolean; limits: SessionLimits }>;

/**
 * A channel of one grant at one server. `lastUsedAt` is the current time while it is in use; `hadStream`: its client
 * has closed its stream.
 */
export type RegisteredChannel = Readonly<{
  grantId: string;
  serverId: string;
  hadStream?: boolean;
  lastUsedAt: () => number;
  end: () => void;
}>;

type Transport = UpstreamRequest['server']['transport'];

type Entry<T> = Readonly<{ one: T; organizationId: string; transport: Transport }>;

const isSameTransport = (one: Transport, other: Transport): boolean => one === other || isDeepStrictEqual(one, other);

/** A client that closed its stream at an SSE server has gone, and the server may take one connection only. */
const idleTimeoutOf = ({ one, transport }: Entry<RegisteredChannel>, { idleMs }: SessionLimits): number =>
  transport.type === 'sse' && one.hadStream === true ? Math.min(FREE_AFTER_MS, idleMs) : idleMs;

/**
 * Channels by their keys: never found for another grant or server, and ended when the grant or the server's transport
 * changes, or when they are idle. One that is in use never ends for another: a newcomer over a limit takes the place of
 * one that is idle for a minute, or is refused.
 */
export class ChannelRegistry<T extends RegisteredChannel> {
  readonly #entries = new Map<string, Entry<T>>();
  readonly #quota: Quota;
  readonly #rules: ChannelRules;
  readonly #timer: NodeJS.Timeout;

  constructor(rules: ChannelRules) {
    this.#rules = rules;
    this.#quota = new Quota(channelQuota(rules.limits));
    this.#timer = startInterval('channel_registry', SWEEP_INTERVAL_MS, () => this.#sweep());
    this.#timer.unref();
  }

  find(key: string, { grantId, server }: UpstreamRequest): T | undefined {
    const entry = this.#entries.get(key);
    if (!entry || entry.one.grantId !== grantId || entry.one.serverId !== server.id) return undefined;
    if (isSameTransport(entry.transport, server.transport)) return entry.one;
    this.end(key);
    return undefined;
  }

  /** Any channel to a server over this transport that was used last; undefined when there is none. */
  findAny({ id, transport }: UpstreamRequest['server'], isUsable: (one: T) => boolean): T | undefined {
    const own = this.#at(id).filter(([, entry]) => isSameTransport(entry.transport, transport) && isUsable(entry.one));
    return own.toSorted(([, a], [, b]) => b.one.lastUsedAt() - a.one.lastUsedAt())[0]?.[1].one;
  }

  /** How many channels there are to a server. */
  countAt(serverId: string): number {
    return this.#at(serverId).length;
  }

  /** Makes room for one more channel, for which idle ones may end; the reason when there is none. */
  reasonWhyFull({ grantId, server }: UpstreamRequest): string | undefined {
    const { limits } = this.#rules;
    const isOfGrant = ({ one }: Entry<T>): boolean => one.grantId === grantId && one.serverId === server.id;
    if (!this.#makeRoom(isOfGrant, limits.perGrant))
      return `this grant has ${limits.perGrant} sessions in use at this MCP server, as many as it may; end one first`;
    if (!this.#makeRoom(({ one }) => one.serverId === server.id, limits.perServer))
      return `${limits.perServer} sessions are in use at this MCP server, as many as it may have; try again later`;
    return this.#makeRoomInQuota(server.organizationId, grantId);
  }

  /** Adds a channel for which `reasonWhyFull` made room. */
  add(key: string, one: T, { server }: UpstreamRequest): T {
    const { organizationId, transport } = server;
    this.end(key);
    this.#quota.take(organizationId, one.grantId);
    this.#entries.set(key, { one, organizationId, transport });
    return one;
  }

  /** Ends the longest unused of these channels, if it is idle for a minute; false when none is. */
  endIdle(isMeant: (entry: Entry<T>) => boolean): boolean {
    let idlest: Readonly<{ key: string; lastUsedAt: number }> | undefined;
    for (const [key, entry] of this.#entries) {
      const lastUsedAt = isMeant(entry) ? entry.one.lastUsedAt() : Infinity;
      if (lastUsedAt < (idlest?.lastUsedAt ?? Infinity)) idlest = { key, lastUsedAt };
    }
    if (idlest === undefined || Date.now() - idlest.lastUsedAt < FREE_AFTER_MS) return false;
    this.end(idlest.key);
    return true;
  }

  end(key: string): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#entries.delete(key);
    this.#quota.free(entry.organizationId, entry.one.grantId);
    entry.one.end();
  }

  /** All channels. */
  all(): readonly T[] {
    return [...this.#entries.values()].map(({ one }) => one);
  }

  /** Ends all. */
  stop(): void {
    clearInterval(this.#timer);
    for (const key of this.#entries.keys()) this.end(key);
  }

  #at(serverId: string): readonly (readonly [string, Entry<T>])[] {
    return [...this.#entries].filter(([, { one }]) => one.serverId === serverId);
  }

  #makeRoom(isMeant: (entry: Entry<T>) => boolean, limit: number): boolean {
    let count = 0;
    for (const entry of this.#entries.values()) if (isMeant(entry)) count += 1;
    return count < limit || this.endIdle(isMeant);
  }

  /** A grant over its own quota takes no place of another grant. */
  #makeRoomInQuota(organizationId: string, grantId: string): string | undefined {
    for (;;) {
      const exceeded = this.#quota.exceededBy(organizationId, grantId);
      if (exceeded === undefined) return undefined;
      const isMeant = (entry: Entry<T>): boolean =>
        entry.organizationId === organizationId && (exceeded !== 'grant' || entry.one.grantId === grantId);
      if (this.endIdle(isMeant)) continue;
      return exceeded === 'grant'
        ? 'this grant has as many sessions at stdio and SSE servers in use as it may; end one first'
        : 'this organization has as many sessions at stdio and SSE servers in use as it may; end one first';
    }
  }

  #sweep(): void {
    const now = Date.now();
    for (const [key, entry] of this.#entries)
      if (
        !this.#rules.isGrantActive(entry.one.grantId) ||
        now - entry.one.lastUsedAt() > idleTimeoutOf(entry, this.#rules.limits)
      )
        this.end(key);
  }
}
