import { guarded, reportFailure, startTimer } from '../../platform/runtime/guard.js';
import type { Running, Sink, UpstreamFailure } from '../upstream/forward.js';

interface ResponseOwner {
  paused(answer: ChannelResponse, paused: boolean): void;
  left(answer: ChannelResponse): void;
}

const eventStream = { 'content-type': 'text/event-stream' } as const;

/**
 * The answer to one HTTP request, as messages come for it: one JSON body, or an event stream once there is more to say
 * than the result.
 */
export class ChannelResponse implements Running {
  readonly #sink: Sink;
  readonly #owner: ResponseOwner;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #silence: NodeJS.Timeout | undefined;
  #streaming = false;
  #over = false;

  /** `silenceMs` without a message ends it; 0 never does. `headers` go with the answer's head. */
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

  /** Begins the event stream; a standing stream does so before any message. */
  open(): void {
    if (this.#streaming || this.#over) return;
    this.#streaming = true;
    this.#safely(() => this.#sink.head(200, { ...eventStream, ...this.#headers }));
  }

  /** A message on the way to the result. */
  event(text: string): void {
    if (this.#over) return;
    this.#silence?.refresh();
    this.open();
    this.#writeEvent(text);
  }

  /** Says nothing, so that nobody between takes a stream for dead. */
  comment(): void {
    if (this.#streaming && !this.#over) this.#write(':\n\n');
  }

  /** The result, which ends the answer; `status` where no event came before it. */
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
   * A line end stands only between the tokens of a JSON text, where a space means the same; in an event it would begin
   * another field.
   */
  #writeEvent(text: string): void {
    this.#write(`event: message\ndata: ${/[\r\n]/.test(text) ? text.replace(/[\r\n]/g, ' ') : text}\n\n`);
  }

  #write(text: string): void {
    this.#safely(() => {
      if (!this.#over && !this.#sink.data(Buffer.from(text))) this.#owner.paused(this, true);
    });
  }

  /** What throws ends this answer as broken, and not the channel or session that others share. */
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

/** An answer of a status alone, given at once. */
export const respondWithStatus = (sink: Sink, status: number): Running => {
  sink.head(status, {});
  sink.end();
  return { resume: () => undefined, abort: () => undefined };
};
