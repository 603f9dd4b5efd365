import { startTimer } from '../../../platform/runtime/guard.js';
import type { Json } from '../../../platform/json/json-object.js';
import { ChannelResponse } from '../../transports/channel-response.js';
import type { PendingRequest, Sink, UpstreamFailure } from '../../upstream/forward.js';
import { ResponseDeadline } from '../response-deadline.js';
import type { Heartbeat } from '../heartbeat.js';
import { editObject, setText, editNested } from '../../wire/json-text.js';
import type { HttpResponse } from './results.js';
import { isAtLeast } from '../../protocol/log-levels.js';

/** A modern client's request, or the retry of one: `id` and `progressToken` are texts of JSON values. */
export type ClientRequest = Readonly<{
  id: string;
  params: Json;
  progressToken: string | undefined;
  logLevel: string | undefined;
  silenceMs: number;
  sink: Sink;
}>;

export interface ResponseEvents {
  paused(paused: boolean): void;
  left(): void;
  timedOut(): void;
}

/** After this delay the head is sent, so that the client sees that its request was accepted. */
const HEAD_DELAY_MS = 5000;

/**
 * The response to one request of a modern client. It ends with a result or failure, when the client disconnects, or at
 * its `ResponseDeadline`.
 */
export class ClientResponse implements PendingRequest {
  readonly #client: ClientRequest;
  readonly #answer: ChannelResponse;
  readonly #heartbeat: Heartbeat;
  readonly #deadline: ResponseDeadline;
  #head: NodeJS.Timeout | undefined;

  constructor(client: ClientRequest, events: ResponseEvents, heartbeat: Heartbeat) {
    this.#client = client;
    this.#heartbeat = heartbeat;
    const left = (): void => {
      this.#deadline.stop();
      clearTimeout(this.#head);
      heartbeat.remove(this.#answer);
      events.left();
    };
    this.#answer = new ChannelResponse(
      client.sink,
      { left, paused: (_answer, paused) => events.paused(paused) },
      { silenceMs: 0 },
    );
    this.#deadline = new ResponseDeadline(client.silenceMs, () => events.timedOut());
  }

  get client(): ClientRequest {
    return this.#client;
  }

  /** Restarts the timeout: the server began to answer, or sent a message. */
  refresh(): void {
    this.#deadline.refresh();
  }

  /** Opens an event stream after a short delay, so that an early error still has its own HTTP status. */
  expectStream(): void {
    this.#head ??= startTimer('modern_answer', HEAD_DELAY_MS, () => {
      this.#answer.open();
      this.#heartbeat.add(this.#answer);
    });
  }

  /** Passes on a progress notification under the client's own token, if the client sent one. */
  progress(text: string): void {
    if (this.#client.progressToken !== undefined)
      this.#answer.event(
        editObject(text, { params: editNested({ progressToken: setText(this.#client.progressToken) }) }),
      );
  }

  log(text: string, level: unknown): void {
    if (this.#client.logLevel !== undefined && isAtLeast(level, this.#client.logLevel)) this.#answer.event(text);
  }

  event(text: string): void {
    this.#answer.event(text);
  }

  finish(outcome: HttpResponse | UpstreamFailure): void {
    if ('text' in outcome) this.#answer.result(outcome.text, outcome.status);
    else this.#answer.fail(outcome);
  }

  resume(): void {
    this.#answer.resume();
  }

  abort(): void {
    this.#answer.abort();
  }
}
