import type { LegacyListen } from './listen.js';

/** What a session has on this node beside what its id says. */
export type LiveSession = { logLevel: string | undefined; readonly subscriptions: Set<string>; listen: LegacyListen | undefined };

const MOST_SESSIONS = 10_000;
/** Resources that one session may subscribe to. */
export const MOST_SUBSCRIPTIONS = 1000;

/**
 * The log level, subscriptions and standing stream of legacy sessions, on the node that serves them: another node of the same session knows none of
 * these. Kept for the sessions used last; one with an open stream always stays.
 */
export class LiveSessions {
  readonly #sessions = new Map<string, LiveSession>();

  find(id: string): LiveSession | undefined {
    return this.#sessions.get(id);
  }

  of(id: string): LiveSession {
    const known = this.#sessions.get(id) ?? { logLevel: undefined, subscriptions: new Set<string>(), listen: undefined };
    this.#sessions.delete(id);
    this.#sessions.set(id, known);
    for (const [oldest, { listen }] of this.#sessions) {
      if (this.#sessions.size <= MOST_SESSIONS) break;
      if (!listen && oldest !== id) this.#sessions.delete(oldest);
    }
    return known;
  }

  /** The session is over. */
  end(id: string): void {
    this.#sessions.get(id)?.listen?.close();
    this.#sessions.delete(id);
  }
}
