const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** So many bytes are looked at one by one before the search is left to `indexOf`, which costs more to begin with. */
const SHORT_STRING_BYTES = 64;

/** Finds where the string of a JSON text ends that is read in chunks, cut anywhere. */
export class StringEnd {
  #isEscaped = false;

  /** Where the quote stands that ends the string, from `from` on; -1 when it is not in these bytes. */
  endIn(bytes: Buffer, from: number): number {
    let at = this.#isEscaped ? from + 1 : from;
    this.#isEscaped = false;
    while (at < bytes.length) {
      for (const soon = Math.min(bytes.length, at + SHORT_STRING_BYTES); at < soon; at += 1) {
        const byte = bytes[at];
        if (byte === QUOTE) return at;
        if (byte === BACKSLASH) at += 1;
      }
      if (at >= bytes.length) break;
      const end = bytes.indexOf(QUOTE, at);
      const stop = end < 0 ? bytes.length : end;
      const isEscaped = this.#endsInEscape(bytes, at, stop);
      if (end >= 0 && !isEscaped) return end;
      at = stop + (isEscaped ? 1 : 0);
    }
    this.#isEscaped = at > bytes.length;
    return -1;
  }

  /** Whether the byte at `end` belongs to an escape, none of which began before `from`. */
  #endsInEscape(bytes: Buffer, from: number, end: number): boolean {
    let slashes = 0;
    while (end - slashes > from && bytes[end - slashes - 1] === BACKSLASH) slashes += 1;
    return slashes % 2 === 1;
  }
}
