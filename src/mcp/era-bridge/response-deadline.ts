import { startTimer } from '../../platform/runtime/guard.js';

/**
 * A translated call may take this many times its timeout in all, however often its server says something: one that is
 * passed through unread holds a connection, and one that is translated holds its session and what it collects too.
 */
const MAX_TIMEOUTS = 4;

/**
 * Ends the answer to a translated call after `timeoutMs` without a message of its server, or after four times as much
 * in all; 0 never does. Comments of a stream say nothing.
 */
export class ResponseDeadline {
  readonly #silence: NodeJS.Timeout | undefined;
  readonly #total: NodeJS.Timeout | undefined;

  /** `expired` is called once at most. */
  constructor(timeoutMs: number, expired: () => void) {
    if (timeoutMs <= 0) return;
    const end = (): void => {
      this.stop();
      expired();
    };
    this.#silence = startTimer('answer_deadline', timeoutMs, end);
    this.#total = startTimer('answer_deadline', timeoutMs * MAX_TIMEOUTS, end);
  }

  /** The server began to answer, or sent a message. */
  refresh(): void {
    this.#silence?.refresh();
  }

  stop(): void {
    clearTimeout(this.#silence);
    clearTimeout(this.#total);
  }
}
