import { isDeepStrictEqual } from 'node:util';
import type { Forward, UpstreamRequest } from '../upstream/forward.js';
import type { FindOpenSession, Handshake, KeepOnlySession, UpstreamTarget } from '../upstream/probe.js';

/** Finds a session that a client has open at a server over the same transport. */
export type FindSession = (
  server: UpstreamTarget['server'],
) => Readonly<{ grantId: string; credential: UpstreamTarget['credential']; handshake: Handshake }> | undefined;

const MAX_KEPT = 1000;
const MAX_KEPT_OF_ORGANIZATION = 50;
/** Of the result of `initialize`, as JSON. */
const MAX_RESULT_LENGTH = 64 * 1024;

type Source = Readonly<{ find: FindSession; forward: Forward }>;

/**
 * The sessions that clients of this process have open at servers: discovery uses one of them instead of a session of
 * its own, which a server may have no place for.
 */
export class OpenSessions {
  readonly #sources = new Set<Source>();
  readonly #kept = new Map<string, Readonly<{ server: UpstreamTarget['server']; handshake: Handshake }>>();

  /** Keeps the only session of a server, which discovery began, for the first client. */
  readonly keep: KeepOnlySession = (server, handshake) => {
    if (JSON.stringify(handshake.result).length > MAX_RESULT_LENGTH) return false;
    this.#kept.delete(server.id);
    const own = [...this.#kept.values()].filter((one) => one.server.organizationId === server.organizationId);
    const [oldest] =
      own.length >= MAX_KEPT_OF_ORGANIZATION ? own : this.#kept.size >= MAX_KEPT ? this.#kept.values() : [];
    if (oldest) this.#kept.delete(oldest.server.id);
    this.#kept.set(server.id, { server, handshake });
    return true;
  };

  /** Takes the kept session of a server for a client's `initialize`; undefined for any other request. */
  take({ server, grantId, era, method, headers }: UpstreamRequest): Handshake | undefined {
    if (this.#kept.size === 0 || method !== 'POST' || era !== 'legacy' || !grantId.startsWith('grt_')) return undefined;
    if (headers['mcp-session-id'] !== undefined || headers['mcp-protocol-version'] !== undefined) return undefined;
    const kept = this.#kept.get(server.id);
    this.#kept.delete(server.id);
    return kept && isDeepStrictEqual(kept.server.transport, server.transport) ? kept.handshake : undefined;
  }

  /** Adds a source; the returned function removes it. */
  add(source: Source): () => void {
    this.#sources.add(source);
    return () => void this.#sources.delete(source);
  }

  readonly find: FindOpenSession = (server) => {
    for (const { find, forward } of this.#sources) {
      const found = find(server);
      if (!found) continue;
      const { handshake, grantId, credential } = found;
      return { target: { forward, server, grantId, credential }, handshake };
    }
    return undefined;
  };
}
