import type { Reservation } from '../facts.js';
import { windowBounds } from '../windows.js';
import { isOver, minus, plus, type Sum } from './exact.js';

/**
 * What a counter holds in one window lies between `least` and `most`: they differ when calls before could not be
 * judged.
 */
type Counter = { readonly endMs: number; least: Sum; most: Sum };

/** What a call added, and where. */
export type Added = Readonly<{ counter: Counter; amount: number }>;

/**
 * Whether a call's reservations fit: `refusedBy` is the first that surely doesn't, `unsure` are those before it that
 * may not.
 */
export type Fit = Readonly<{ refusedBy?: Reservation; unsure: readonly Reservation[] }>;

const SWEEP_THRESHOLD = 10_000;

/**
 * The counters of limits in memory, for calls in the order they were made: all of a call's reservations are added, or
 * none, once for each counter, with exact decimal sums, in the windows of the times that the calls bring. An amount of
 * infinity is one that nobody knows.
 */
export class Counters {
  readonly #counters = new Map<string, Counter>();
  #sweepAt = SWEEP_THRESHOLD;

  /** How many counters are kept. */
  get size(): number {
    return this.#counters.size;
  }

  /** The reservations that surely don't fit. Adds nothing. */
  refusing(reservations: readonly Reservation[], now: Date): readonly Reservation[] {
    return reservations.filter((one) => this.fit([one], now).refusedBy !== undefined);
  }

  /** Whether the reservations fit, for sure or perhaps. Adds nothing. */
  fit(reservations: readonly Reservation[], now: Date): Fit {
    const unsure: Reservation[] = [];
    for (const one of reservations) {
      const { least, most } = this.#at(one, now);
      const known = one.amount === Number.POSITIVE_INFINITY ? 0 : one.amount;
      if (isOver(plus(least, known), one.max)) return { refusedBy: one, unsure };
      if (isOver(plus(most, one.amount), one.max)) unsure.push(one);
    }
    return { unsure };
  }

  /**
   * Adds a call's reservations: for sure, which takes amounts that are known, or, where nobody knows whether they
   * count, perhaps.
   */
  add(reservations: readonly Reservation[], now: Date, sure: boolean): readonly Added[] {
    const added = new Map<Counter, Added>();
    for (const one of reservations) {
      const counter = this.#at(one, now);
      if (added.has(counter)) continue;
      if (sure) counter.least = plus(counter.least, one.amount);
      counter.most = plus(counter.most, one.amount);
      added.set(counter, { counter, amount: one.amount });
    }
    return [...added.values()];
  }

  /** Gives back what was added perhaps, where its window still counts. */
  giveBack(added: readonly Added[]): void {
    for (const { counter, amount } of added) counter.most = minus(counter.most, amount);
  }

  #at({ counter, window, scope, whom }: Reservation, now: Date): Counter {
    const key = `${scope} ${whom} ${window} ${counter}`;
    const known = this.#counters.get(key);
    const nowMs = now.getTime();
    // A time before the window is that of a call which was overtaken: it counts with the others.
    if (known !== undefined && nowMs < known.endMs) return known;
    const fresh: Counter = { endMs: windowBounds(window, now).endMs, least: 0, most: 0 };
    if (this.#counters.size >= this.#sweepAt) this.#sweep(nowMs);
    this.#counters.set(key, fresh);
    return fresh;
  }

  #sweep(nowMs: number): void {
    for (const [key, { endMs }] of this.#counters) if (endMs <= nowMs) this.#counters.delete(key);
    this.#sweepAt = Math.max(SWEEP_THRESHOLD, this.#counters.size * 2);
  }
}
