import { guarded, inBackground, startTimer } from '../../platform/runtime/guard.js';
import type { Forward, PendingRequest, Sink, UpstreamRequest } from '../../mcp/upstream/forward.js';

/** How long requests of a session wait for its server to take `notifications/initialized`. */
const START_TIMEOUT_MS = 2000;

/** A request that is sent later. */
class DeferredRequest implements PendingRequest {
  readonly #sink: Sink;
  #running: PendingRequest | undefined;
  #isAborted = false;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  start(send: () => PendingRequest): void {
    if (this.#isAborted) return;
    this.#running = send();
  }

  resume(): void {
    this.#running?.resume();
  }

  abort(): void {
    if (this.#running) return this.#running.abort();
    if (!this.#isAborted) this.#sink.fail({ kind: 'aborted', sent: false });
    this.#isAborted = true;
    return undefined;
  }
}

/**
 * Keeps the order of a session's beginning. The client may have its 202 for `notifications/initialized` before the
 * server has the notification, and some servers refuse what comes before it: requests of the session wait for that, up
 * to a bound.
 */
export class StartingSessions {
  readonly #waiting = new Map<string, (() => void)[]>();

  /** `notifications/initialized` is on its way; `taken` resolves when the server has taken it. Never rejects. */
  begin(sessionId: string, taken: Promise<unknown>): void {
    if (this.#waiting.has(sessionId)) return;
    this.#waiting.set(sessionId, []);
    const timer = startTimer('starting_sessions', START_TIMEOUT_MS, () => this.#end(sessionId));
    timer.unref();
    inBackground(
      'starting_sessions',
      taken.then(() => {
        clearTimeout(timer);
        this.#end(sessionId);
      }),
    );
  }

  /** Sends a request of a session: at once, unless the session is just beginning. */
  forward(forward: Forward, sessionId: string | null, request: UpstreamRequest, sink: Sink): PendingRequest {
    const waiting = this.#waiting.size === 0 || sessionId === null ? undefined : this.#waiting.get(sessionId);
    if (!waiting) return forward(request, sink);
    const deferred = new DeferredRequest(sink);
    waiting.push(
      guarded(
        'starting_sessions',
        () => deferred.start(() => forward(request, sink)),
        (cause) => sink.fail({ kind: 'broken', sent: true, cause }),
      ),
    );
    return deferred;
  }

  #end(sessionId: string): void {
    const waiting = this.#waiting.get(sessionId) ?? [];
    this.#waiting.delete(sessionId);
    for (const start of waiting) start();
  }
}

/** Those of this process. */
export const startingSessions = new StartingSessions();
