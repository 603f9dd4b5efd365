export type QueueLimits = Readonly<{ maxWaiting: number; maxWaitingBytes: number }>;

type Item = Readonly<{ owner: string; bytes: number }>;

/**
 * The items of one owner that wait, oldest first from `head` on. `bytes` counts those that were taken too; `inTurn`
 * while the line is one of those that take turns.
 */
type Line<T> = { readonly items: (T | undefined)[]; head: number; bytes: number; inTurn: boolean };

/**
 * Lines of owners for whom nothing waits are kept up to this number, as making and dropping one for each item would be
 * garbage.
 */
const MAX_IDLE_LINES = 1000;
/** How many taken items stay at the beginning of a line before they are cut off. */
const MAX_TAKEN = 1024;

const waitingIn = (line: Line<unknown>): number => line.items.length - line.head;

/**
 * A queue in which each owner has a line of his own. Lines take turns, so that one owner's many items delay another's
 * by one batch at most. The queue is bounded in count and bytes (what was taken counts until it is `done`): when it is
 * full, the newest items of whoever has most make room for those of one who has less, so that whoever fills it is the
 * one who is refused. `push` and `take` cost a fixed amount for each item; only `push` into a full queue looks at every
 * line.
 */
export class FairQueue<T extends Item> {
  readonly #limits: QueueLimits;
  readonly #lines = new Map<string, Line<T>>();
  /** The lines in which something waits, in the order of their turns. */
  #turns: Line<T>[] = [];
  #waiting = 0;
  #bytes = 0;

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  get isEmpty(): boolean {
    return this.#waiting === 0;
  }

  /** Items that did not find or did not keep their place, the pushed one among them; undefined when there are none. */
  push(item: T): readonly T[] | undefined {
    const line = this.#lineOf(item.owner);
    const displaced = this.#fits(item) ? undefined : this.#displace(line, item);
    if (displaced !== undefined && !this.#fits(item)) return [...displaced, item];
    if (!line.inTurn) this.#turns.push(line);
    line.inTurn = true;
    line.items.push(item);
    line.bytes += item.bytes;
    this.#waiting += 1;
    this.#bytes += item.bytes;
    return displaced;
  }

  /**
   * The next items, each line's oldest in turn: at most so many and so many bytes, but at least one of those that wait.
   */
  take(most: number, mostBytes: number): readonly T[] {
    const batch: T[] = [];
    let bytes = 0;
    let turn = 0;
    while (this.#waiting > 0 && batch.length < most) {
      const line = this.#turns[turn];
      const item = line?.items[line.head];
      if (line !== undefined && item !== undefined) {
        bytes += item.bytes;
        if (batch.length > 0 && bytes > mostBytes) break;
        batch.push(item);
        this.#advance(line);
      }
      turn += 1;
      if (turn >= this.#turns.length) turn = 0;
    }
    this.#endTurns(turn);
    return batch;
  }

  /** Gives back the bytes of what was taken. */
  done(batch: readonly T[]): void {
    for (const { owner, bytes } of batch) {
      this.#bytes -= bytes;
      const line = this.#lines.get(owner);
      if (line) line.bytes -= bytes;
    }
  }

  #fits({ bytes }: T): boolean {
    return this.#waiting < this.#limits.maxWaiting && this.#bytes + bytes <= this.#limits.maxWaitingBytes;
  }

  #lineOf(owner: string): Line<T> {
    const known = this.#lines.get(owner);
    if (known) return known;
    if (this.#lines.size >= MAX_IDLE_LINES)
      for (const [name, line] of this.#lines)
        if (waitingIn(line) === 0 && line.bytes === 0 && !line.inTurn) this.#lines.delete(name);
    const line: Line<T> = { items: [], head: 0, bytes: 0, inTurn: false };
    this.#lines.set(owner, line);
    return line;
  }

  #advance(line: Line<T>): void {
    line.items[line.head] = undefined;
    line.head += 1;
    this.#waiting -= 1;
    if (line.head === line.items.length) line.items.length = 0;
    else if (line.head >= MAX_TAKEN) line.items.splice(0, line.head);
    else return;
    line.head = 0;
  }

  /** The line whose turn it is comes first in the next batch; those in which nothing waits leave. */
  #endTurns(turn: number): void {
    const inOrder = turn === 0 ? this.#turns : [...this.#turns.slice(turn), ...this.#turns.slice(0, turn)];
    this.#turns = inOrder.filter((line) => (line.inTurn = waitingIn(line) > 0));
  }

  /**
   * Takes the newest items of the longest lines until `item` fits, as long as its own line stays shorter than theirs.
   */
  #displace(own: Line<T>, item: T): T[] {
    const displaced: T[] = [];
    while (!this.#fits(item)) {
      const byCount = this.#waiting >= this.#limits.maxWaiting;
      const sizeOf = (line: Line<T>): number => (byCount ? waitingIn(line) : line.bytes);
      const longest = this.#turns.reduce((one, other) => (sizeOf(other) > sizeOf(one) ? other : one), own);
      if (longest === own || sizeOf(longest) <= sizeOf(own) + (byCount ? 1 : item.bytes)) break;
      const newest = longest.items.pop();
      if (newest === undefined) break;
      longest.bytes -= newest.bytes;
      this.#waiting -= 1;
      this.#bytes -= newest.bytes;
      displaced.push(newest);
    }
    return displaced;
  }
}
