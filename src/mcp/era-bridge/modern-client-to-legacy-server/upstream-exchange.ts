import { startTimer } from '../../../platform/runtime/guard.js';
import type { PendingRequest, UpstreamFailure } from '../../upstream/forward.js';
import { MessageSink, type AnswerEnd } from '../message-sink.js';
import type { UpstreamSession } from './upstream-session.js';

const MAX_RESUMES = 100;

/**
 * `heard`: the server began to answer, or sent a message. `refused`: an HTTP status that is no success, with its body.
 * One of `failed` and `refused` at most, and then nothing more.
 */
export interface ExchangeEvents {
  /** The timeout of one message; 0 means the default of `MessageSink`. */
  readonly timeoutMs: number;
  streaming(): void;
  progressed(): void;
  message(text: string): void;
  failed(failure: UpstreamFailure): void;
  refused(status: number, body: string): void;
  wantsMore(): boolean;
}

/**
 * One request in a legacy session until its response is there. A stream that the server ends before that is resumed
 * where it ended if its events had ids (2025-11-25, "Resumability and Redelivery").
 */
export class UpstreamExchange {
  readonly #session: UpstreamSession;
  readonly #events: ExchangeEvents;
  #running: PendingRequest | undefined;
  #timer: NodeJS.Timeout | undefined;
  #lastEventId: string | undefined;
  #resumes = 0;
  #done = false;

  constructor(session: UpstreamSession, events: ExchangeEvents) {
    this.#session = session;
    this.#events = events;
  }

  send(body: string): void {
    this.#run(this.#session.request(body));
  }

  /** The response is there: the rest of the stream does not matter. */
  responded(): void {
    this.#done = true;
  }

  resume(): void {
    this.#running?.resume();
  }

  abort(): void {
    clearTimeout(this.#timer);
    if (!this.#done) this.#running?.abort();
    this.#done = true;
  }

  #run(request: Parameters<UpstreamSession['reach']['forward']>[0]): void {
    const events = this.#events;
    const sink = new MessageSink(
      { ...request, silenceMs: events.timeoutMs },
      {
        head: (_status, _headers, streams) => {
          events.progressed();
          if (streams) events.streaming();
        },
        message: (text) => {
          if (this.#done) return;
          events.progressed();
          events.message(text);
        },
        ended: (over) => this.#ended(over),
        wantsMore: () => {
          if (sink.unreadable) this.#running?.abort();
          return events.wantsMore();
        },
      },
    );
    this.#running = this.#session.reach.forward(request, sink);
    if (this.#done) this.#running.abort();
  }

  #ended(over: AnswerEnd): void {
    if (this.#done) return;
    const progressed = over.lastEventId !== undefined && over.lastEventId !== this.#lastEventId;
    this.#lastEventId = over.lastEventId ?? this.#lastEventId;
    this.#resumes = progressed ? 0 : this.#resumes + 1;
    const succeeded = over.kind === 'failed' || over.status < 300;
    if (this.#lastEventId !== undefined && succeeded && this.#resumes < MAX_RESUMES) {
      this.#timer = startTimer(
        'upstream_leg',
        over.retryMs,
        () => this.#resumeStream(this.#lastEventId ?? ''),
        () => this.#events.failed({ kind: 'broken', sent: true }),
      );
      return;
    }
    this.#done = true;
    if (over.kind === 'failed') this.#events.failed(over.failure);
    else if (over.status < 300) this.#events.failed({ kind: 'broken', sent: true });
    else this.#events.refused(over.status, over.body);
  }

  #resumeStream(lastEventId: string): void {
    const request = this.#session.request('');
    this.#run({
      ...request,
      method: 'GET',
      headers: { ...request.headers, accept: 'text/event-stream', 'last-event-id': lastEventId },
      body: undefined,
    });
  }
}
