import { createHash } from 'node:crypto';
import type { Forward, UpstreamRequest, UpstreamServer } from '../upstream/forward.js';
import type { Reach } from '../upstream/probe.js';

/**
 * The status by which a translation says that its server refused in a way that only one of the other era does (RFC
 * 9110, "421 Misdirected Request"). Whoever routes requests decides what follows; no client sees it.
 */
export const MISDIRECTED = 421;

/** The statuses of such a refusal. */
export const isEraRefusal = (status: number): boolean => status === 400 || status === 404 || status === 405;

const PROTOCOL_HEADERS = new Set(['content-type', 'accept', 'user-agent', 'last-event-id']);

/** The headers of a request that sign in, without those that the protocol has. */
const credentialOf = (headers: UpstreamRequest['headers']): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !PROTOCOL_HEADERS.has(name) && !/^mcp-/i.test(name)));

/** The way to the server of a request, as the one who sent it. */
export const targetOf = (forward: Forward, { server, headers, grantId }: UpstreamRequest): Reach => ({
  forward,
  server,
  credential: credentialOf(headers),
  grantId,
});

const MAX_CREDENTIALS = 1000;

/**
 * What is remembered of a server for those who sign in to it alike. It is forgotten with the server's facts, when
 * anything about the server changes, and the oldest goes first when many credentials are in use.
 */
export class PerServerCache<T> {
  readonly #make: (reach: Reach) => T;
  readonly #servers = new WeakMap<UpstreamServer, Map<string, T>>();

  constructor(make: (reach: Reach) => T) {
    this.#make = make;
  }

  of(reach: Reach): T {
    const held = this.#servers.get(reach.server) ?? new Map<string, T>();
    this.#servers.set(reach.server, held);
    // A process belongs to its grant.
    const owner = reach.server.transport.type === 'stdio' ? reach.grantId : '';
    const key = createHash('sha256')
      .update(JSON.stringify([owner, reach.credential]))
      .digest('base64');
    const known = held.get(key);
    if (known !== undefined) return known;
    const made = this.#make(reach);
    const [oldest] = held.keys();
    if (oldest !== undefined && held.size >= MAX_CREDENTIALS) held.delete(oldest);
    held.set(key, made);
    return made;
  }
}
