import { startTimer } from '../../../platform/runtime/guard.js';
import type { Forward, PendingRequest, UpstreamRequest } from '../../upstream/forward.js';
import { MessageSink, type AnswerEnd } from '../message-sink.js';

const MAX_RETRY_DELAY_MS = 30_000;

export type StreamDeps = Readonly<{
  forward: Forward;
  request: () => UpstreamRequest;
  message: (text: string) => void;
  lost: () => void;
}>;

/**
 * The GET stream of a legacy session, which carries the server's messages outside of responses. It is resumed for as
 * long as the session lives; a server without one is not asked twice.
 */
export class StandingStream {
  readonly #deps: StreamDeps;
  #running: PendingRequest | undefined;
  #timer: NodeJS.Timeout | undefined;
  #lastEventId: string | undefined;
  #failures = 0;
  #opened: Promise<void> | undefined;
  #closed = false;

  constructor(parts: StreamDeps) {
    this.#deps = parts;
  }

  /** Opens the stream once; resolves when the server has accepted or refused it. */
  open(): Promise<void> {
    this.#opened ??= new Promise((resolve) => this.#open(resolve));
    return this.#opened;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#running?.abort();
  }

  #open(headed: () => void): void {
    const request = this.#deps.request();
    const headers = {
      ...request.headers,
      accept: 'text/event-stream',
      ...(this.#lastEventId === undefined ? {} : { 'last-event-id': this.#lastEventId }),
    };
    const sink = new MessageSink(request, {
      head: (_status, _headers, streams) => {
        if (streams) this.#failures = 0;
        headed();
      },
      message: this.#deps.message,
      ended: (over) => {
        headed();
        this.#ended(over);
      },
      wantsMore: () => {
        if (sink.unreadable) this.#running?.abort();
        return true;
      },
    });
    this.#running = this.#deps.forward({ ...request, method: 'GET', headers, body: undefined, silenceMs: 0 }, sink);
    if (this.#closed) this.#running.abort();
  }

  #ended(over: AnswerEnd): void {
    if (this.#closed) return;
    if (over.kind === 'ended' && over.status === 404) return this.#deps.lost();
    // The server offers no stream.
    if (over.kind === 'ended' && over.status >= 400 && over.status < 500) return;
    this.#lastEventId = over.lastEventId ?? this.#lastEventId;
    this.#failures += 1;
    this.#timer = startTimer(
      'standing_stream',
      Math.min(MAX_RETRY_DELAY_MS, over.retryMs * 2 ** (this.#failures - 1)),
      () => this.#open(() => undefined),
    );
    this.#timer.unref();
  }
}
