import type { Forward } from '../upstream/forward.js';
import type { FindOpenSession, Handshake, UpstreamTarget } from '../upstream/probe.js';

/** Finds a session that a client has open at a server over the same transport. */
export type FindSession = (
  server: UpstreamTarget['server'],
) => Readonly<{ grantId: string; credential: UpstreamTarget['credential']; handshake: Handshake }> | undefined;

type Source = Readonly<{ find: FindSession; forward: Forward }>;

/**
 * The sessions that clients of this process have open at servers: discovery uses one of them instead of a session of
 * its own, which a server may have no place for.
 */
export class OpenSessions {
  readonly #sources = new Set<Source>();

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
