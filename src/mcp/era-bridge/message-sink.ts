import { ChunkList } from '../../platform/runtime/chunk-list.js';
import { holdBytes, type HeldBytes } from '../../platform/fair-shares/held-bytes.js';
import { eventStreamReader, type EventStreamReader } from '../wire/event-reader.js';
import { flawOf } from '../../platform/json/foreign-json.js';
import { headerOf, isEventStream } from '../protocol/headers.js';
import type { Sink, UpstreamFailure, UpstreamHeaders, UpstreamRequest } from '../upstream/forward.js';

/**
 * The largest message that is translated; a larger one ends its call as broken.
 */
export const MAX_MESSAGE_BYTES = 32 * 2 ** 20;

/**
 * How a response ended. `body` is that of an error status; `lastEventId` and `retryMs` let a broken stream be resumed.
 */
export type AnswerEnd =
  | Readonly<{ kind: 'ended'; status: number; body: string; lastEventId: string | undefined; retryMs: number }>
  | Readonly<{ kind: 'failed'; failure: UpstreamFailure; lastEventId: string | undefined; retryMs: number }>;

/**
 * `head` comes first, `over` last and once; `message` for each JSON-RPC message of a success. `more` says whether
 * further bytes may come now.
 */
export interface MessageListener {
  head(status: number, headers: UpstreamHeaders, streams: boolean): void;
  message(text: string): void;
  ended(over: AnswerEnd): void;
  wantsMore(): boolean;
}

const DEFAULT_RETRY_DELAY_MS = 1000;
/** The timeout of one message, from its first byte to its last, where the request has none. */
const MESSAGE_TIMEOUT_MS = 300_000;

/**
 * Reads a response, one JSON body or an event stream, into JSON-RPC messages of at most 32 MiB and `MAX_JSON_DEPTH`
 * levels.
 */
export class MessageSink implements Sink {
  readonly #listener: MessageListener;
  #status = 0;
  #events: EventStreamReader | undefined;
  readonly #chunks = new ChunkList();
  readonly #held: HeldBytes;
  readonly #timeoutMs: number;
  /** When the incomplete message began. */
  #begunAt = 0;
  #lastEventId: string | undefined;
  #retryMs = DEFAULT_RETRY_DELAY_MS;
  #unreadable = false;

  /**
   * A message counts among the collected bytes of the request's grant until it is whole, and must be whole within the
   * request's timeout, however often a byte comes.
   */
  constructor(request: Pick<UpstreamRequest, 'server' | 'grantId' | 'silenceMs'>, listener: MessageListener) {
    this.#listener = listener;
    this.#timeoutMs = request.silenceMs > 0 ? request.silenceMs : MESSAGE_TIMEOUT_MS;
    this.#held = holdBytes(request);
  }

  /**
   * Whether the rest is dropped: a message was too large, too slow or nested too deep, or exceeded a quota.
   */
  get unreadable(): boolean {
    return this.#unreadable;
  }

  head(status: number, headers: UpstreamHeaders): void {
    this.#status = status;
    const streams = this.#succeeds() && isEventStream(headerOf(headers, 'content-type'));
    if (streams)
      this.#events = eventStreamReader(
        (event) => this.#event(event),
        MAX_MESSAGE_BYTES,
        (ms) => (this.#retryMs = ms),
      );
    this.#listener.head(status, headers, streams);
  }

  data(chunk: Buffer): boolean {
    if (this.#unreadable) return true;
    const before = this.#events?.held() ?? this.#chunks.length;
    const kept = before + chunk.length;
    const now = performance.now();
    if (before === 0) this.#begunAt = now;
    if (now - this.#begunAt > this.#timeoutMs || !this.#held.hold(kept)) this.#unreadable = true;
    else if (this.#events) {
      this.#unreadable = !this.#events.read(chunk) || this.#unreadable;
      this.#held.hold(this.#events.held());
    } else {
      this.#chunks.push(chunk);
      this.#unreadable = kept > MAX_MESSAGE_BYTES;
    }
    if (this.#unreadable) this.#drop();
    const more = this.#listener.wantsMore();
    return this.#unreadable || more;
  }

  end(): void {
    this.#events?.end();
    const body = this.#chunks.take().toString('utf8');
    this.#drop();
    const message = this.#succeeds() && !this.#events && body !== '';
    if (message) this.#message(body);
    if (this.#unreadable) return this.fail({ kind: 'broken', sent: true });
    this.#listener.ended({
      kind: 'ended',
      status: this.#status,
      body: message ? '' : body,
      lastEventId: this.#lastEventId,
      retryMs: this.#retryMs,
    });
  }

  fail(failure: UpstreamFailure): void {
    this.#drop();
    // Resuming would bring the unreadable message again.
    const lastEventId = this.#unreadable ? undefined : this.#lastEventId;
    this.#listener.ended({
      kind: 'failed',
      failure: this.#unreadable ? { kind: 'broken', sent: true } : failure,
      lastEventId,
      retryMs: this.#retryMs,
    });
  }

  #drop(): void {
    this.#chunks.clear();
    this.#held.release();
  }

  #succeeds(): boolean {
    return this.#status >= 200 && this.#status < 300;
  }

  #event({ id, data }: Readonly<{ id?: string | undefined; data: string }>): void {
    if (id !== undefined) this.#lastEventId = id;
    if (data !== '') this.#message(data);
  }

  #message(text: string): void {
    if (this.#unreadable) return;
    this.#unreadable = flawOf(text) !== undefined;
    if (!this.#unreadable) this.#listener.message(text);
  }
}
