import { MessageScan } from './message-scan.js';

const LF = 0x0a;
const CR = 0x0d;
/** What may stand before the data of an event that is passed on while it comes. */
const BEFORE_DATA = /^(?:(?:event|id|retry):[\x20-\x7e]*(?:\r\n|\r|\n))*data: ?/;
/** The shortest beginnings of two line ends. */
const TWO_LINE_ENDS = new Set(['\n\n', '\r\r', '\n\r', '\r\n\n', '\r\n\r']);
const NOTHING = Buffer.alloc(0);

const lineEnd = (bytes: Buffer): number => {
  const [lf, cr] = [bytes.indexOf(LF), bytes.indexOf(CR)];
  if (lf < 0 || cr < 0) return Math.max(lf, cr);
  return Math.min(lf, cr);
};

/**
 * An event that is too long to be held: its message, on one line, is read as it comes. Its first bytes show whether it
 * can be read so at all. Nothing passes from the place on where it turns out to be no message or to show a list; a
 * client that has the rest of it takes a cut event for none.
 */
export class LongEvent {
  readonly #scan = new MessageScan({ stopsAtList: true });
  #ends = '';
  #isOver = false;

  /** An event with these first bytes, and what of them may pass; undefined when it can't be passed on. */
  static begin(bytes: Buffer): Readonly<{ event: LongEvent; passed: Buffer }> | undefined {
    const head = BEFORE_DATA.exec(bytes.toString('latin1', 0, 4096))?.[0];
    if (head === undefined) return undefined;
    const event = new LongEvent();
    const { passed } = event.feed(bytes.subarray(head.length));
    return event.isBroken ? undefined : { event, passed: Buffer.concat([Buffer.from(head, 'latin1'), passed]) };
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether it can't be passed on any further. */
  get isBroken(): boolean {
    return this.#scan.isStopped;
  }

  /** What of these bytes may pass, and what of them stands behind the event. */
  feed(bytes: Buffer): Readonly<{ passed: Buffer; rest: Buffer }> {
    if (this.#ends !== '') return this.#end(bytes);
    const end = lineEnd(bytes);
    if (end < 0) return { passed: this.#scan.feed(bytes), rest: NOTHING };
    const passed = Buffer.concat([this.#scan.feed(bytes.subarray(0, end)), this.#scan.end()]);
    if (this.isBroken) return { passed: NOTHING, rest: NOTHING };
    const { passed: blank, rest } = this.#end(bytes.subarray(end));
    return { passed: Buffer.concat([passed, blank]), rest };
  }

  /** The line of the message is over: only the blank line may follow that ends the event. */
  #end(bytes: Buffer): Readonly<{ passed: Buffer; rest: Buffer }> {
    for (let at = 0; at < bytes.length; at += 1) {
      const byte = bytes[at];
      if (byte !== LF && byte !== CR) {
        this.#scan.isBroken = true;
        return { passed: NOTHING, rest: NOTHING };
      }
      this.#ends += byte === LF ? '\n' : '\r';
      if (TWO_LINE_ENDS.has(this.#ends)) {
        this.#isOver = true;
        return { passed: Buffer.from('\n\n'), rest: bytes.subarray(at + 1) };
      }
    }
    return { passed: NOTHING, rest: NOTHING };
  }
}
