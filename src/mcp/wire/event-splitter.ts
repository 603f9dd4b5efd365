import { ChunkList } from '../../platform/runtime/chunk-list.js';

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

/**
 * Finds where events end, each behind its blank line and those that follow it directly: a blank line alone is no event.
 * All of it takes time linear in the bytes, so the next line end of either kind is looked for only once the last one is
 * passed.
 */
class EventEnds {
  readonly #bytes: Buffer;
  #at = 0;
  #lf = -1;
  #cr = -1;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Where the next event ends; -1 when none does, or when it takes another byte to know. */
  next(): number {
    while (this.#at < this.#bytes.length) {
      this.#at = this.#endOfLine();
      const end = this.#endOfBlanks(this.#at);
      if (end > this.#at) return (this.#at = end);
    }
    return -1;
  }

  /** Behind the first line end from `#at` on; the length when there is none. */
  #endOfLine(): number {
    if (this.#lf < this.#at) this.#lf = this.#placeOf(LF);
    if (this.#cr < this.#at) this.#cr = this.#placeOf(CR);
    const end = Math.min(this.#lf, this.#cr);
    return end + lineEndAt(this.#bytes, end);
  }

  #placeOf(byte: number): number {
    const place = this.#bytes.indexOf(byte, this.#at);
    return place < 0 ? this.#bytes.length : place;
  }

  /** Behind the blank lines at `from`. A CR at the very end may be half a line end. */
  #endOfBlanks(from: number): number {
    let at = from;
    for (let length = lineEndAt(this.#bytes, at); length > 0; length = lineEndAt(this.#bytes, at)) {
      if (this.#bytes[at] === CR && at + 1 === this.#bytes.length) return at;
      at += length;
    }
    return at;
  }
}

/**
 * Cuts an event stream (HTML, "Interpreting an event stream") into its events as their bytes arrive. Nothing is copied
 * more than twice, however long an event is.
 */
export class EventSplitter {
  readonly #held = new ChunkList();
  #isSkipping = false;

  /** The events that `chunk` ends, each with its blank line, byte for byte as they came. */
  feed(chunk: Buffer): readonly Buffer[] {
    const tail = this.#held.tail(OVERLAP);
    const bytes = tail.length === 0 ? chunk : Buffer.concat([tail, chunk]);
    const events: Buffer[] = [];
    const ends = new EventEnds(bytes);
    let from = 0;
    for (let end = ends.next(); end >= 0; end = ends.next()) {
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

  /**
   * The last event, once the stream has ended behind its blank line: while more may come, a CR at the very end may be
   * half a line end. Undefined when the stream ended elsewhere.
   */
  end(): Buffer | undefined {
    const tail = this.#held.tail(2);
    const isBlank = tail[1] === CR && (tail[0] === CR || tail[0] === LF);
    return isBlank && !this.#isSkipping ? this.take() : undefined;
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
