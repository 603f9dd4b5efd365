import { startInterval } from '../../platform/runtime/guard.js';
import { FreeList } from '../../platform/runtime/free-list.js';
import type { PendingRequest } from '../../mcp/upstream/forward.js';
import type { ToolOutcome } from './tool-outcome.js';

/**
 * A call under way. Its answer may arrive on another stream of the session, once its own has broken off. `keepAlive`
 * sends its client a comment.
 */
export interface RunningCall extends PendingRequest {
  answeredElsewhere?(outcome: ToolOutcome): void;
  keepAlive(): void;
}

type Call = Readonly<{ sessionId: string; id: unknown; running: RunningCall }> & { sweeps: number };

const SWEEP_INTERVAL_MS = 5000;
/** A call that is swept so often has run for 10 to 15 s. */
const SWEEPS_PER_KEEP_ALIVE = 3;

/**
 * Holds the calls under way in this process by session and request id. Many upstreams leave the answer to a cancelled
 * call open: without this the call would end as a timeout. The clients of long
 * calls get a comment every 15 s.
 */
export class RunningCalls {
  readonly #calls = new FreeList<Call>();
  /** Runs while calls are under way. */
  #timer: NodeJS.Timeout | undefined;

  #add(call: Call): number {
    this.#timer ??= startInterval('running_calls', SWEEP_INTERVAL_MS, () => this.#sweep()).unref();
    return this.#calls.add(call);
  }

  #sweep(): void {
    let count = 0;
    for (const call of this.#calls.members()) {
      count += 1;
      call.sweeps += 1;
      if (call.sweeps % SWEEPS_PER_KEEP_ALIVE === 0) call.running.keepAlive();
    }
    if (count > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Starts a call, which is under way until it calls `done`, once. Without a session no id names it. */
  begin(sessionId: string | null, id: string | number, start: (done: () => void) => RunningCall): void {
    if (sessionId === null) return void start(() => undefined);
    let at: number | undefined;
    let ended = false;
    const running = start(() => {
      ended = true;
      if (at !== undefined) this.#calls.remove(at);
    });
    if (!ended) at = this.#add({ sessionId, id, running, sweeps: 0 });
  }

  /** Ends a call of this session as cancelled; nothing when there is none of that id. */
  cancel(sessionId: string, id: unknown): void {
    for (const call of this.#calls.members()) if (call.sessionId === sessionId && call.id === id) call.running.abort();
  }

  /** A resumed stream of this session brought the response to a call. */
  answeredElsewhere(sessionId: string, id: unknown, outcome: ToolOutcome): void {
    for (const call of this.#calls.members())
      if (call.sessionId === sessionId && call.id === id) call.running.answeredElsewhere?.(outcome);
  }
}
