import { startInterval } from '../../platform/runtime/guard.js';

/** What is left to close waits for one to two of these. */
const CLOSE_TIMEOUT_MS = 500;

/** Something that should end by itself soon, and is closed when it does not. */
export interface Closable {
  close(): void;
}

/**
 * Closes what was answered and does not end by itself within a second. Nearly everything does end: an entry costs two
 * set operations and no timer of its own.
 */
export class CloseQueue {
  #young = new Set<Closable>();
  #old = new Set<Closable>();
  #timer: NodeJS.Timeout | undefined;

  add(closable: Closable): void {
    this.#young.add(closable);
    this.#timer ??= startInterval('close_queue', CLOSE_TIMEOUT_MS, () => this.#sweep()).unref();
  }

  /** It has ended. */
  delete(closable: Closable): void {
    if (!this.#young.delete(closable)) this.#old.delete(closable);
  }

  #sweep(): void {
    const due = this.#old;
    [this.#old, this.#young] = [this.#young, new Set()];
    if (due.size === 0 && this.#old.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
    for (const closable of due) closable.close();
  }
}
