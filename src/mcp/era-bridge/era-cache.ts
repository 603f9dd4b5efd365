import type { Era } from '../protocol/era.js';
import { log } from '../../platform/runtime/log.js';
import { findEras } from '../upstream/discover.js';
import type { UpstreamServer } from '../upstream/forward.js';
import type { Reach } from '../upstream/probe.js';

/** A server that answers oddly is not asked for its eras with every request. */
const RETRY_DELAY_MS = 10_000;

type EraEntry = { eras: readonly Era[] | undefined; finding: Promise<readonly Era[]> | undefined; askedAt: number };

/**
 * In which eras servers speak: what their discovery found, until an answer shows otherwise and they are asked anew.
 * What was found here holds on this node until the server's facts change.
 */
export class EraCache {
  readonly #found = new WeakMap<UpstreamServer, EraEntry>();

  /** None for a server that was never reached. */
  of(server: UpstreamServer): readonly Era[] {
    return this.#found.get(server)?.eras ?? server.eras;
  }

  /** Asks the server of `reach` for its eras, unless that was done a moment ago. */
  async find(reach: Reach): Promise<readonly Era[]> {
    const { server } = reach;
    const found = this.#found.get(server) ?? { eras: undefined, finding: undefined, askedAt: Number.NEGATIVE_INFINITY };
    this.#found.set(server, found);
    if (!found.finding && performance.now() - found.askedAt < RETRY_DELAY_MS) return this.of(server);
    found.askedAt = performance.now();
    found.finding ??= findEras({ ...reach, grantId: `${server.id} eras` }).finally(() => (found.finding = undefined));
    const eras = await found.finding;
    if (eras.length > 0 && eras.join() !== this.of(server).join()) {
      log.warn('a server speaks in other eras than its last discovery found; discover it again', {
        serverId: server.id,
        eras: eras.join(),
        before: this.of(server).join(),
      });
      found.eras = eras;
    }
    return this.of(server);
  }
}
