import { parseObject } from '../../platform/json/json-object.js';
import { jsonRpcError } from '../protocol/answers.js';
import { OWN_CODES } from '../protocol/codes.js';
import { guarded, reportFailure, startTimer } from '../../platform/runtime/guard.js';
import type { PendingRequest, Sink, UpstreamFailure, UpstreamRequest } from '../upstream/forward.js';

interface ResponseOwner {
  paused(answer: ChannelResponse, paused: boolean): void;
  left(answer: ChannelResponse): void;
}

const eventStream = { 'content-type': 'text/event-stream' } as const;

/**
 * The response to one HTTP request, made of the messages that come for it: one JSON body, or an event stream once
 * another message comes before the result.
 */
export class ChannelResponse implements PendingRequest {
  readonly #sink: Sink;
  readonly #owner: ResponseOwner;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #silence: NodeJS.Timeout | undefined;
  #streaming = false;
  #over = false;

  /** `silenceMs` without a message ends the response; 0 never does. `headers` go out with its head. */
  constructor(
    sink: Sink,
    owner: ResponseOwner,
    more: Readonly<{ silenceMs: number; headers?: Readonly<Record<string, string>>; onSilence?: () => void }>,
  ) {
    this.#sink = sink;
    this.#owner = owner;
    this.#headers = more.headers ?? {};
    if (more.silenceMs > 0) {
      const silent = (): void => {
        more.onSilence?.();
        this.fail({ kind: 'timeout', sent: true });
      };
      this.#silence = startTimer('channel_answer', more.silenceMs, silent, () =>
        this.fail({ kind: 'timeout', sent: true }),
      );
    }
  }

  /** Starts the event stream; a standing stream starts before its first message. */
  open(): void {
    if (this.#streaming || this.#over) return;
    this.#streaming = true;
    this.#safely(() => this.#sink.head(200, { ...eventStream, ...this.#headers }));
  }

  /** Sends a message before the result. */
  event(text: string): void {
    if (this.#over) return;
    this.#silence?.refresh();
    this.open();
    this.#writeEvent(text);
  }

  /** Sends a comment, so that no proxy closes the stream. */
  comment(): void {
    if (this.#streaming && !this.#over) this.#write(':\n\n');
  }

  /** Sends the result and ends the response; `status` counts when no event went before. */
  result(text: string, status = 200): void {
    if (this.#over) return;
    if (this.#streaming) this.#writeEvent(text);
    else {
      this.#safely(() => this.#sink.head(status, { 'content-type': 'application/json', ...this.#headers }));
      this.#write(text);
    }
    this.end();
  }

  end(): void {
    if (this.#leave()) this.#safely(() => this.#sink.end());
  }

  fail(failure: UpstreamFailure): void {
    if (!this.#leave()) return;
    try {
      this.#sink.fail(failure);
    } catch (error) {
      reportFailure('channel_answer', error);
    }
  }

  resume(): void {
    this.#owner.paused(this, false);
  }

  abort(): void {
    this.fail({ kind: 'aborted', sent: true });
  }

  /**
   * Line ends stand only between the tokens of a JSON text, where a space is equivalent; in an event they would begin a
   * new field.
   */
  #writeEvent(text: string): void {
    this.#write(`event: message\ndata: ${/[\r\n]/.test(text) ? text.replace(/[\r\n]/g, ' ') : text}\n\n`);
  }

  #write(text: string): void {
    this.#safely(() => {
      if (!this.#over && !this.#sink.data(Buffer.from(text))) this.#owner.paused(this, true);
    });
  }

  /** A failing sink ends this response, and not the channel or session that others share. */
  #safely(give: () => void): void {
    try {
      give();
    } catch (cause) {
      reportFailure('channel_answer', cause);
      this.#leave();
      guarded('channel_answer', () => this.#sink.fail({ kind: 'broken', sent: true, cause }))();
    }
  }

  #leave(): boolean {
    if (this.#over) return false;
    this.#over = true;
    clearTimeout(this.#silence);
    this.#owner.left(this);
    return true;
  }
}

/** Refuses a request under its id, with the reason; a message without an id, and a stream, gets 503. */
export const refuseWithReason = (sink: Sink, request: UpstreamRequest, reason: string): PendingRequest => {
  const id = parseObject(request.body?.toString('utf8') ?? '')?.['id'];
  if (request.method !== 'POST' || (typeof id !== 'string' && typeof id !== 'number'))
    return respondWithStatus(sink, 503);
  sink.head(200, { 'content-type': 'application/json' });
  sink.data(Buffer.from(JSON.stringify(jsonRpcError(id, OWN_CODES.unavailable, reason))));
  sink.end();
  return { resume: () => undefined, abort: () => undefined };
};

/** Answers at once with a status and no body. */
export const respondWithStatus = (sink: Sink, status: number): PendingRequest => {
  sink.head(status, {});
  sink.end();
  return { resume: () => undefined, abort: () => undefined };
};
