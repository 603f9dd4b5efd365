/** Work that is done in slices: each `yield` says how many steps, of about 10 ns, were taken since the one before. */
export type Sliced<T> = Generator<number, T, undefined>;

/** Steps of one slice: about 0.5 ms. A slice ends with the `yield` that exceeds it. */
export const STEPS_PER_SLICE = 50_000;

/** A loop yields after as many of its rounds, so that yielding costs nothing beside them. */
export const ROUNDS_PER_YIELD = 256;

type Task = Readonly<{ runSlice: () => boolean }>;

/** Does all of the work at once. */
export function finish<T>(work: Sliced<T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
}

/**
 * Does sliced work between other work of the process: one slice a turn of the event loop, whatever number of works
 * wait. Owners (organizations) take turns, and the works of one owner are done one after the other, so that many works
 * of one owner delay another's by one slice each turn at most.
 */
export class SliceQueue {
  readonly #nextTurn: (run: () => void) => void;
  /** In the order in which the owners are served next. */
  readonly #lines = new Map<string, Task[]>();
  #isScheduled = false;

  constructor(nextTurn: (run: () => void) => void = setImmediate) {
    this.#nextTurn = nextTurn;
  }

  /**
   * What the work returns. Rejects with what it throws. Nothing of it is done before the next turn of the event loop.
   */
  run<T>(owner: string, work: Sliced<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const line = this.#lines.get(owner) ?? [];
      line.push({ runSlice: () => runSlice(work, resolve, reject) });
      this.#lines.set(owner, line);
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#isScheduled || this.#lines.size === 0) return;
    this.#isScheduled = true;
    this.#nextTurn(() => {
      this.#isScheduled = false;
      this.#runNext();
      this.#schedule();
    });
  }

  #runNext(): void {
    for (const [owner, line] of this.#lines) {
      this.#lines.delete(owner);
      const isDone = line[0]?.runSlice() ?? true;
      if (isDone) line.shift();
      if (line.length > 0) this.#lines.set(owner, line);
      return;
    }
  }
}

/** Whether the work has ended. */
function runSlice<T>(work: Sliced<T>, resolve: (value: T) => void, reject: (error: unknown) => void): boolean {
  try {
    for (let left = STEPS_PER_SLICE; left > 0;) {
      const { done, value } = work.next();
      if (done === true) {
        resolve(value);
        return true;
      }
      left -= value;
    }
    return false;
  } catch (error) {
    reject(error);
    return true;
  }
}

/** One for the process, as there is one event loop. */
const shared = new SliceQueue();

/** Does the work in slices between other work of the process; see `SliceQueue`. */
export const inSlices = <T>(owner: string, work: Sliced<T>): Promise<T> => shared.run(owner, work);

/** Sorts in slices, in time n log n; equal items stay in their order. */
export function* sorted<T>(items: readonly T[], compare: (one: T, other: T) => number): Sliced<T[]> {
  let from: T[] = [];
  for (let start = 0; start < items.length; start += ROUNDS_PER_YIELD) {
    for (const item of items.slice(start, start + ROUNDS_PER_YIELD).sort(compare)) from.push(item);
    yield ROUNDS_PER_YIELD * STEPS_PER_SORTED;
  }
  for (let width = ROUNDS_PER_YIELD; width < items.length; width *= 2) {
    const into: T[] = [];
    for (let start = 0; start < from.length; start += 2 * width) yield* merge(from, { start, width, into }, compare);
    from = into;
  }
  return from;
}

/** Comparing two texts or paths, eight times. */
const STEPS_PER_SORTED = 80;
const STEPS_PER_MERGED = 15;

type Merging<T> = Readonly<{ start: number; width: number; into: T[] }>;

function* merge<T>(
  from: readonly T[],
  { start, width, into }: Merging<T>,
  compare: (one: T, other: T) => number,
): Sliced<void> {
  const middle = Math.min(start + width, from.length);
  const end = Math.min(start + 2 * width, from.length);
  let [left, right] = [start, middle];
  while (left < middle || right < end) {
    const isLeft = right >= end || (left < middle && compare(from[left] as T, from[right] as T) <= 0);
    into.push(from[isLeft ? left++ : right++] as T);
    if (into.length % ROUNDS_PER_YIELD === 0) yield ROUNDS_PER_YIELD * STEPS_PER_MERGED;
  }
}
