import { AppendError, type Appended, type LogEntry } from './event-log.js';

type Waiting = Readonly<{ entry: LogEntry; partition: number; resolve: (appended: Appended) => void; reject: (error: AppendError) => void }>;

/** Writes a batch of one topic in one go; resolves to each entry's offset, in order. */
export type Flush = (batch: readonly Readonly<{ entry: LogEntry; partition: number }>[]) => Promise<readonly Appended[]>;

export type QueueLimits = Readonly<{ maxBatch: number; maxBatchBytes: number; maxWaiting: number; maxWaitingBytes: number }>;

/**
 * Group commit: one flush is under way at a time, and what arrives meanwhile goes in the next one. Entries keep the order of `push`.
 * The queue is bounded in count and bytes: past that, `push` rejects at once with `queue_full`.
 */
export class AppendQueue {
  readonly #flush: Flush;
  readonly #limits: QueueLimits;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #flushing: Promise<void> | undefined;
  #closed = false;

  constructor(flush: Flush, limits: QueueLimits) {
    this.#flush = flush;
    this.#limits = limits;
  }

  push(entry: LogEntry, partition: number): Promise<Appended> {
    return new Promise((resolve, reject) => {
      const bytes = entry.value.length;
      if (this.#closed) return reject(new AppendError('closed', 'the log is closed'));
      if (this.#waiting.length >= this.#limits.maxWaiting || this.#waitingBytes + bytes > this.#limits.maxWaitingBytes) {
        return reject(new AppendError('queue_full', 'too many appends are waiting'));
      }
      this.#waitingBytes += bytes;
      this.#waiting.push({ entry, partition, resolve, reject });
      this.#kick();
    });
  }

  /** Takes no more entries; resolves when the waiting ones are written or refused. */
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

  #takeBatch(): readonly Waiting[] {
    let bytes = 0;
    let count = 0;
    while (count < this.#waiting.length && count < this.#limits.maxBatch) {
      bytes += this.#waiting[count]?.entry.value.length ?? 0;
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
        const appended = await this.#flush(batch);
        batch.forEach((one, index) => {
          const at = appended[index];
          if (at) one.resolve(at);
          else one.reject(new AppendError('failed', 'the log answered without an offset'));
        });
      } catch (error) {
        const failure = error instanceof AppendError ? error : new AppendError('failed', 'the log did not take the append', { cause: error });
        batch.forEach((one) => one.reject(failure));
      }
      for (const one of batch) this.#waitingBytes -= one.entry.value.length;
    }
  }
}
