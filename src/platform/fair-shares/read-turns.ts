import { soon } from '../runtime/guard.js';

/**
 * How long reading may take of one turn of the event loop, in milliseconds, so that whoever sends the most delays
 * others by no more than this.
 */
const TURN_MS = 5;

/** A chunk of fewer bytes is read at once: its sender is slower than this process, or has nothing more to say. */
const LARGE_CHUNK_BYTES = 16 * 1024;

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
    return this.#waiting.length === 0 && this.#spentMs < TURN_MS;
  }

  run(work: () => void): void {
    const began = performance.now();
    try {
      work();
    } finally {
      this.#spentMs += performance.now() - began;
      this.#schedule();
    }
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
    while (read < waiting.length && this.#spentMs < TURN_MS) {
      this.run(waiting[read] as () => void);
      read += 1;
    }
    this.#waiting = [...waiting.slice(read), ...this.#waiting];
  }
}

const turns = new ReadTurns();

/**
 * Reads what a source tells in turns with all others: a large chunk that finds the time of a turn spent waits for a
 * later one, and its source is paused meanwhile. Chunks keep their order. `read` must not throw.
 */
export class TurnReader {
  readonly #source: Source;
  readonly #read: (chunk: Buffer) => void;
  #waiting: Buffer | undefined;
  #isPaused = false;

  constructor(source: Source, read: (chunk: Buffer) => void) {
    this.#source = source;
    this.#read = read;
  }

  /** Takes the next chunk. */
  take(chunk: Buffer): void {
    if (this.#waiting) this.#waiting = Buffer.concat([this.#waiting, chunk]);
    else if (chunk.length < LARGE_CHUNK_BYTES) this.#read(chunk);
    else if (turns.isFree) turns.run(() => this.#read(chunk));
    else this.#wait(chunk);
  }

  /** The reader wants no more for now. A chunk that waits is kept until it does. */
  pause(): void {
    this.#isPaused = true;
    this.#source.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#waiting) turns.wait(() => this.#readWaiting());
    else this.#source.resume();
  }

  /** Reads what waits now: the source has ended. */
  flush(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting) this.#read(waiting);
  }

  #wait(chunk: Buffer): void {
    this.#waiting = chunk;
    this.#source.pause();
    turns.wait(() => this.#readWaiting());
  }

  #readWaiting(): void {
    if (this.#isPaused || !this.#waiting) return;
    this.flush();
    if (!this.#isPaused) this.#source.resume();
  }
}
