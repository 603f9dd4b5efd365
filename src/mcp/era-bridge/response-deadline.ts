import { startTimer } from '../../platform/runtime/guard.js';

/**
 * A translated call may take at most this many times its timeout in total: while it runs it holds a session and the
 * bytes that it has collected.
 */
const MAX_TIMEOUTS = 4;

/**
 * Ends a translated call after `timeoutMs` without a message of its server, or after four times as much in total; 0
 * never does. Comments in a stream do not count as messages.
 */
export class ResponseDeadline {
  readonly #silence: NodeJS.Timeout | undefined;
  readonly #total: NodeJS.Timeout | undefined;

  constructor(timeoutMs: number, expired: () => void) {
    if (timeoutMs <= 0) return;
    const end = (): void => {
      this.stop();
      expired();
    };
    this.#silence = startTimer('answer_deadline', timeoutMs, end);
    this.#total = startTimer('answer_deadline', timeoutMs * MAX_TIMEOUTS, end);
  }

  /** Restarts the timeout: the server began to answer, or sent a message. */
  refresh(): void {
    this.#silence?.refresh();
  }

  stop(): void {
    clearTimeout(this.#silence);
    clearTimeout(this.#total);
  }
}
