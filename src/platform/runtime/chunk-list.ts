/**
 * Chunks shorter than this are merged, this many at once: an object of its own for each byte would take a hundred times
 * its size.
 */
const MERGE_SIZE = 256;

/**
 * Collects the chunks of a body. However small they are, what is kept takes little more than their bytes; each byte is
 * copied twice at most.
 */
export class ChunkList {
  #chunks: Buffer[] = [];
  #small = 0;
  #length = 0;

  /** How many bytes it has. */
  get length(): number {
    return this.#length;
  }

  /** In how many pieces they are kept. */
  get chunks(): number {
    return this.#chunks.length;
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#length += chunk.length;
    this.#small = chunk.length < MERGE_SIZE ? this.#small + 1 : 0;
    this.#chunks.push(chunk);
    if (this.#small < MERGE_SIZE) return;
    this.#chunks.push(Buffer.concat(this.#chunks.splice(-MERGE_SIZE)));
    this.#small = 0;
  }

  /** The last bytes, at most `count` of them. */
  tail(count: number): Buffer {
    const last = this.#chunks.at(-1);
    if (last === undefined || last.length >= count) return last?.subarray(-count) ?? Buffer.alloc(0);
    return Buffer.concat(this.#chunks.slice(-count)).subarray(-count);
  }

  /** A copy of all bytes. */
  peek(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  /**
   * All bytes in one buffer, which is the chunk itself where there is one; from here on they are the caller's, and the
   * list is empty.
   */
  take(): Buffer {
    const [only] = this.#chunks;
    const taken = only !== undefined && this.#chunks.length === 1 ? only : Buffer.concat(this.#chunks);
    this.clear();
    return taken;
  }

  clear(): void {
    this.#chunks = [];
    this.#small = 0;
    this.#length = 0;
  }
}
