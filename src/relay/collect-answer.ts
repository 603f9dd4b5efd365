import { parseObject, type Json } from '../json/json-object.js';
import type { RequestId } from '../mcp/answers.js';
import { EventSplitter } from '../event-streams/event-splitter.js';
import { headerOf, isEventStream } from '../mcp/headers.js';
import { parseSse } from '../event-streams/sse.js';
import type { Running, Sink, UpstreamFailure, UpstreamHeaders, UpstreamRequest } from '../upstream/forward.js';
import type { RelayParts } from './exchange.js';
import { passableMessage } from './passable-message.js';

/** An answer that must be read before it is passed on. */
export type Collected = Readonly<{ status: number; headers: UpstreamHeaders; body: Buffer }>;

/** How long a stream that has said what was asked may take to end by itself, so that its connection can be used again. */
const LINGER_MS = 1000;

const plainAnswer = /^data: ?\{(?:"result"|"jsonrpc":"2\.0","id":(?:-?\d+|"[^"\\]*"),"(?:result|error)"):?/m;

/** Whether an event is a response to `id`. The servers' usual spellings are known by their beginning: lists are long, and parsed only where they must be. */
const isAnswer = (event: Buffer, id: RequestId): boolean => {
  if (plainAnswer.test(event.toString('latin1', 0, 512))) return true;
  return parseSse(event.toString('utf8')).some(({ data }) => {
    const message = parseObject(data);
    return message !== undefined && !('method' in message) && message['id'] === id;
  });
};

class Collection implements Sink {
  readonly #asked: Readonly<{ maxBytes: number; id?: RequestId }>;
  readonly #resolve: (answer: Collected | UpstreamFailure) => void;
  readonly #chunks: Buffer[] = [];
  #splitter: EventSplitter | undefined;
  #running: Running | undefined;
  #status = 0;
  #headers: UpstreamHeaders = {};
  #bytes = 0;
  #linger: NodeJS.Timeout | undefined;

  constructor(asked: Readonly<{ maxBytes: number; id?: RequestId }>, resolve: (answer: Collected | UpstreamFailure) => void) {
    this.#asked = asked;
    this.#resolve = resolve;
  }

  start(running: Running): void {
    this.#running = running;
  }

  head(status: number, headers: UpstreamHeaders): void {
    this.#status = status;
    this.#headers = headers;
    if (this.#asked.id !== undefined && isEventStream(headerOf(headers, 'content-type'))) this.#splitter = new EventSplitter();
  }

  data(chunk: Buffer): boolean {
    if (this.#linger) return true;
    this.#bytes += chunk.length;
    if (this.#bytes > this.#asked.maxBytes) {
      this.#running?.abort();
      return true;
    }
    this.#chunks.push(chunk);
    const { id } = this.#asked;
    if (id !== undefined && this.#splitter?.feed(chunk).some((event) => isAnswer(event, id))) {
      this.#done();
      this.#linger = setTimeout(() => this.#running?.abort(), LINGER_MS);
    }
    return true;
  }

  end(): void {
    clearTimeout(this.#linger);
    this.#done();
  }

  fail(failure: UpstreamFailure): void {
    clearTimeout(this.#linger);
    this.#resolve(this.#bytes > this.#asked.maxBytes ? { kind: 'broken', sent: true } : failure);
  }

  #done(): void {
    this.#resolve({ status: this.#status, headers: this.#headers, body: Buffer.concat(this.#chunks) });
  }
}

/**
 * Sends a request upstream and collects its answer, at most `maxBytes` of it. Resolves to the failure when there is none. With the request's `id` an event
 * stream is at its end once it has answered it, whether or not the upstream ends it.
 */
export const collectAnswer = (parts: Pick<RelayParts, 'forward'>, request: UpstreamRequest, asked: Readonly<{ maxBytes: number; id?: RequestId }>): Promise<Collected | UpstreamFailure> =>
  new Promise((resolve) => {
    const collection = new Collection(asked, resolve);
    collection.start(parts.forward(request, collection));
  });

export const isFailure = (answer: Collected | UpstreamFailure): answer is UpstreamFailure => 'kind' in answer;

const parse = (body: Buffer): Json => passableMessage(body) ?? {};

/**
 * The response to `id` in a JSON body or a collected event stream, as far as it may go on to a client (`passableMessage`); empty when there is none.
 */
export const messageIn = (collected: Collected, id: RequestId): Json => {
  if (!isEventStream(headerOf(collected.headers, 'content-type'))) return parse(collected.body);
  return parseSse(collected.body.toString('utf8')).map((event) => parse(Buffer.from(event.data))).find((message) => message['id'] === id && ('result' in message || 'error' in message)) ?? {};
};
