import { eventStreamReader, type EventStreamReader } from '../event-streams/event-reader.js';
import { flawOf } from '../json/foreign-json.js';
import { headerOf, isEventStream } from '../mcp/headers.js';
import type { Sink, UpstreamFailure, UpstreamHeaders } from '../upstream/forward.js';

/** The largest message that is translated; a larger one ends its call as broken. Each call under way may hold one of them. */
export const MOST_MESSAGE = 32 * 2 ** 20;

/**
 * How an answer came to its end. `body` is what stands in one that is no success; `lastEventId` and `retryMs` let a stream that broke off be taken up again.
 */
export type Over =
  | Readonly<{ kind: 'ended'; status: number; body: string; lastEventId: string | undefined; retryMs: number }>
  | Readonly<{ kind: 'failed'; failure: UpstreamFailure; lastEventId: string | undefined; retryMs: number }>;

/** `head` comes first, `over` last and once; `message` for each JSON-RPC message of a success. `more` says whether further bytes may come now. */
export interface Listener {
  head(status: number, headers: UpstreamHeaders, streams: boolean): void;
  message(text: string): void;
  over(over: Over): void;
  more(): boolean;
}

const RETRY_MS = 1000;

/** Reads an upstream's answer, one JSON body or an event stream, into JSON-RPC messages of at most 32 MiB and `MAX_JSON_DEPTH` levels. */
export class MessageSink implements Sink {
  readonly #listener: Listener;
  #status = 0;
  #events: EventStreamReader | undefined;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #lastEventId: string | undefined;
  #retryMs = RETRY_MS;
  #unreadable = false;

  constructor(listener: Listener) {
    this.#listener = listener;
  }

  /** Whether the rest need not come: a message was too large or nested too deep. */
  get unreadable(): boolean {
    return this.#unreadable;
  }

  head(status: number, headers: UpstreamHeaders): void {
    this.#status = status;
    const streams = this.#succeeds() && isEventStream(headerOf(headers, 'content-type'));
    if (streams) this.#events = eventStreamReader((event) => this.#event(event), MOST_MESSAGE, (ms) => (this.#retryMs = ms));
    this.#listener.head(status, headers, streams);
  }

  data(chunk: Buffer): boolean {
    if (this.#unreadable) return true;
    if (this.#events) this.#unreadable = !this.#events(chunk) || this.#unreadable;
    else {
      this.#bytes += chunk.length;
      this.#unreadable = this.#bytes > MOST_MESSAGE;
      this.#chunks.push(chunk);
    }
    if (this.#unreadable) this.#chunks = [];
    const more = this.#listener.more();
    return this.#unreadable || more;
  }

  end(): void {
    const body = Buffer.concat(this.#chunks).toString('utf8');
    this.#chunks = [];
    const message = this.#succeeds() && !this.#events && body !== '';
    if (message) this.#message(body);
    if (this.#unreadable) return this.fail({ kind: 'broken', sent: true });
    this.#listener.over({ kind: 'ended', status: this.#status, body: message ? '' : body, lastEventId: this.#lastEventId, retryMs: this.#retryMs });
  }

  fail(failure: UpstreamFailure): void {
    // What an unreadable message broke off can't be taken up again either.
    const lastEventId = this.#unreadable ? undefined : this.#lastEventId;
    this.#listener.over({ kind: 'failed', failure: this.#unreadable ? { kind: 'broken', sent: true } : failure, lastEventId, retryMs: this.#retryMs });
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
