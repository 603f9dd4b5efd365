import { createHash } from 'node:crypto';
import type { Forward, UpstreamRequest, UpstreamServer } from '../upstream/forward.js';
import type { UpstreamTarget } from '../upstream/probe.js';

/**
 * The status by which an adapter reports that its server refused as only a server of the other era does (RFC 9110, "421
 * Misdirected Request"). `Attempt` decides what follows; no client sees it.
 */
export const MISDIRECTED = 421;

/** Whether a status is such a refusal. */
export const isEraRefusal = (status: number): boolean => status === 400 || status === 404 || status === 405;

const PROTOCOL_HEADERS = new Set(['content-type', 'accept', 'user-agent', 'last-event-id']);

/** The request's headers without those of the protocol: they sign in. */
const credentialOf = (headers: UpstreamRequest['headers']): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !PROTOCOL_HEADERS.has(name) && !/^mcp-/i.test(name)));

/** The server of a request with the request's credential. */
export const targetOf = (forward: Forward, { server, headers, grantId }: UpstreamRequest): UpstreamTarget => ({
  forward,
  server,
  credential: credentialOf(headers),
  grantId,
});

const MAX_CREDENTIALS = 1000;

/**
 * A value per server and credential. It is dropped when the server's facts change, and the oldest is dropped when many
 * credentials are in use.
 */
export class PerServerCache<T> {
  readonly #make: (reach: UpstreamTarget) => T;
  readonly #servers = new WeakMap<UpstreamServer, Map<string, T>>();

  constructor(make: (reach: UpstreamTarget) => T) {
    this.#make = make;
  }

  of(reach: UpstreamTarget): T {
    const held = this.#servers.get(reach.server) ?? new Map<string, T>();
    this.#servers.set(reach.server, held);
    // A stdio process belongs to one grant.
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
