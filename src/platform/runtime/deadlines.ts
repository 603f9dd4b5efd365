import { startTimer } from './guard.js';
type Waiting = {
  at: number;
  expire: (() => void) | undefined;
  before: Waiting | undefined;
  after: Waiting | undefined;
};

/**
 * Waits of one length, thousands a second, of which hardly any runs out: one timer stands for the oldest of them, and a
 * wait that ends in time costs an object and four pointers.
 */
export class Deadlines {
  readonly #ms: number;
  #first: Waiting | undefined;
  #last: Waiting | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(ms: number) {
    this.#ms = ms;
  }

  /** What the promise comes to; rejects with `late()` when it has not settled in time. */
  within<T>(promise: Promise<T>, late: () => Error): Promise<T> {
    return new Promise((resolve, reject) => {
      const waiting = this.#begin(() => reject(late()));
      promise.then(
        (value) => {
          this.#end(waiting);
          resolve(value);
        },
        (error: unknown) => {
          this.#end(waiting);
          reject(error);
        },
      );
    });
  }

  #begin(expire: () => void): Waiting {
    const waiting: Waiting = { at: performance.now() + this.#ms, expire, before: this.#last, after: undefined };
    if (this.#last) this.#last.after = waiting;
    else this.#first = waiting;
    this.#last = waiting;
    if (!this.#timer) this.#timer = startTimer('deadlines', this.#ms, () => this.#fire()).unref();
    return waiting;
  }

  #end(waiting: Waiting): void {
    if (!waiting.expire) return;
    waiting.expire = undefined;
    const { before, after } = waiting;
    if (before) before.after = after;
    else this.#first = after;
    if (after) after.before = before;
    else this.#last = before;
  }

  #fire(): void {
    this.#timer = undefined;
    const now = performance.now();
    for (let waiting = this.#first; waiting && waiting.at <= now; waiting = this.#first) {
      const { expire } = waiting;
      this.#end(waiting);
      expire?.();
    }
    if (this.#first) this.#timer = startTimer('deadlines', this.#first.at - now, () => this.#fire()).unref();
  }
}
