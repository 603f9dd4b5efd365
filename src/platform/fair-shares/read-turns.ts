import { soon } from '../runtime/guard.js';

/**
 * How long reading may take of one turn of the event loop, in milliseconds, so that whoever sends the most delays
 * others by little more than this.
 */
const TURN_MS = 5;

/** A chunk of fewer bytes is read at once: its sender is slower than this process, or has nothing more to say. */
const LARGE_CHUNK_BYTES = 16 * 1024;

/** How long one slice of a chunk may take to be read, in milliseconds, by the pace of the slice before it. */
const SLICE_MS = 2;

/** No slice is smaller: its own cost must not count. */
const MIN_SLICE_BYTES = 4096;

/** The pace of a reader that has not read yet, in bytes a millisecond. */
const FIRST_PACE = 8 * 1024;

/** A socket or pipe that tells its chunks. */
interface Source {
  pause(): unknown;
  resume(): unknown;
}

/** Lets everything that reads from outside share the turns of the event loop. */
class ReadTurns {
  #waiting: (() => void)[] = [];
  #spentMs = 0;
  #isScheduled = false;

  /** Whether there is time left in this turn, and nobody waits for it. */
  get isFree(): boolean {
    return this.#waiting.length === 0 && !this.isSpent;
  }

  /** Runs a piece of reading and answers how long it took, in milliseconds. */
  run(work: () => void): number {
    const began = performance.now();
    work();
    const spentMs = performance.now() - began;
    this.#spentMs += spentMs;
    this.#schedule();
    return spentMs;
  }

  /** Whether the time of this turn is spent. */
  get isSpent(): boolean {
    return this.#spentMs >= TURN_MS;
  }

  wait(read: () => void): void {
    this.#waiting.push(read);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    soon('read_turns', () => this.#next());
  }

  /** A turn has ended: those who wait read, at least one of them, until the time of the next one is spent. */
  #next(): void {
    this.#isScheduled = false;
    this.#spentMs = 0;
    const waiting = this.#waiting;
    this.#waiting = [];
    let read = 0;
    for (; read < waiting.length && !this.isSpent; read += 1) waiting[read]?.();
    this.#waiting = [...waiting.slice(read), ...this.#waiting];
  }
}

const turns = new ReadTurns();

/**
 * Reads what a source tells in turns with all others: what of a large chunk finds the time of a turn spent waits for a
 * later one, and its source is paused meanwhile. A chunk that is costly to read is read in slices. Bytes keep their
 * order. `read` must not throw.
 */
export class TurnReader {
  readonly #source: Source;
  readonly #read: (chunk: Buffer) => void;
  #waiting: Buffer | undefined;
  #pace = FIRST_PACE;
  #isPaused = false;

  constructor(source: Source, read: (chunk: Buffer) => void) {
    this.#source = source;
    this.#read = read;
  }

  /** Whether bytes came that were not read yet. */
  get isBehind(): boolean {
    return this.#waiting !== undefined;
  }

  /** Takes the next chunk. */
  take(chunk: Buffer): void {
    if (this.#waiting) this.#waiting = Buffer.concat([this.#waiting, chunk]);
    else if (chunk.length < LARGE_CHUNK_BYTES) this.#read(chunk);
    else {
      this.#waiting = chunk;
      if (turns.isFree) this.#readSlices();
      if (this.#waiting) this.#wait();
    }
  }

  /** The reader wants no more for now. What waits is kept until it does. */
  pause(): void {
    this.#isPaused = true;
    this.#source.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#waiting) this.#wait();
    else this.#source.resume();
  }

  /** Reads what waits now: the source has ended. */
  flush(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting) this.#read(waiting);
  }

  #wait(): void {
    this.#source.pause();
    turns.wait(() => this.#readOn());
  }

  #readOn(): void {
    if (this.#isPaused || !this.#waiting) return;
    this.#readSlices();
    if (this.#isPaused) return;
    if (this.#waiting) this.#wait();
    else this.#source.resume();
  }

  #readSlices(): void {
    do {
      const slice = this.#nextSlice();
      const spentMs = turns.run(() => this.#read(slice));
      this.#pace = slice.length / Math.max(spentMs, 0.01);
    } while (this.#waiting && !this.#isPaused && !turns.isSpent);
  }

  /** Takes it off what waits. */
  #nextSlice(): Buffer {
    const waiting = this.#waiting ?? NOTHING;
    const size = Math.max(MIN_SLICE_BYTES, Math.floor(this.#pace * SLICE_MS));
    this.#waiting = size < waiting.length ? waiting.subarray(size) : undefined;
    return waiting.subarray(0, size);
  }
}

const NOTHING = Buffer.alloc(0);
