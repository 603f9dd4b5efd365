import { startTimer } from '../../../platform/runtime/guard.js';
import type { Json } from '../../wire/json-object.js';
import { ChannelAnswer } from '../../transports/channel-answer.js';
import type { Running, Sink, UpstreamFailure } from '../../upstream/forward.js';
import { AnswerDeadline } from '../answer-deadline.js';
import type { Heartbeat } from '../heartbeat.js';
import { editObject, setText, within } from '../../wire/json-text.js';
import type { Said } from './results.js';
import { isWanted } from './upstream-session.js';

/** A modern client's request, or the retry of one: `id` and `progressToken` are texts of JSON values. */
export type ClientRequest = Readonly<{
  id: string;
  params: Json;
  progressToken: string | undefined;
  logLevel: string | undefined;
  silenceMs: number;
  sink: Sink;
}>;

export interface AnswerEvents {
  paused(paused: boolean): void;
  left(): void;
  silent(): void;
}

/** A status is only open for a while: then the client sees that its request was taken. */
const HEAD_MS = 5000;

/**
 * The answer to one request of a modern client. It is over when a result or failure was given, when the client left, or
 * when its `AnswerDeadline` is.
 */
export class ClientAnswer implements Running {
  readonly #client: ClientRequest;
  readonly #answer: ChannelAnswer;
  readonly #heartbeat: Heartbeat;
  readonly #deadline: AnswerDeadline;
  #head: NodeJS.Timeout | undefined;

  constructor(client: ClientRequest, events: AnswerEvents, heartbeat: Heartbeat) {
    this.#client = client;
    this.#heartbeat = heartbeat;
    const left = (): void => {
      this.#deadline.stop();
      clearTimeout(this.#head);
      heartbeat.remove(this.#answer);
      events.left();
    };
    this.#answer = new ChannelAnswer(
      client.sink,
      { left, paused: (_answer, paused) => events.paused(paused) },
      { silenceMs: 0 },
    );
    this.#deadline = new AnswerDeadline(client.silenceMs, () => events.silent());
  }

  get client(): ClientRequest {
    return this.#client;
  }

  /** The server began to answer, or sent a message. */
  heard(): void {
    this.#deadline.heard();
  }

  /** There will be a stream, or an error with a status of its own if that comes soon. */
  streams(): void {
    this.#head ??= startTimer('modern_answer', HEAD_MS, () => {
      this.#answer.open();
      this.#heartbeat.add(this.#answer);
    });
  }

  /** A progress notification, under the client's own token; nothing for a client that wants none. */
  progress(text: string): void {
    if (this.#client.progressToken !== undefined)
      this.#answer.event(editObject(text, { params: within({ progressToken: setText(this.#client.progressToken) }) }));
  }

  log(text: string, level: unknown): void {
    if (this.#client.logLevel !== undefined && isWanted(level, this.#client.logLevel)) this.#answer.event(text);
  }

  event(text: string): void {
    this.#answer.event(text);
  }

  /** What ends the answer. */
  say(outcome: Said | UpstreamFailure): void {
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
