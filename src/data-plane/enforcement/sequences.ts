/** A record stays small, however long the log was away: what one can't name is left to those after it. */
const MAX_ABANDONED_PER_RECORD = 500;

type State = { next: number; abandoned: number[] };

/** A number of a decision, with the numbers that were given up since the last one and are named with it. */
export type Numbered = Readonly<{ sequence: number; abandoned: readonly number[] | undefined }>;

/**
 * Numbers decisions without gaps per organization within one boot of a gateway, so that a decision lost between gateway
 * and log shows as a hole. A number whose append was given up is named in the next record's `abandoned`; if that append
 * is given up too, in the one after. A record names 500 at most.
 */
export class Sequences {
  readonly #states = new Map<string, State>();

  /** Whether this is the organization's first number in this boot. */
  isNew(organizationId: string): boolean {
    return !this.#states.has(organizationId);
  }

  next(organizationId: string): Numbered {
    let state = this.#states.get(organizationId);
    if (!state) this.#states.set(organizationId, (state = { next: 1, abandoned: [] }));
    const abandoned = state.abandoned.length > 0 ? state.abandoned.splice(0, MAX_ABANDONED_PER_RECORD) : undefined;
    return { sequence: state.next++, abandoned };
  }

  /** The append of this number was given up. */
  abandon(organizationId: string, numbered: Numbered): void {
    this.#states.get(organizationId)?.abandoned.push(...(numbered.abandoned ?? []), numbered.sequence);
  }

  organizations(): readonly string[] {
    return [...this.#states.keys()];
  }
}
