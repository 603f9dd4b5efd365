import { ChunkList } from '../platform/chunk-list.js';

const LF = 0x0a;
const CR = 0x0d;
/** The longest end of an event, CR LF CR LF, may be cut anywhere. */
const OVERLAP = 4;

/** The length of the line end at `at`: CR LF, LF or CR; 0 when there is none. */
const lineEndAt = (bytes: Buffer, at: number): number => {
  if (bytes[at] === LF) return 1;
  if (bytes[at] !== CR) return 0;
  return bytes[at + 1] === LF ? 2 : 1;
};

/** The next place of a byte at or after `from`, given the last one found; the length when there is none any more. */
const nextPlace = (bytes: Buffer, byte: number, from: number, last: number): number => {
  if (last >= from) return last;
  const at = bytes.indexOf(byte, from);
  return at < 0 ? bytes.length : at;
};

/** Where the first event that ends at or after `from` ends, behind its blank line; -1 when none does, or when it takes another byte to know. */
const endOfEvent = (bytes: Buffer, from: number): number => {
  for (let next = from, lf = -1, cr = -1; next < bytes.length; ) {
    lf = nextPlace(bytes, LF, next, lf);
    cr = nextPlace(bytes, CR, next, cr);
    const at = Math.min(lf, cr);
    next = at + lineEndAt(bytes, at);
    const blank = lineEndAt(bytes, next);
    if (blank > 0) return bytes[next] === CR && next + 1 === bytes.length ? -1 : next + blank;
  }
  return -1;
};

/** Cuts an event stream (HTML, "Interpreting an event stream") into its events as their bytes arrive. Nothing is copied more than twice, however long an event is. */
export class EventSplitter {
  readonly #held = new ChunkList();
  #isSkipping = false;

  /** The events that `chunk` ends, each with its blank line, byte for byte as they came. */
  feed(chunk: Buffer): readonly Buffer[] {
    const tail = this.#held.tail(OVERLAP);
    const bytes = tail.length === 0 ? chunk : Buffer.concat([tail, chunk]);
    const events: Buffer[] = [];
    let from = 0;
    for (let end = endOfEvent(bytes, 0); end >= 0; end = endOfEvent(bytes, from)) {
      const piece = bytes.subarray(from === 0 ? tail.length : from, end);
      if (this.#isSkipping) this.#isSkipping = false;
      else events.push(from === 0 && this.#held.length > 0 ? Buffer.concat([this.#held.take(), piece]) : piece);
      if (from === 0) this.#held.clear();
      from = end;
    }
    this.#held.push(from === 0 ? chunk : bytes.subarray(from));
    if (this.#isSkipping) this.skip();
    return events;
  }

  /** How many bytes of an unfinished event are held. */
  get held(): number {
    return this.#held.length;
  }

  /** The bytes of the unfinished event so far. */
  peek(): Buffer {
    return this.#held.peek();
  }

  /** Drops the unfinished event, also what is still to come of it. */
  skip(): void {
    const tail = Buffer.from(this.#held.tail(OVERLAP));
    this.#held.clear();
    this.#held.push(tail);
    this.#isSkipping = true;
  }

  /** The bytes of the unfinished event; from here on they are the caller's. */
  take(): Buffer {
    return this.#held.take();
  }
}
