import type { Era } from '../protocol/era.js';
import { log } from '../../platform/runtime/log.js';
import { findEras } from '../upstream/discover.js';
import type { UpstreamServer } from '../upstream/forward.js';
import type { UpstreamTarget } from '../upstream/probe.js';

/** How long after one probe an odd response does not cause another. */
const RETRY_DELAY_MS = 10_000;

type EraEntry = { eras: readonly Era[] | undefined; finding: Promise<readonly Era[]> | undefined; askedAt: number };

/**
 * The eras that servers speak: as discovery found them, until a response contradicts that and the server is probed
 * again. The result of a probe is valid on this node until the server's facts change.
 */
export class EraCache {
  readonly #found = new WeakMap<UpstreamServer, EraEntry>();

  /** Empty for a server that was never reached. */
  of(server: UpstreamServer): readonly Era[] {
    return this.#found.get(server)?.eras ?? server.eras;
  }

  /** Probes a server for its eras, unless that was done a moment ago. */
  async find(reach: UpstreamTarget): Promise<readonly Era[]> {
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
