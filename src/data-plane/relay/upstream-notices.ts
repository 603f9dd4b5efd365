/** How long after a server's own notice its changed tools may be recorded: a client lists, or a discovery runs. */
const RECORD_TIMEOUT_MS = 60_000;

/**
 * Keeps a stream to one notice for each change of a server's tools: where the server's own `tools/list_changed` was
 * passed on, the change that Toolgate records because of it is not announced again.
 */
export class UpstreamNotices {
  #passedAt = Number.NEGATIVE_INFINITY;

  /** The server's notice was passed on to the client. */
  passed(): void {
    this.#passedAt = performance.now();
  }

  /** Whether a recorded change of the server's tools is news to the client. */
  isNews(): boolean {
    const isNews = performance.now() - this.#passedAt > RECORD_TIMEOUT_MS;
    this.#passedAt = Number.NEGATIVE_INFINITY;
    return isNews;
  }
}
