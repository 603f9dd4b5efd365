/**
 * A collection whose members come and go thousands of times a second. A Map or Set makes itself a new table every so
 * often and
 * leaves the old one, still pointing at its members, to the collector: once such a table has grown old, what it points
 * to outlives collection after collection.
 */
export class FreeList<T> {
  readonly #items: (T | undefined)[] = [];
  readonly #free: number[] = [];

  /** The place of the new member, for `remove`. */
  add(item: T): number {
    const at = this.#free.pop() ?? this.#items.length;
    this.#items[at] = item;
    return at;
  }

  /** Empties a place; the caller must not do so twice. */
  remove(at: number): void {
    this.#items[at] = undefined;
    this.#free.push(at);
  }

  /** The members now, in no order. */
  members(): readonly T[] {
    return this.#items.filter((item) => item !== undefined);
  }
}
