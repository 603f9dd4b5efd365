import type { Running } from '../upstream/forward.js';

const keyOf = (sessionId: string, id: unknown): string => `${sessionId} ${typeof id} ${String(id)}`;

/**
 * The calls under way in this process, by session and request id. A client that cancels one gets no answer to it, and many upstreams then leave their
 * answer open: without this the call would end as a timeout.
 */
export class RunningCalls {
  readonly #calls = new Map<string, Running>();

  /** Starts a call; it counts as under way until it calls `done`. */
  begin(sessionId: string, id: string | number, start: (done: () => void) => Running): void {
    const key = keyOf(sessionId, id);
    let running: Running | undefined;
    let ended = false;
    running = start(() => {
      ended = true;
      if (this.#calls.get(key) === running) this.#calls.delete(key);
    });
    if (!ended) this.#calls.set(key, running);
  }

  /** Ends a call of this session as cancelled; nothing when there is none of that id. */
  cancel(sessionId: string, id: unknown): void {
    this.#calls.get(keyOf(sessionId, id))?.abort();
  }
}
