import { startTimer } from '../runtime/guard.js';
import { Problem } from '../runtime/problems.js';

/**
 * `slots`: how many works run at once, `slotsPerKey`: of one key. `waiting`: how many wait at most, `waitingPerKey`: of
 * one key. `waitMs`: how long each waits at most.
 */
export type TurnLimits = Readonly<{
  slots: number;
  slotsPerKey: number;
  waiting: number;
  waitingPerKey: number;
  waitMs: number;
}>;

type Waiter = Readonly<{ start: () => void }>;

const busyKey = (): Problem =>
  new Problem('too_many_requests', 'Too many of your requests wait already. Send fewer at once.', {
    retryAfterSeconds: 2,
  });
const busy = (): Problem =>
  new Problem('unavailable', 'Too many requests wait. Try again in a moment.', { retryAfterSeconds: 2 });

/**
 * Turns at something scarce, fair by key (an organization): the keys that wait take turns, whatever number of works
 * each of them has waiting, and no key has all slots at once where there is more than one. A work must not ask for
 * another turn at the same thing.
 */
export class FairTurns {
  readonly #limits: TurnLimits;
  readonly #runningOf = new Map<string, number>();
  /** In the order in which the keys are served next. */
  readonly #waiting = new Map<string, Waiter[]>();
  #running = 0;
  #waitingCount = 0;

  constructor(limits: TurnLimits) {
    this.#limits = limits;
  }

  /**
   * Runs a work when its key's turn has come. @throws Problem too_many_requests or unavailable, with the seconds to
   * wait, when it does not come
   */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    if (this.#mayRun(key)) this.#take(key);
    else await this.#wait(key);
    try {
      return await work();
    } finally {
      this.#leave(key);
    }
  }

  #mayRun(key: string): boolean {
    return this.#running < this.#limits.slots && (this.#runningOf.get(key) ?? 0) < this.#limits.slotsPerKey;
  }

  #take(key: string): void {
    this.#running += 1;
    this.#runningOf.set(key, (this.#runningOf.get(key) ?? 0) + 1);
  }

  #wait(key: string): Promise<void> {
    const line = this.#waiting.get(key) ?? [];
    if (line.length >= this.#limits.waitingPerKey) return Promise.reject(busyKey());
    if (this.#waitingCount >= this.#limits.waiting) return Promise.reject(busy());
    return new Promise((resolve, reject) => {
      const timer = startTimer('fair_turns', this.#limits.waitMs, () => {
        this.#remove(key, waiter);
        reject(busy());
      });
      const start = (): void => {
        clearTimeout(timer);
        this.#take(key);
        resolve();
      };
      const waiter: Waiter = { start };
      line.push(waiter);
      this.#waiting.set(key, line);
      this.#waitingCount += 1;
    });
  }

  #leave(key: string): void {
    this.#running -= 1;
    const left = (this.#runningOf.get(key) ?? 0) - 1;
    if (left > 0) this.#runningOf.set(key, left);
    else this.#runningOf.delete(key);
    this.#startNext();
  }

  /** At most as many keys are passed over as have slots: those that have all they may. */
  #startNext(): void {
    for (const [key, [first]] of this.#waiting) {
      if (!first || !this.#mayRun(key)) continue;
      const rest = this.#remove(key, first);
      if (rest.length > 0) {
        this.#waiting.delete(key);
        this.#waiting.set(key, rest);
      }
      return first.start();
    }
  }

  /** Takes a waiter out of its line and answers what is left of it. */
  #remove(key: string, waiter: Waiter): Waiter[] {
    const line = (this.#waiting.get(key) ?? []).filter((one) => one !== waiter);
    if (line.length > 0) this.#waiting.set(key, line);
    else this.#waiting.delete(key);
    this.#waitingCount -= 1;
    return line;
  }
}
