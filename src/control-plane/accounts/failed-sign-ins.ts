/** What failed at one account, or at several once an organization has had its share of events. */
export type FailedSignIns = Readonly<{
  userId: string | null;
  email: string | null;
  /** How many attempts failed, at how many accounts, and between when. */
  count: number;
  users: number;
  /** The first addresses that they came from, and how many there were; more than a hundred are not told apart. */
  addresses: readonly string[];
  addressCount: number;
  from: string;
  to: string;
}>;

export type FailedSignIn = Readonly<{ organizationId: string; userId: string; email: string; address: string }>;

const MAX_ACCOUNTS_PER_ORGANIZATION = 20;
const MAX_ADDRESSES = 100;
const SHOWN_ADDRESSES = 10;
const MAX_ORGANIZATIONS = 10_000;

type Count = {
  userId: string | null;
  email: string | null;
  count: number;
  users: Set<string>;
  addresses: Set<string>;
  fromMs: number;
  toMs: number;
};

const addTo = (count: Count, { userId, address }: FailedSignIn, nowMs: number): void => {
  if (count.count === 0) count.fromMs = nowMs;
  count.count += 1;
  count.toMs = nowMs;
  if (count.users.size < MAX_ADDRESSES) count.users.add(userId);
  if (count.addresses.size < MAX_ADDRESSES) count.addresses.add(address);
};

const shown = ({ userId, email, count, users, addresses, fromMs, toMs }: Count): FailedSignIns => ({
  userId,
  email,
  count,
  users: users.size,
  addresses: [...addresses].slice(0, SHOWN_ADDRESSES),
  addressCount: addresses.size,
  from: new Date(fromMs).toISOString(),
  to: new Date(toMs).toISOString(),
});

/** The accounts of one organization in one window; the last count is that of all accounts beyond the first few. */
class OrganizationCounts {
  readonly #accounts = new Map<string, Count>();
  #others: Count | undefined;

  /** The event for a first failure; undefined for one that is counted. */
  add(failed: FailedSignIn, nowMs: number): FailedSignIns | undefined {
    const known = this.#accounts.get(failed.userId) ?? this.#others;
    const isFull = this.#accounts.size >= MAX_ACCOUNTS_PER_ORGANIZATION;
    const count = known ?? newCount(isFull ? undefined : failed);
    if (known === undefined && isFull) this.#others = count;
    if (known === undefined && !isFull) this.#accounts.set(failed.userId, count);
    addTo(count, failed, nowMs);
    if (known !== undefined || isFull) return undefined;
    const first = shown(count);
    count.count = 0;
    return first;
  }

  /** What was counted since the first failures. */
  take(): readonly FailedSignIns[] {
    return [...this.#accounts.values(), ...(this.#others ? [this.#others] : [])]
      .filter(({ count }) => count > 0)
      .map(shown);
  }
}

const newCount = (failed: FailedSignIn | undefined): Count => ({
  userId: failed?.userId ?? null,
  email: failed?.email ?? null,
  count: 0,
  users: new Set(),
  addresses: new Set(),
  fromMs: 0,
  toMs: 0,
});

/**
 * Counts failed sign-ins, so that strangers who try passwords can't fill an organization's record. In a window the
 * first failure at an account is an event at once, and all further ones are one event when the window ends; accounts
 * beyond the twentieth of an organization have one event together. Memory is bounded: failures at organizations beyond
 * 10,000 are not counted.
 */
export class FailedSignInCounts {
  #organizations = new Map<string, OrganizationCounts>();

  /** The event for a failure, if it has one of its own. */
  add(failed: FailedSignIn, nowMs: number): FailedSignIns | undefined {
    const known = this.#organizations.get(failed.organizationId);
    if (known) return known.add(failed, nowMs);
    if (this.#organizations.size >= MAX_ORGANIZATIONS) return undefined;
    const counts = new OrganizationCounts();
    this.#organizations.set(failed.organizationId, counts);
    return counts.add(failed, nowMs);
  }

  /** Ends the window: the events for what was counted, by organization. */
  take(): readonly Readonly<{ organizationId: string; failed: FailedSignIns }>[] {
    const ended = this.#organizations;
    this.#organizations = new Map();
    return [...ended].flatMap(([organizationId, counts]) =>
      counts.take().map((failed) => ({ organizationId, failed })),
    );
  }
}
