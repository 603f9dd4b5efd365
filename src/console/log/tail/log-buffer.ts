/** A record of the log, as far as the buffer looks at it. */
export type LogItem = Readonly<{ seq: number; type: string; callId?: string | null }>;

/** Records that the stream passed over, both inclusive. */
export type Gap = Readonly<{ fromSeq: number; toSeq: number }>;

/** What stands in one line of the log: a record, with the outcome of its call once that is known, or a gap. */
export type LogLine<Item extends LogItem> =
  | Readonly<{ kind: 'item'; seq: number; item: Item; outcome: Item | undefined }>
  | Readonly<{ kind: 'gap'; seq: number; gap: Gap }>;

const OUTCOME = 'toolCall.completed';

/**
 * The newest lines of a log that only grows, in order of `seq`, at most `size` of them. A record is taken once, however
 * often it is delivered; outcomes join the line of their call. What is over the size goes, the oldest first.
 */
export class LogBuffer<Item extends LogItem> {
  readonly #size: number;
  #lines: LogLine<Item>[] = [];
  readonly #byCall = new Map<string, number>();
  /** How many lines were dropped at the beginning: the index of a line in all that ever was. */
  #dropped = 0;
  #lastSeq: number;
  /** How many lines were ever added. */
  #added = 0;

  constructor(size: number, lastSeq = 0) {
    this.#size = size;
    this.#lastSeq = lastSeq;
  }

  /** The newest `seq` that was delivered, also of what made no line; a stream goes on behind it. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** Goes on behind a `seq` whose record was looked at elsewhere. */
  skipTo(seq: number): void {
    this.#lastSeq = Math.max(this.#lastSeq, seq);
  }

  get added(): number {
    return this.#added;
  }

  /** The lines, oldest first. Another array whenever something changed. */
  get lines(): readonly LogLine<Item>[] {
    return this.#lines;
  }

  /** Takes what was delivered, in the order in which it was; true when a line was added or changed. */
  take(delivered: readonly (Item | Gap)[]): boolean {
    const lines = [...this.#lines];
    let isChanged = false;
    for (const one of delivered) isChanged = this.#takeOne(lines, one) || isChanged;
    const excess = Math.max(0, lines.length - this.#size);
    for (const line of lines.slice(0, excess)) if (line.kind === 'item') this.#forget(line.item);
    this.#dropped += excess;
    if (isChanged) this.#lines = excess > 0 ? lines.slice(excess) : lines;
    return isChanged;
  }

  #takeOne(lines: LogLine<Item>[], one: Item | Gap): boolean {
    const last = 'toSeq' in one ? one.toSeq : one.seq;
    if (last <= this.#lastSeq) return false;
    if ('toSeq' in one) {
      const gap = { fromSeq: Math.max(one.fromSeq, this.#lastSeq + 1), toSeq: one.toSeq };
      lines.push({ kind: 'gap', seq: gap.fromSeq, gap });
    } else if (one.type === OUTCOME) {
      this.#lastSeq = last;
      return this.#join(lines, one);
    } else {
      if (one.callId) this.#byCall.set(one.callId, this.#dropped + lines.length);
      lines.push({ kind: 'item', seq: one.seq, item: one, outcome: undefined });
    }
    this.#lastSeq = last;
    this.#added += 1;
    return true;
  }

  #join(lines: LogLine<Item>[], outcome: Item): boolean {
    const at = this.#byCall.get(outcome.callId ?? '');
    const line = at === undefined ? undefined : lines[at - this.#dropped];
    if (at === undefined || line?.kind !== 'item') return false;
    lines[at - this.#dropped] = { ...line, outcome };
    return true;
  }

  #forget({ callId }: Item): void {
    if (callId) this.#byCall.delete(callId);
  }
}
