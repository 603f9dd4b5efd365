import type { Reservation } from '../facts.js';
import { windowBounds } from '../windows.js';
import { isOver, minus, plus, type Sum } from './exact.js';

/** What a counter holds in its window lies between `least` and `most`: they differ when calls before could not be judged. */
type Counter = { startMs: number; endMs: number; least: Sum; most: Sum };

/** What a call added, and the window that it was added in. */
export type Added = Readonly<{ counter: Counter; startMs: number; amount: number }>;

/** Whether a call's reservations fit. `refused` names the first that surely doesn't, `unsure` those that may not. */
export type Fit = Readonly<{ outcome: 'fits' | 'unsure'; unsure: readonly Reservation[] }> | Readonly<{ outcome: 'refused'; by: Reservation; unsure: readonly Reservation[] }>;

const sweepAbove = 10_000;

/**
 * The counters of limits in memory, for calls in the order they were made: all of a call's reservations are added, or none, once for each counter, with
 * exact decimal sums, in the windows of the times that the calls bring. An amount of infinity is one that nobody knows.
 */
export class Counters {
  readonly #counters = new Map<string, Counter>();
  #sweepAt = sweepAbove;

  /** How many counters are kept. */
  get size(): number {
    return this.#counters.size;
  }

  /** Whether the reservations fit, for sure or perhaps. Adds nothing. */
  fit(reservations: readonly Reservation[], now: Date): Fit {
    const unsure: Reservation[] = [];
    for (const one of reservations) {
      const { least, most } = this.#at(one, now);
      const known = one.amount === Number.POSITIVE_INFINITY ? 0 : one.amount;
      if (isOver(plus(least, known), one.max)) return { outcome: 'refused', by: one, unsure };
      if (isOver(plus(most, one.amount), one.max)) unsure.push(one);
    }
    return { outcome: unsure.length === 0 ? 'fits' : 'unsure', unsure };
  }

  /** Adds a call's reservations: for sure, or, where nobody knows whether they count, perhaps. */
  add(reservations: readonly Reservation[], now: Date, sure: boolean): readonly Added[] {
    const added = new Map<Counter, Added>();
    for (const one of reservations) {
      const counter = this.#at(one, now);
      if (added.has(counter)) continue;
      if (sure && one.amount !== Number.POSITIVE_INFINITY) counter.least = plus(counter.least, one.amount);
      counter.most = plus(counter.most, one.amount);
      added.set(counter, { counter, startMs: counter.startMs, amount: one.amount });
    }
    return [...added.values()];
  }

  /** Gives back what was added perhaps and its window still counts. */
  giveBack(added: readonly Added[]): void {
    for (const { counter, startMs, amount } of added) if (counter.startMs === startMs) counter.most = minus(counter.most, amount);
  }

  #at({ counter, window, scope, whom }: Reservation, now: Date): Counter {
    const key = `${scope} ${whom} ${window} ${counter}`;
    const known = this.#counters.get(key);
    const nowMs = now.getTime();
    // A time before the window is that of a call which was overtaken: it counts with the others.
    if (known !== undefined && nowMs < known.endMs) return known;
    const { startMs, endMs } = windowBounds(window, now);
    const fresh: Counter = { startMs, endMs, least: 0, most: 0 };
    if (known !== undefined) return Object.assign(known, fresh);
    if (this.#counters.size >= this.#sweepAt) this.#sweep(nowMs);
    this.#counters.set(key, fresh);
    return fresh;
  }

  #sweep(nowMs: number): void {
    for (const [key, { endMs }] of this.#counters) if (endMs <= nowMs) this.#counters.delete(key);
    this.#sweepAt = Math.max(sweepAbove, this.#counters.size * 2);
  }
}
