import { MessageScan } from './message-scan.js';

const EVENT_BEGINS = Buffer.from('data: ');
const EVENT_ENDS = Buffer.from('\n\n');

/** A JSON text in one line: line ends in it are white space. */
const inOneLine = (json: Buffer): Buffer => {
  for (let at = 0; at < json.length; at += 1) if (json[at] === 0x0a || json[at] === 0x0d) json[at] = 0x20;
  return json;
};

/**
 * A JSON body that is too long to be held and passes while it is scanned. On a response that was kept alive it passes
 * as the last event of the stream.
 */
export class LongBody {
  readonly #scan = new MessageScan({ stopsAtList: true });
  readonly #isEvent: boolean;
  #hasBegun = false;

  constructor(isEvent: boolean) {
    this.#isEvent = isEvent;
  }

  /** Whether the body must not go on. */
  get isStopped(): boolean {
    return this.#scan.isStopped;
  }

  /** Takes a chunk, whose bytes it may change, and returns what goes to the client. */
  feed(chunk: Buffer): Buffer {
    const passed = this.#scan.feed(chunk);
    if (!this.#isEvent) return passed;
    const begins = !this.#hasBegun;
    this.#hasBegun = true;
    return begins ? Buffer.concat([EVENT_BEGINS, inOneLine(passed)]) : inOneLine(passed);
  }

  /** Returns what is left for the client. */
  end(): Buffer {
    const rest = this.#scan.end();
    return this.#isEvent ? Buffer.concat([inOneLine(rest), EVENT_ENDS]) : rest;
  }
}
