const LF = 0x0a;
const CR = 0x0d;
/** The longest end of an event, CR LF CR LF, may be cut anywhere. */
const OVERLAP = 4;

/** Where the first event that ends at or after `from` ends, behind its blank line; -1 when none does, or when it takes another byte to know. */
const endOfEvent = (bytes: Buffer, from: number): number => {
  let [lf, cr] = [bytes.indexOf(LF, from), bytes.indexOf(CR, from)];
  for (;;) {
    const at = lf >= 0 && (cr < 0 || lf < cr) ? lf : cr;
    if (at < 0) return -1;
    const next = at + (bytes[at] === CR && bytes[at + 1] === LF ? 2 : 1);
    if (bytes[next] === LF) return next + 1;
    if (bytes[next] === CR) return next + 1 === bytes.length ? -1 : next + (bytes[next + 1] === LF ? 2 : 1);
    if (lf >= 0 && lf < next) lf = bytes.indexOf(LF, next);
    if (cr >= 0 && cr < next) cr = bytes.indexOf(CR, next);
  }
};

/** Cuts an event stream (HTML, "Interpreting an event stream") into its events as their bytes arrive. Nothing is copied more than twice, however long an event is. */
export class EventSplitter {
  #held: Buffer[] = [];
  #bytes = 0;

  /** The events that `chunk` ends, each with its blank line, byte for byte as they came. */
  feed(chunk: Buffer): readonly Buffer[] {
    const tail = this.#tail();
    const bytes = tail.length === 0 ? chunk : Buffer.concat([tail, chunk]);
    const events: Buffer[] = [];
    let from = 0;
    for (let end = endOfEvent(bytes, 0); end >= 0; end = endOfEvent(bytes, from)) {
      const piece = bytes.subarray(from === 0 ? tail.length : from, end);
      events.push(from === 0 && this.#bytes > 0 ? Buffer.concat([...this.#held, piece]) : piece);
      if (from === 0) this.take();
      from = end;
    }
    this.#hold(from === 0 ? chunk : bytes.subarray(from));
    return events;
  }

  /** How many bytes of an unfinished event are held. */
  get held(): number {
    return this.#bytes;
  }

  /** The bytes of the unfinished event; from here on they are the caller's. */
  take(): Buffer {
    const taken = Buffer.concat(this.#held);
    this.#held = [];
    this.#bytes = 0;
    return taken;
  }

  #tail(): Buffer {
    const last = this.#held.at(-1);
    if (last === undefined || last.length >= OVERLAP) return last?.subarray(-OVERLAP) ?? Buffer.alloc(0);
    return Buffer.concat(this.#held.slice(-OVERLAP)).subarray(-OVERLAP);
  }

  #hold(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#held.push(bytes);
    this.#bytes += bytes.length;
  }
}
