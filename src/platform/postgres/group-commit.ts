import { FairQueue, type QueueLimits } from '../fair-shares/fair-queue.js';
import { errorText } from '../runtime/log.js';

export type GroupLimits = QueueLimits & Readonly<{ maxBatch: number; maxBatchBytes: number }>;

export type GroupRefusal = 'queue_full' | 'failed' | 'refused' | 'closed';

/**
 * Work that was not acknowledged. With `failed` it may still have happened; with `refused` it has not, and would not if
 * it were tried again.
 */
export class GroupCommitError extends Error {
  readonly refusal: GroupRefusal;
  constructor(refusal: GroupRefusal, message: string, options?: ErrorOptions) {
    super(message, options);
    this.refusal = refusal;
  }
}

/** Whether a failed append will fail again however often it is tried: what was to be appended is refused for itself. */
export const isRefusedForItself = (error: unknown): boolean =>
  error instanceof GroupCommitError && error.refusal === 'refused';

/**
 * `flush` resolves to one result an item. `ownerOf` names whose work an item is, an organization's. `isRefusal` tells
 * of an error of `flush` that nothing of the batch has happened, and that one of its items may be why.
 */
export type GroupWork<I, O> = Readonly<{
  flush: (batch: readonly I[]) => Promise<readonly O[]>;
  ownerOf: (item: I) => string;
  isRefusal: (error: unknown) => boolean;
}>;

type Waiting<I, O> = Readonly<{
  item: I;
  owner: string;
  bytes: number;
  resolve: (result: O) => void;
  reject: (error: GroupCommitError) => void;
}>;

/** Further flushes that one refused batch may cost: finding one culprit among a thousand items takes about twenty. */
const MAX_RETRIES = 128;
/** Of these, those that go into one owner's items alone. What they don't decide fails. */
const MAX_RETRIES_OF_ONE_OWNER = 16;

/** Counts the retries of one refused batch. */
class RetryBudget {
  #left = MAX_RETRIES;
  readonly #owners = new Map<string, number>();

  /** Whether another flush may be spent; `owner` is undefined for items of several. */
  spend(owner: string | undefined): boolean {
    const spent = owner === undefined ? 0 : (this.#owners.get(owner) ?? 0);
    if (this.#left <= 0 || spent >= MAX_RETRIES_OF_ONE_OWNER) return false;
    this.#left -= 1;
    if (owner !== undefined) this.#owners.set(owner, spent + 1);
    return true;
  }
}

/** The owner that all items have; undefined when there are several. The items of one owner stand together. */
const onlyOwner = (part: readonly Readonly<{ owner: string }>[]): string | undefined =>
  part[0]?.owner === part.at(-1)?.owner ? part[0]?.owner : undefined;

/**
 * Where to halve: between two owners, as near to the middle as there is such a place; in the middle of one owner's
 * items.
 */
const middleOf = (part: readonly Readonly<{ owner: string }>[]): number => {
  const middle = part.length >> 1;
  if (onlyOwner(part) !== undefined) return middle;
  for (let distance = 0; ; distance += 1) {
    for (const at of [middle - distance, middle + distance])
      if (at > 0 && at < part.length && part[at - 1]?.owner !== part[at]?.owner) return at;
  }
};

/**
 * Group commit: one flush is under way at a time, and what arrives meanwhile goes in the next one. Each owner's items
 * are flushed in the order of `push`, and owners take turns. The queue is bounded in count and bytes: past that, the
 * newest items of the owner with the most are rejected with `queue_full`. A batch that is refused is halved and tried
 * again, owner by owner, so that only what is refused alone is rejected, with `refused`; its owner's other items may be
 * rejected with `failed` when he has many that are refused.
 */
export class GroupCommit<I, O> {
  readonly #work: GroupWork<I, O>;
  readonly #limits: GroupLimits;
  readonly #queue: FairQueue<Waiting<I, O>>;
  #flushing: Promise<void> | undefined;
  #closed = false;

  constructor(work: GroupWork<I, O>, limits: GroupLimits) {
    this.#work = work;
    this.#limits = limits;
    this.#queue = new FairQueue(limits);
  }

  push(item: I, bytes: number): Promise<O> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new GroupCommitError('closed', 'closed'));
      const displaced = this.#queue.push({ item, owner: this.#work.ownerOf(item), bytes, resolve, reject });
      if (displaced !== undefined)
        for (const one of displaced) one.reject(new GroupCommitError('queue_full', 'too much is waiting'));
      this.#kick();
    });
  }

  /** Takes nothing more; resolves when what waits is done or refused. */
  async close(): Promise<void> {
    this.#closed = true;
    while (this.#flushing) await this.#flushing;
  }

  #kick(): void {
    this.#flushing ??= Promise.resolve()
      .then(() => this.#drain())
      .finally(() => {
        this.#flushing = undefined;
        if (!this.#queue.isEmpty) this.#kick();
      });
  }

  async #drain(): Promise<void> {
    while (!this.#queue.isEmpty) {
      const batch = this.#queue.take(this.#limits.maxBatch, this.#limits.maxBatchBytes);
      const refusal = await this.#flush(batch);
      if (refusal !== undefined)
        await this.#retry(
          batch.toSorted((one, other) => (one.owner < other.owner ? -1 : one.owner > other.owner ? 1 : 0)),
          refusal,
          new RetryBudget(),
        );
      this.#queue.done(batch);
    }
  }

  /** Settles every item of a part; if the part was refused as a whole, none is settled and the refusal is returned. */
  async #flush(part: readonly Waiting<I, O>[]): Promise<GroupCommitError | undefined> {
    try {
      const results = await this.#work.flush(part.map((one) => one.item));
      part.forEach((one, index) =>
        index < results.length
          ? one.resolve(results[index] as O)
          : one.reject(new GroupCommitError('failed', 'no result')),
      );
      return undefined;
    } catch (error) {
      const isRefused = this.#work.isRefusal(error);
      const failure =
        error instanceof GroupCommitError
          ? error
          : new GroupCommitError(isRefused ? 'refused' : 'failed', `the flush failed: ${errorText(error)}`, {
              cause: error,
            });
      if (isRefused) return failure;
      for (const one of part) one.reject(failure);
      return undefined;
    }
  }

  /** Finds in a refused part, whose items are in the order of their owners, what is refused alone. */
  async #retry(part: readonly Waiting<I, O>[], refusal: GroupCommitError, budget: RetryBudget): Promise<void> {
    if (part.length === 1) return part[0]?.reject(refusal);
    const middle = middleOf(part);
    for (const half of [part.slice(0, middle), part.slice(middle)]) {
      if (budget.spend(onlyOwner(half))) {
        const again = await this.#flush(half);
        if (again !== undefined) await this.#retry(half, again, budget);
      } else
        for (const one of half)
          one.reject(new GroupCommitError('failed', 'too many of the flush were refused', { cause: refusal }));
    }
  }
}
