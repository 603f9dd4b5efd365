import type { Socket } from 'node:net';
import { guarded, listenTo } from '../../platform/runtime/guard.js';
import { TurnReader } from '../../platform/fair-shares/read-turns.js';
import { readAnswerHead, type AnswerHead } from './answer-head.js';
import { ChunkedBody } from './chunked-body.js';
import type { Exchange } from './exchange.js';

const MAX_HEAD_BYTES = 16 * 1024;
const END_OF_HEAD = '\r\n\r\n';

/** Bodies up to this go with their head in one text: one write to the socket and no list of buffers. */
const MAX_INLINE_BODY_BYTES = 16 * 1024;

/** How long an idle connection is kept where the server does not say for how long it keeps it. */
const IDLE_MS = 4000;

/** `idle`: it may carry the next request. `gone`: it is closed and will carry none. */
export interface Owner {
  idle(connection: Connection): void;
  gone(connection: Connection): void;
}

/**
 * The last head that was read anywhere, with the empty line that ends it: a busy server answers with the same one many
 * times within a second.
 */
let lastText = '';
let lastHead: AnswerHead | undefined;

const headFrom = (text: string): AnswerHead | undefined => {
  lastHead = readAnswerHead(text.slice(0, -END_OF_HEAD.length));
  lastText = text;
  return lastHead;
};

/**
 * One connection to an HTTP/1.1 server, with one request under way at most. It is given up, never used again, as soon
 * as anything is not as it must be: a malformed answer, bytes that nobody asked for, an answer that came before its
 * request was sent.
 */
export class Connection {
  readonly #socket: Socket;
  readonly #owner: Owner;
  readonly #reader: TurnReader;
  #exchange: Exchange | undefined;
  #head: AnswerHead | undefined;
  #held: Buffer | undefined;
  #left = 0;
  #error: unknown;
  #chunked: ChunkedBody | undefined;
  /** When it became idle, in ticks of its owner, and for how long it may be so. */
  idleSince = 0;
  idleMs = 0;

  constructor(socket: Socket, owner: Owner) {
    this.#socket = socket;
    this.#owner = owner;
    socket.unref();
    const guard = { where: 'http_connection', failed: (): void => this.#giveUp() };
    this.#reader = new TurnReader(
      socket,
      guarded(guard.where, (bytes: Buffer) => this.#read(bytes), guard.failed),
    );
    listenTo(socket, 'data', (bytes: Buffer) => this.#reader.take(bytes), guard);
    listenTo(socket, 'end', () => this.#ended(), guard);
    listenTo(socket, 'error', (error: Error) => void (this.#error ??= error), guard);
    listenTo(socket, 'close', () => this.#closed(), guard);
  }

  get open(): boolean {
    return !this.#socket.destroyed && !this.#socket.readableEnded && this.#socket.writable;
  }

  get exchange(): Exchange | undefined {
    return this.#exchange;
  }

  send(exchange: Exchange): void {
    this.#exchange = exchange;
    exchange.begin(this);
    const { head, body } = exchange;
    if (body === undefined) this.#socket.write(head, 'latin1');
    else if (body.length <= MAX_INLINE_BODY_BYTES) this.#socket.write(head + body.toString('latin1'), 'latin1');
    else {
      this.#socket.cork();
      this.#socket.write(head, 'latin1');
      this.#socket.write(body);
      this.#socket.uncork();
    }
    exchange.sent();
  }

  pause(): void {
    this.#reader.pause();
  }

  resume(): void {
    this.#reader.resume();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #read(bytes: Buffer): void {
    let rest = bytes;
    // Also where nothing is under way, or after an interim answer.
    while (rest.length > 0) {
      const next = this.#exchange ? this.#readOn(rest) : undefined;
      if (next === undefined) return this.#giveUp();
      rest = next;
    }
  }

  #giveUp(): void {
    this.#error ??= { code: 'MALFORMED' };
    this.destroy();
  }

  /** Reads what it can; answers the rest, or undefined when the connection is of no use any more. */
  #readOn(bytes: Buffer): Buffer | undefined {
    return this.#head ? this.#readBody(this.#head, bytes) : this.#readHead(bytes);
  }

  #readHead(bytes: Buffer): Buffer | undefined {
    const all = this.#held ? Buffer.concat([this.#held, bytes]) : bytes;
    this.#held = undefined;
    if (lastHead && all.toString('latin1', 0, lastText.length) === lastText)
      return this.#headed(lastHead, all.subarray(lastText.length));
    const end = all.subarray(0, MAX_HEAD_BYTES).indexOf(END_OF_HEAD, 0, 'latin1');
    if (end < 0) {
      this.#held = all;
      return all.length >= MAX_HEAD_BYTES ? undefined : NOTHING;
    }
    const rest = end + END_OF_HEAD.length;
    const head = headFrom(all.toString('latin1', 0, rest));
    return head && this.#headed(head, all.subarray(rest));
  }

  #headed(head: AnswerHead, rest: Buffer): Buffer | undefined {
    return head.status < 200 ? rest : this.#beginBody(head, rest);
  }

  #beginBody(head: AnswerHead, rest: Buffer): Buffer | undefined {
    this.#head = head;
    this.#left = typeof head.framing === 'number' ? head.framing : 0;
    this.#chunked = head.framing === 'chunked' ? new ChunkedBody() : undefined;
    this.#exchange?.headed(head);
    if (head.framing === 'none' || head.framing === 0) return this.#complete(rest);
    return rest;
  }

  #readBody(head: AnswerHead, bytes: Buffer): Buffer | undefined {
    if (this.#chunked) {
      const stopped = this.#chunked.read(bytes, 0, (part) => this.#exchange?.data(part));
      if (stopped === 'bad') return undefined;
      return this.#chunked.done ? this.#complete(bytes.subarray(stopped)) : NOTHING;
    }
    if (head.framing === 'until_close') {
      this.#exchange?.data(bytes);
      return NOTHING;
    }
    const part = bytes.length > this.#left ? bytes.subarray(0, this.#left) : bytes;
    this.#left -= part.length;
    this.#exchange?.data(part);
    return this.#left === 0 ? this.#complete(bytes.subarray(part.length)) : NOTHING;
  }

  /** The answer is whole. What came behind it was not asked for. */
  #complete(rest: Buffer): Buffer | undefined {
    const exchange = this.#exchange;
    const reusable =
      rest.length === 0 &&
      !this.#reader.isBehind &&
      this.#head?.reusable === true &&
      this.#socket.writableLength === 0 &&
      this.open;
    this.idleMs = this.#head?.idleMs ?? IDLE_MS;
    this.#exchange = undefined;
    this.#head = undefined;
    this.#chunked = undefined;
    if (this.#socket.isPaused()) this.#reader.resume();
    if (reusable && this.idleMs > 0) this.#owner.idle(this);
    else this.destroy();
    exchange?.ended();
    return NOTHING;
  }

  /** The other side sends no more: the end of a body that goes until then, or of everything. */
  #ended(): void {
    // A socket tells its end also while it is paused.
    this.#reader.flush();
    if (this.#head?.framing === 'until_close') this.#complete(NOTHING);
    else this.destroy();
  }

  #closed(): void {
    this.#reader.flush();
    const exchange = this.#exchange;
    this.#exchange = undefined;
    this.#owner.gone(this);
    exchange?.broken(this.#error ?? { code: 'ECONNRESET' });
  }
}

const NOTHING = Buffer.alloc(0);
