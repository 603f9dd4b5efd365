const STABLE_AFTER_MS = 60_000;
const MAX_BACKOFF_MS = 60_000;

/**
 * Delays the reopening of a channel that closes by itself: not at first, then a second, doubling from crash to crash.
 */
export class Backoff {
  #openedAt = 0;
  #crashes = 0;
  #reopenAt = 0;

  get mayOpen(): boolean {
    return performance.now() >= this.#reopenAt;
  }

  opened(): void {
    this.#openedAt = performance.now();
  }

  crashed(): void {
    const now = performance.now();
    this.#crashes = now - this.#openedAt > STABLE_AFTER_MS ? 1 : this.#crashes + 1;
    this.#reopenAt = this.#crashes === 1 ? 0 : now + Math.min(MAX_BACKOFF_MS, 1000 * 2 ** (this.#crashes - 2));
  }
}
