/** How many things, and how many bytes they hold. */
export type Amount = Readonly<{ count: number; bytes: number }>;

const NONE: Amount = { count: 0, bytes: 0 };

const fits = (more: Amount, taken: Amount, most: Amount): boolean => taken.count + more.count <= most.count && taken.bytes + more.bytes <= most.bytes;

/** Places in memory for what waits, counted and weighed: so much in all, and so much of one grant, that no grant takes what others need. */
export class Places {
  readonly #most: Amount;
  readonly #mostOfOneGrant: Amount;
  readonly #grants = new Map<string, Amount>();
  #taken = NONE;

  constructor(most: Amount, mostOfOneGrant: Amount) {
    this.#most = most;
    this.#mostOfOneGrant = mostOfOneGrant;
  }

  hasRoom(grantId: string, more: Amount): boolean {
    return fits(more, this.#taken, this.#most) && fits(more, this.#grants.get(grantId) ?? NONE, this.#mostOfOneGrant);
  }

  /** Whether there was room; then it is taken, until `free` gives the same back. */
  take(grantId: string, more: Amount): boolean {
    if (!this.hasRoom(grantId, more)) return false;
    this.#add(grantId, more, 1);
    return true;
  }

  free(grantId: string, amount: Amount): void {
    this.#add(grantId, amount, -1);
  }

  #add(grantId: string, { count, bytes }: Amount, sign: 1 | -1): void {
    const sum = (to: Amount): Amount => ({ count: to.count + sign * count, bytes: to.bytes + sign * bytes });
    this.#taken = sum(this.#taken);
    const own = sum(this.#grants.get(grantId) ?? NONE);
    if (own.count === 0 && own.bytes === 0) this.#grants.delete(grantId);
    else this.#grants.set(grantId, own);
  }
}
