/** The time between two heartbeats: how many of the calls that were decided in it have no outcome in the log yet. */
export type Epoch = { readonly since: Date | undefined; open: number };

/**
 * Counts the allowed calls whose outcome is not in the log, by the heartbeat after which they were decided: two
 * additions a call, and the boot's row in the database can say how far back an outcome may be missing.
 */
export class OpenCalls {
  #current: Epoch = { since: undefined, open: 0 };
  #epochs: readonly Epoch[] = [this.#current];

  /** A call is about to be put on record; the answer is for `leave`. */
  enter(): Epoch {
    this.#current.open += 1;
    return this.#current;
  }

  /** The call's outcome is in the log. */
  leave(epoch: Epoch): void {
    epoch.open -= 1;
  }

  /** A heartbeat was acknowledged: what is decided from here on is decided after `at`, by the database's clock. */
  advance(at: Date): void {
    this.#current = { since: at, open: 0 };
    this.#epochs = [...this.#epochs.filter(({ open }) => open > 0), this.#current];
  }

  /** Every call that has no outcome in the log was decided after this; undefined before the first heartbeat. */
  since(): Date | undefined {
    return (this.#epochs.find(({ open }) => open > 0) ?? this.#current).since;
  }
}
