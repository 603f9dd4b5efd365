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

/**
 * What a call says of itself. `ended`: it is over. `left`: its client closed its request and can't have the answer any
 * more; `giveUp` closes the request upstream too.
 */
export type CallEvents = Readonly<{ ended: () => void; left: (giveUp: () => void) => void }>;

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
  /** By session, how to give up the calls whose clients left. */
  readonly #left = new Map<string, Set<() => void>>();
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

  /**
   * Starts a call, which is under way until it has `ended`, said once. Without a session no id names it. A client that
   * goes on in its session has given up those calls whose requests it closed: mcp-go cancels so, and its servers learn
   * of it by the closed request alone.
   */
  begin(sessionId: string | null, id: string | number, start: (events: CallEvents) => RunningCall): void {
    if (sessionId === null) return void start({ ended: () => undefined, left: () => undefined });
    if (this.#left.size > 0) this.#giveUpLeft(sessionId);
    let at: number | undefined;
    let hasEnded = false;
    let stay = (): void => undefined;
    const running = start({
      ended: () => {
        hasEnded = true;
        stay();
        if (at !== undefined) this.#calls.remove(at);
      },
      left: (giveUp) => {
        if (!hasEnded) stay = this.#leave(sessionId, giveUp);
      },
    });
    if (!hasEnded) at = this.#add({ sessionId, id, running, sweeps: 0 });
  }

  #leave(sessionId: string, giveUp: () => void): () => void {
    const ofSession = this.#left.get(sessionId) ?? new Set();
    this.#left.set(sessionId, ofSession.add(giveUp));
    return () => {
      ofSession.delete(giveUp);
      if (ofSession.size === 0 && this.#left.get(sessionId) === ofSession) this.#left.delete(sessionId);
    };
  }

  #giveUpLeft(sessionId: string): void {
    const ofSession = this.#left.get(sessionId);
    if (!ofSession) return;
    this.#left.delete(sessionId);
    for (const giveUp of ofSession) giveUp();
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
