import { MessageScan } from './message-scan.js';

const LF = 0x0a;
const CR = 0x0d;
/** The lines that may stand before the data of an event that passes while it arrives. */
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
 * An event that is too long to be held. Its message, on one line, is read while it arrives; its first bytes show
 * whether that is possible. Nothing passes from the byte on that shows that it is no message or that it lists
 * something. A client drops an event that is cut off.
 */
export class LongEvent {
  readonly #scan = new MessageScan({ stopsAtList: true });
  #ends = '';
  #isOver = false;

  /** Begins an event with these bytes, and returns those that may pass; undefined when the event can't pass. */
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

  /** The outcome that a response of this length has; undefined for any other message. */
  get outcome(): 'ok' | 'error' | undefined {
    if (this.#scan.has('method') || this.#scan.has('result') === this.#scan.has('error')) return undefined;
    return this.#scan.has('error') ? 'error' : 'ok';
  }

  /** Whether the rest of it must not pass. */
  get isBroken(): boolean {
    return this.#scan.isStopped;
  }

  /** Returns the bytes that may pass, and those behind the event. */
  feed(bytes: Buffer): Readonly<{ passed: Buffer; rest: Buffer }> {
    if (this.#ends !== '') return this.#end(bytes);
    const end = lineEnd(bytes);
    if (end < 0) return { passed: this.#scan.feed(bytes), rest: NOTHING };
    const passed = Buffer.concat([this.#scan.feed(bytes.subarray(0, end)), this.#scan.end()]);
    if (this.isBroken) return { passed: NOTHING, rest: NOTHING };
    const { passed: blank, rest } = this.#end(bytes.subarray(end));
    return { passed: Buffer.concat([passed, blank]), rest };
  }

  /** The message's line has ended: only the blank line that ends the event may follow. */
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
