import { FreeList } from '../../platform/runtime/slots.js';
import type { PendingRequest } from '../../mcp/upstream/forward.js';
import type { ToolOutcome } from './tool-outcome.js';

/** A call under way. Its answer may arrive on another stream of the session, once its own has broken off. */
export interface RunningCall extends PendingRequest {
  answeredElsewhere?(outcome: ToolOutcome): void;
}

type Call = Readonly<{ sessionId: string; id: unknown; running: RunningCall }>;

/**
 * Holds the calls under way in this process by session and request id. Many upstreams leave the answer to a cancelled
 * call open: without this the call would end as a timeout.
 */
export class RunningCalls {
  readonly #calls = new FreeList<Call>();

  /** Starts a call, which is under way until it calls `done`, once. Without a session no id names it. */
  begin(sessionId: string | null, id: string | number, start: (done: () => void) => RunningCall): void {
    if (sessionId === null) return void start(() => undefined);
    let at: number | undefined;
    let ended = false;
    const running = start(() => {
      ended = true;
      if (at !== undefined) this.#calls.remove(at);
    });
    if (!ended) at = this.#calls.add({ sessionId, id, running });
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
