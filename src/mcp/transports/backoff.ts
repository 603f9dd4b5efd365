import type { UpstreamFailure } from '../upstream/forward.js';

const STABLE_AFTER_MS = 60_000;
const MAX_BACKOFF_MS = 60_000;

/**
 * Delays the reopening of a channel that closes by itself: not at first, then a second, doubling from crash to crash. A
 * server that was not asked for anything (it could not be connected to, or a proxy said that it is away) is no worse
 * for another try, but a process may be, however it ended.
 */
export class Backoff {
  readonly #isProcess: boolean;
  #openedAt = 0;
  #crashes = 0;
  #reopenAt = 0;

  constructor(isProcess: boolean) {
    this.#isProcess = isProcess;
  }

  get mayOpen(): boolean {
    return performance.now() >= this.#reopenAt;
  }

  opened(): void {
    this.#openedAt = performance.now();
  }

  closed({ sent }: UpstreamFailure): void {
    if (!this.#isProcess && !sent) return;
    const now = performance.now();
    this.#crashes = now - this.#openedAt > STABLE_AFTER_MS ? 1 : this.#crashes + 1;
    this.#reopenAt = this.#crashes === 1 ? 0 : now + Math.min(MAX_BACKOFF_MS, 1000 * 2 ** (this.#crashes - 2));
  }
}
