import type { PendingRequest, Sink } from '../upstream/forward.js';

/** A response whose request is sent later, and may be aborted before. */
export class DeferredResponse implements PendingRequest {
  readonly #sink: Sink;
  #running: PendingRequest | undefined;
  #aborted = false;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  /** Whether the sink was told that nothing comes any more: the request must not be sent. */
  get isAborted(): boolean {
    return this.#aborted;
  }

  /** The request was sent. */
  attach(running: PendingRequest): PendingRequest {
    this.#running = running;
    return running;
  }

  /** The request is to be sent again. */
  detach(): void {
    this.#running = undefined;
  }

  resume(): void {
    this.#running?.resume();
  }

  abort(): void {
    if (this.#running) return this.#running.abort();
    if (this.#aborted) return;
    this.#aborted = true;
    this.#sink.fail({ kind: 'aborted', sent: false });
  }
}
