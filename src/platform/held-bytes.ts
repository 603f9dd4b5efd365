const MIB = 2 ** 20;

/** What a budget allows: in all, and for one owner (a grant, or the discovery of one server). */
export type ByteLimits = Readonly<{ total: number; owner: number }>;

/**
 * Limits the bytes of answers that are collected before they are passed on: whatever a call's own limit is, all of them together must fit in memory, and one
 * grant must leave room for the others.
 */
export class ByteBudget {
  readonly #limits: ByteLimits;
  readonly #owners = new Map<string, number>();
  #total = 0;

  constructor(limits: ByteLimits) {
    this.#limits = limits;
  }

  /** Bytes that are held now. */
  get total(): number {
    return this.#total;
  }

  /** Begins to hold bytes for an owner. Whoever begins must `release`. */
  hold(owner: string): HeldBytes {
    return new HeldBytes((bytes) => this.#take(owner, bytes));
  }

  #take(owner: string, bytes: number): boolean {
    const own = (this.#owners.get(owner) ?? 0) + bytes;
    if (bytes > 0 && (own > this.#limits.owner || this.#total + bytes > this.#limits.total)) return false;
    this.#total += bytes;
    if (own === 0) this.#owners.delete(owner);
    else this.#owners.set(owner, own);
    return true;
  }
}

/** The bytes that one exchange holds of a budget. */
export class HeldBytes {
  readonly #take: (bytes: number) => boolean;
  #bytes = 0;
  #released = false;

  constructor(take: (bytes: number) => boolean) {
    this.#take = take;
  }

  /** Holds just so many bytes from now on. False when there is no room: then what was held before still is. */
  hold(bytes: number): boolean {
    if (this.#released || (bytes !== this.#bytes && !this.#take(bytes - this.#bytes))) return false;
    this.#bytes = bytes;
    return true;
  }

  /** Gives everything back; from here on nothing can be held. */
  release(): void {
    if (this.#bytes > 0) this.#take(-this.#bytes);
    this.#bytes = 0;
    this.#released = true;
  }
}

/**
 * Every answer that this process collects: lists, initialize, discovery, translated messages, messages of channels. Buffers and the texts made of them take
 * several times this much for a moment.
 */
export const collectedBytes = new ByteBudget({ total: 256 * MIB, owner: 64 * MIB });
