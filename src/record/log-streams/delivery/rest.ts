import { startTimer } from '../../../platform/runtime/guard.js';

/** The waits of a loop: each ends early when the loop is woken, and there are none once it is to end. */
export class Rest {
  #isOver = false;
  #woken = true;
  #wakeUp: () => void = () => undefined;

  /** Whether the loop is to end. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether somebody woke the loop since `begin`. */
  get wasWoken(): boolean {
    return this.#woken;
  }

  /** The loop looks for work now: whoever wakes it from here on means what comes later. */
  begin(): void {
    this.#woken = false;
  }

  /** `endsWait`: a wait that is under way ends now. */
  wake(endsWait: boolean): void {
    this.#woken = true;
    if (endsWait) this.#wakeUp();
  }

  end(): void {
    this.#isOver = true;
    this.#wakeUp();
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.#isOver) return resolve();
      const timer = startTimer('log_stream_sleep', ms, resolve);
      this.#wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
