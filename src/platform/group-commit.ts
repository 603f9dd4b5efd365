import { errorText } from './log.js';

export type GroupLimits = Readonly<{ maxBatch: number; maxBatchBytes: number; maxWaiting: number; maxWaitingBytes: number }>;

export type GroupRefusal = 'queue_full' | 'failed' | 'closed';

/** Work that was not acknowledged; with `failed` it may still have happened. */
export class GroupCommitError extends Error {
  readonly refusal: GroupRefusal;
  constructor(refusal: GroupRefusal, message: string, options?: ErrorOptions) {
    super(message, options);
    this.refusal = refusal;
  }
}

type Waiting<I, O> = Readonly<{ item: I; bytes: number; resolve: (result: O) => void; reject: (error: GroupCommitError) => void }>;

/**
 * Group commit: one flush is under way at a time, and what arrives meanwhile goes in the next one, in the order of `push`.
 * `flush` resolves to one result an item. The queue is bounded in count and bytes: past that, `push` rejects at once with `queue_full`.
 */
export class GroupCommit<I, O> {
  readonly #flush: (batch: readonly I[]) => Promise<readonly O[]>;
  readonly #limits: GroupLimits;
  #waiting: Waiting<I, O>[] = [];
  #waitingBytes = 0;
  #flushing: Promise<void> | undefined;
  #closed = false;

  constructor(flush: (batch: readonly I[]) => Promise<readonly O[]>, limits: GroupLimits) {
    this.#flush = flush;
    this.#limits = limits;
  }

  push(item: I, bytes: number): Promise<O> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new GroupCommitError('closed', 'closed'));
      if (this.#waiting.length >= this.#limits.maxWaiting || this.#waitingBytes + bytes > this.#limits.maxWaitingBytes) {
        return reject(new GroupCommitError('queue_full', 'too much is waiting'));
      }
      this.#waitingBytes += bytes;
      this.#waiting.push({ item, bytes, resolve, reject });
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
        if (this.#waiting.length > 0) this.#kick();
      });
  }

  #takeBatch(): readonly Waiting<I, O>[] {
    let bytes = 0;
    let count = 0;
    while (count < this.#waiting.length && count < this.#limits.maxBatch) {
      bytes += this.#waiting[count]?.bytes ?? 0;
      if (count > 0 && bytes > this.#limits.maxBatchBytes) break;
      count += 1;
    }
    const batch = this.#waiting.slice(0, count);
    this.#waiting = this.#waiting.slice(count);
    return batch;
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#takeBatch();
      try {
        const results = await this.#flush(batch.map((one) => one.item));
        batch.forEach((one, index) => (index < results.length ? one.resolve(results[index] as O) : one.reject(new GroupCommitError('failed', 'no result'))));
      } catch (error) {
        const failure = error instanceof GroupCommitError ? error : new GroupCommitError('failed', `the flush failed: ${errorText(error)}`, { cause: error });
        batch.forEach((one) => one.reject(failure));
      }
      for (const one of batch) this.#waitingBytes -= one.bytes;
    }
  }
}
