/** How many things, and how many bytes they hold. */
export type Amount = Readonly<{ count: number; bytes: number }>;

/** The most of one kind that this process holds: in all, for one organization, and for one grant. */
export type QuotaLimits = Readonly<{ total: Amount; organization: Amount; grant: Amount }>;

/**
 * Whose limit one thing more would exceed; `process`: there are so many of all organizations that this one has its fair
 * share.
 */
export type Exceeded = 'grant' | 'organization' | 'process';

/**
 * So many things every organization may have whatever others have, so that no load of others can refuse all that one
 * asks for.
 */
const GUARANTEED_COUNT = 16;

/**
 * Usages of whom nothing is held are kept up to this number, as making and dropping one for each call would be garbage.
 */
const MAX_IDLE_USAGES = 10_000;

type Usage = { count: number; bytes: number };

const isIdle = ({ count, bytes }: Usage): boolean => count === 0 && bytes === 0;

const add = (usage: Usage, count: number, bytes: number): void => {
  usage.count += count;
  usage.bytes += bytes;
};

/** Usages by the id of their owner. */
class Usages {
  readonly #usages = new Map<string, Usage>();
  #sweepAt = MAX_IDLE_USAGES;

  of(id: string): Usage {
    const known = this.#usages.get(id);
    if (known) return known;
    if (this.#usages.size >= this.#sweepAt) this.#sweep();
    const usage = { count: 0, bytes: 0 };
    this.#usages.set(id, usage);
    return usage;
  }

  #sweep(): void {
    for (const [id, usage] of this.#usages) if (isIdle(usage)) this.#usages.delete(id);
    // Twice what is in use, so that sweeping costs a fixed amount for each usage that is made.
    this.#sweepAt = Math.max(MAX_IDLE_USAGES, this.#usages.size * 2);
  }
}

/**
 * Counts what is held for each organization and grant of one kind (calls under way, streams), and says when it is too
 * much. While the process holds less than half of `total`, the limits of grant and organization alone count; beyond
 * that an organization may have its share of that half, divided by the organizations that have something, so that
 * whoever takes most is refused first. Sixteen things are never refused for what other organizations have. `take` and
 * `free` cost four look-ups and no memory.
 */
export class Quota {
  readonly limits: QuotaLimits;
  readonly #grants = new Usages();
  readonly #organizations = new Usages();
  readonly #total: Usage = { count: 0, bytes: 0 };
  /** Organizations that have something. */
  #active = 0;

  constructor(limits: QuotaLimits) {
    this.limits = limits;
  }

  /**
   * Takes a place for one thing that holds so many bytes, until `free` gives the same back; the limit that has no place
   * left, if there is none.
   */
  take(organizationId: string, grantId: string, bytes = 0): Exceeded | undefined {
    const exceeded = this.exceededBy(organizationId, grantId, bytes);
    if (exceeded === undefined) this.#add(organizationId, grantId, 1, bytes);
    return exceeded;
  }

  free(organizationId: string, grantId: string, bytes = 0): void {
    this.#add(organizationId, grantId, -1, -bytes);
  }

  /**
   * Takes more bytes for something that has its place, or answers the limit that has none left. `free` gives them back
   * with the rest.
   */
  grow(organizationId: string, grantId: string, bytes: number): Exceeded | undefined {
    const exceeded = this.#exceeded(organizationId, grantId, 0, bytes);
    if (exceeded === undefined) this.#add(organizationId, grantId, 0, bytes);
    return exceeded;
  }

  /** Gives back bytes of something that keeps its place. */
  shrink(organizationId: string, grantId: string, bytes: number): void {
    this.#add(organizationId, grantId, 0, -bytes);
  }

  /** Bytes that are held now, of all organizations. */
  get bytes(): number {
    return this.#total.bytes;
  }

  /** The limit that one thing more of so many bytes would exceed. */
  exceededBy(organizationId: string, grantId: string, bytes = 0): Exceeded | undefined {
    return this.#exceeded(organizationId, grantId, 1, bytes);
  }

  #exceeded(organizationId: string, grantId: string, count: number, bytes: number): Exceeded | undefined {
    const { grant, organization, total } = this.limits;
    const ofGrant = this.#grants.of(grantId);
    if (ofGrant.count + count > grant.count || ofGrant.bytes + bytes > grant.bytes) return 'grant';
    const own = this.#organizations.of(organizationId);
    if (own.count + count > organization.count || own.bytes + bytes > organization.bytes) return 'organization';
    const active = this.#active + (isIdle(own) ? 1 : 0);
    if (
      own.count + count > GUARANTEED_COUNT &&
      isOverShare(own.count + count, this.#total.count + count, total.count, active)
    )
      return 'process';
    return isOverShare(own.bytes + bytes, this.#total.bytes + bytes, total.bytes, active) ? 'process' : undefined;
  }

  #add(organizationId: string, grantId: string, count: number, bytes: number): void {
    const own = this.#organizations.of(organizationId);
    const wasIdle = isIdle(own);
    add(this.#grants.of(grantId), count, bytes);
    add(own, count, bytes);
    add(this.#total, count, bytes);
    this.#active += (wasIdle ? 1 : 0) - (isIdle(own) ? 1 : 0);
  }
}

/** Whether so much is more than one of `active` organizations may have when all together would have `all` of `most`. */
const isOverShare = (own: number, all: number, most: number, active: number): boolean =>
  all > most || (all > most / 2 && own > most / 2 / active);
