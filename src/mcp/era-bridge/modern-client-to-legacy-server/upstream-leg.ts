import { startTimer } from '../../../platform/runtime/guard.js';
import type { Running, UpstreamFailure } from '../../upstream/forward.js';
import { MessageSink, type Over } from '../message-sink.js';
import type { UpstreamSession } from './upstream-session.js';

const MOST_RESUMES = 100;

/**
 * `heard`: the server began to answer, or sent a message. `refused`: an HTTP status that is no success, with its body.
 * One of `failed` and `refused` at most, and then nothing more.
 */
export interface LegEvents {
  /** How long one message may take; 0 is the default of `MessageSink`. */
  readonly timeoutMs: number;
  streams(): void;
  heard(): void;
  message(text: string): void;
  failed(failure: UpstreamFailure): void;
  refused(status: number, body: string): void;
  more(): boolean;
}

/**
 * One request in a legacy session until its response is there. A stream that the server ends before that is taken up
 * again where it ended, when the server has said how (2025-11-25, "Resumability and Redelivery").
 */
export class UpstreamLeg {
  readonly #session: UpstreamSession;
  readonly #events: LegEvents;
  #running: Running | undefined;
  #timer: NodeJS.Timeout | undefined;
  #lastEventId: string | undefined;
  #resumes = 0;
  #done = false;

  constructor(session: UpstreamSession, events: LegEvents) {
    this.#session = session;
    this.#events = events;
  }

  send(body: string): void {
    this.#run(this.#session.request(body));
  }

  /** The response has come: what is left of the stream does not count. */
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
          events.heard();
          if (streams) events.streams();
        },
        message: (text) => {
          if (this.#done) return;
          events.heard();
          events.message(text);
        },
        over: (over) => this.#ended(over),
        more: () => {
          if (sink.unreadable) this.#running?.abort();
          return events.more();
        },
      },
    );
    this.#running = this.#session.reach.forward(request, sink);
    if (this.#done) this.#running.abort();
  }

  #ended(over: Over): void {
    if (this.#done) return;
    const progressed = over.lastEventId !== undefined && over.lastEventId !== this.#lastEventId;
    this.#lastEventId = over.lastEventId ?? this.#lastEventId;
    this.#resumes = progressed ? 0 : this.#resumes + 1;
    const succeeded = over.kind === 'failed' || over.status < 300;
    if (this.#lastEventId !== undefined && succeeded && this.#resumes < MOST_RESUMES) {
      this.#timer = startTimer(
        'upstream_leg',
        over.retryMs,
        () => this.#takeUp(this.#lastEventId ?? ''),
        () => this.#events.failed({ kind: 'broken', sent: true }),
      );
      return;
    }
    this.#done = true;
    if (over.kind === 'failed') this.#events.failed(over.failure);
    else if (over.status < 300) this.#events.failed({ kind: 'broken', sent: true });
    else this.#events.refused(over.status, over.body);
  }

  #takeUp(lastEventId: string): void {
    const request = this.#session.request('');
    this.#run({
      ...request,
      method: 'GET',
      headers: { ...request.headers, accept: 'text/event-stream', 'last-event-id': lastEventId },
      body: undefined,
    });
  }
}
