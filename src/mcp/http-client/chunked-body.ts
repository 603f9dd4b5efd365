const MAX_LINE = 4096;
const MAX_TRAILERS = 16 * 1024;
const SIZE = /^([0-9a-fA-F]{1,8})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/;
const TRAILER = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*$/;

const CR = 0x0d;
const LF = 0x0a;

type State = 'size' | 'data' | 'after_data' | 'trailers' | 'done';

/**
 * Takes the chunked coding (RFC 9112, section 7.1) off a body. Strict: anything that is not exactly that makes `read`
 * answer 'bad'. Trailers are dropped.
 */
export class ChunkedBody {
  #state: State = 'size';
  #line = '';
  #left = 0;
  #trailers = 0;

  /** Whether the last chunk and the trailers were read. */
  get done(): boolean {
    return this.#state === 'done';
  }

  /**
   * Reads `bytes` from `from` on and hands on what is data; answers where it stopped, which is before the end only when
   * the body is done.
   */
  read(bytes: Buffer, from: number, data: (part: Buffer) => void): number | 'bad' {
    let at = from;
    while (at < bytes.length && this.#state !== 'done') {
      if (this.#state === 'data') {
        const part = bytes.subarray(at, at + this.#left);
        at += part.length;
        this.#left -= part.length;
        if (this.#left === 0) this.#state = 'after_data';
        data(part);
        continue;
      }
      const end = bytes.indexOf(LF, at);
      const stop = end < 0 ? bytes.length : end + 1;
      this.#line += bytes.toString('latin1', at, stop);
      at = stop;
      if (this.#line.length > MAX_LINE) return 'bad';
      if (end >= 0 && !this.#endLine()) return 'bad';
    }
    return at;
  }

  #endLine(): boolean {
    const line = this.#line;
    this.#line = '';
    if (line.charCodeAt(line.length - 2) !== CR) return false;
    const text = line.slice(0, -2);
    if (this.#state === 'after_data') {
      this.#state = 'size';
      return text === '';
    }
    return this.#state === 'size' ? this.#beginChunk(text) : this.#trailer(text);
  }

  #beginChunk(text: string): boolean {
    const size = SIZE.exec(text)?.[1];
    if (size === undefined) return false;
    this.#left = Number.parseInt(size, 16);
    this.#state = this.#left === 0 ? 'trailers' : 'data';
    return true;
  }

  #trailer(text: string): boolean {
    this.#trailers += text.length;
    if (text === '') this.#state = 'done';
    return text === '' || (this.#trailers <= MAX_TRAILERS && TRAILER.test(text));
  }
}
