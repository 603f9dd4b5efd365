import type { Transform } from 'node:stream';
import { listenTo } from '../../platform/runtime/guard.js';
import type { HeldBytes } from '../../platform/fair-shares/held-bytes.js';
import type { ContentCoding } from './content-coding.js';

/** So much may come out of a body however little went in. */
const FREE_BYTES = 8 * 1024 * 1024;
/** Beyond that, how many times its own length a body may become: JSON becomes 5 to 30 times as long. */
const MAX_RATIO = 100;
/** What a decoder takes beside what it decoded. */
const BASE_BYTES = 64 * 1024;

/** Why a coded body is read no further. */
export type DecodingFault = 'malformed' | 'too_large' | 'no_room';

/**
 * `data` answers false to be paused until `resume`. Exactly one of `end` and `fail` comes last, unless it is closed.
 */
export type DecodedBody = Readonly<{
  data: (part: Buffer) => boolean;
  /** What was written is decoded: more can be. */
  drained: () => void;
  end: () => void;
  fail: (fault: DecodingFault) => void;
}>;

/**
 * Takes the coding off a body as it arrives. Bounded: what comes out by what went in (a few bytes can say "a gigabyte
 * of zeros"), and what is kept by the quota of its owner.
 */
export class BodyDecoder {
  readonly #stream: Transform;
  readonly #body: DecodedBody;
  readonly #held: HeldBytes;
  readonly #windowBytes: number;
  #encoded = 0;
  #decoded = 0;
  #over = false;

  constructor(stream: Transform, windowBytes: number, held: HeldBytes, body: DecodedBody) {
    this.#stream = stream;
    this.#windowBytes = windowBytes;
    this.#held = held;
    this.#body = body;
    const guard = { where: 'body_decoder', failed: (): void => this.#fail('malformed') };
    listenTo(stream, 'data', (part: Buffer) => this.#take(part), guard);
    listenTo(stream, 'drain', () => void (this.#over || body.drained()), guard);
    listenTo(stream, 'end', () => this.#end(), guard);
    listenTo(stream, 'error', () => this.#fail('malformed'), guard);
  }

  /** Decodes bytes; false when no more should be written until `drained`. */
  write(bytes: Buffer): boolean {
    this.#encoded += bytes.length;
    return this.#stream.write(bytes);
  }

  /** The body is whole. */
  end(): void {
    this.#stream.end();
  }

  resume(): void {
    this.#stream.resume();
  }

  /** Ends without a word. */
  close(): void {
    this.#over = true;
    this.#held.release();
    this.#stream.destroy();
  }

  #take(part: Buffer): void {
    if (this.#over) return;
    this.#decoded += part.length;
    if (this.#decoded > FREE_BYTES && this.#decoded > this.#encoded * MAX_RATIO) return this.#fail('too_large');
    // A decoder keeps twice what it decoded until that fills its window.
    if (!this.#held.hold(BASE_BYTES + Math.min(this.#windowBytes, 2 * this.#decoded))) return this.#fail('no_room');
    if (!this.#body.data(part)) this.#stream.pause();
  }

  #end(): void {
    if (this.#over) return;
    this.close();
    this.#body.end();
  }

  #fail(fault: DecodingFault): void {
    if (this.#over) return;
    this.close();
    this.#body.fail(fault);
  }
}

/** Opens the decoder of a body that begins with `first`, which must be written next. */
export const openDecoder = (coding: ContentCoding, first: Buffer, held: HeldBytes, body: DecodedBody): BodyDecoder =>
  new BodyDecoder(coding.open(first), coding.windowBytes, held, body);
