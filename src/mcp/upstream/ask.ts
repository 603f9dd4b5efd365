import type { Json } from '../../platform/json/json-object.js';
import { ChunkList } from '../../platform/runtime/chunk-list.js';
import { guarded, startTimer } from '../../platform/runtime/guard.js';
import { holdBytes, type HeldBytes } from '../../platform/fair-shares/held-bytes.js';
import { eventStreamReader, type EventStreamReader } from '../wire/event-reader.js';
import { parseServerMessage, readResponseTo, type ResponseContent } from '../protocol/response.js';
import { whyNotResponse, whyUnreadable } from '../protocol/unreadable.js';
import type { Forward, PendingRequest, UpstreamFailure, UpstreamHeaders, UpstreamRequest } from './forward.js';
import { headerOf, isEventStream } from '../protocol/headers.js';

/** How long an answer that has said all it is read for may take to end, so that its connection can be used again. */
const CLOSE_TIMEOUT_MS = 1000;

/** How many events of one stream may be no JSON: a failed parse costs twenty times a short one that succeeds. */
const MAX_UNREADABLE_EVENTS = 100;

/** How many requests of the server are answered while it answers one of ours: each answer is a request of its own. */
const MAX_SERVER_REQUESTS = 20;

/**
 * What a server answered to one JSON-RPC request: a response (`text` is its message), an answer that holds none
 * (`reason` is read behind "the server answered"), or none at all. `bytes` were read of its body.
 */
export type UpstreamAnswer =
  | Readonly<{
      kind: 'response';
      status: number;
      headers: UpstreamHeaders;
      response: ResponseContent;
      text: string;
      bytes: number;
    }>
  | Readonly<{ kind: 'other'; status: number; headers: UpstreamHeaders; reason: string; bytes: number }>
  | Readonly<{ kind: 'failed'; failure: UpstreamFailure | Readonly<{ kind: 'too_large' }> }>;

/** The result that a server answered with; undefined when it answered with anything else. */
export const resultOf = (answer: UpstreamAnswer): Json | undefined =>
  answer.kind === 'response' && answer.response.kind === 'result' ? answer.response.result : undefined;

/** The JSON-RPC error that a server answered with; undefined when it answered with anything else. */
export const errorOf = (answer: UpstreamAnswer): Extract<ResponseContent, { kind: 'error' }> | undefined =>
  answer.kind === 'response' && answer.response.kind === 'error' ? answer.response : undefined;

/** A request that a server sent in the stream of its answer, and the headers of that answer. */
export type ServerRequest = Readonly<{ id: string | number; method: string; headers: UpstreamHeaders }>;

/** `onServerRequest` hears of each request that the server sends before its response. */
export type AnswerLimits = Readonly<{
  timeoutMs: number;
  maxBytes: number;
  onServerRequest?: (request: ServerRequest) => void;
}>;

/**
 * Sends one JSON-RPC message of our own and reads what comes back: the response to `id`, in JSON or in an event stream.
 * Of a message that has no response (`id` undefined) the HTTP status is the whole answer: some servers hold the body
 * open for as long as the session lives. Bounded in time and bytes; never rejects. Notifications in a stream are passed
 * over.
 */
export const ask = (
  forward: Forward,
  request: UpstreamRequest,
  id: number | string | undefined,
  limits: AnswerLimits,
): Promise<UpstreamAnswer> =>
  new Promise((resolve) => new AnswerReader({ id, request }, limits, resolve).start((sink) => forward(request, sink)));

class AnswerReader {
  readonly #id: number | string | undefined;
  readonly #limits: AnswerLimits;
  readonly #resolve: (answer: UpstreamAnswer) => void;
  #timer: NodeJS.Timeout;
  #running: PendingRequest | undefined;
  #status = 0;
  #headers: UpstreamHeaders = {};
  #events: EventStreamReader | undefined;
  readonly #chunks = new ChunkList();
  readonly #held: HeldBytes;
  #bytes = 0;
  #answered = false;
  #unreadable = 0;
  #serverRequests = 0;
  #reason = 'with an event stream without messages';
  #stopped = false;

  constructor(
    { id, request }: Readonly<{ id: number | string | undefined; request: UpstreamRequest }>,
    limits: AnswerLimits,
    resolve: (answer: UpstreamAnswer) => void,
  ) {
    this.#id = id;
    this.#held = holdBytes(request);
    this.#limits = limits;
    this.#resolve = resolve;
    this.#timer = startTimer('ask', limits.timeoutMs, () => this.#stop('timeout'));
  }

  start(send: (sink: Parameters<Forward>[1]) => PendingRequest): void {
    this.#running = send({
      head: (status, headers) => this.#head(status, headers),
      data: (chunk) => this.#take(chunk),
      end: () => this.#end(),
      fail: (failure) => this.#fail(failure),
    });
    if (this.#stopped) this.#running.abort();
  }

  #head(status: number, headers: UpstreamHeaders): void {
    this.#status = status;
    this.#headers = headers;
    if (this.#id === undefined) this.#answer({ kind: 'other', status, headers, reason: `HTTP ${status}`, bytes: 0 });
    else if (isEventStream(headerOf(headers, 'content-type')))
      this.#events = eventStreamReader(({ data }) => this.#read(data), this.#limits.maxBytes);
  }

  /** What comes behind the answer is not read. */
  #answer(answer: UpstreamAnswer): void {
    this.#answered = true;
    clearTimeout(this.#timer);
    this.#timer = startTimer('ask', CLOSE_TIMEOUT_MS, () => this.#stop('timeout'));
    this.#resolve(answer);
  }

  #take(chunk: Buffer): boolean {
    if (this.#stopped || this.#answered) return true;
    this.#bytes += chunk.length;
    const kept = (this.#events?.held() ?? this.#chunks.length) + chunk.length;
    if (this.#bytes > this.#limits.maxBytes || !this.#held.hold(kept)) this.#stop('too_large');
    else if (this.#events) this.#events.read(chunk);
    else this.#chunks.push(chunk);
    return true;
  }

  #read(text: string): void {
    if (this.#answered || this.#unreadable > MAX_UNREADABLE_EVENTS || (text === '' && this.#events)) return;
    const message = parseServerMessage(text);
    if (message === undefined) return this.#passOver(text);
    const response = readResponseTo(this.#id, message);
    if (response)
      this.#answer({
        kind: 'response',
        status: this.#status,
        headers: this.#headers,
        response,
        text,
        bytes: this.#bytes,
      });
    else this.#hear(message);
  }

  #hear(message: Json): void {
    const { id, method } = message;
    this.#reason = whyNotResponse(message);
    const isRequest = typeof method === 'string' && (typeof id === 'string' || typeof id === 'number');
    if (!isRequest || this.#serverRequests >= MAX_SERVER_REQUESTS) return;
    this.#serverRequests += 1;
    guarded('ask', () => this.#limits.onServerRequest?.({ id, method, headers: this.#headers }))();
  }

  #passOver(text: string): void {
    this.#unreadable += 1;
    if (this.#unreadable === 1) this.#reason = whyUnreadable(text, headerOf(this.#headers, 'content-type'));
    if (this.#unreadable > MAX_UNREADABLE_EVENTS) this.#stop('too_large');
  }

  #end(): void {
    if (this.#events) this.#events.end();
    else if (!this.#answered) this.#read(this.#chunks.take().toString('utf8'));
    clearTimeout(this.#timer);
    this.#held.release();
    const [status, headers] = [this.#status, this.#headers];
    if (!this.#answered) this.#resolve({ kind: 'other', status, headers, reason: this.#reason, bytes: this.#bytes });
  }

  #fail(failure: UpstreamFailure): void {
    clearTimeout(this.#timer);
    this.#held.release();
    this.#resolve({ kind: 'failed', failure });
  }

  /** Answers at once: a request that is still connecting fails only when that has ended. */
  #stop(why: 'timeout' | 'too_large'): void {
    this.#resolve({ kind: 'failed', failure: why === 'timeout' ? { kind: why, sent: true } : { kind: why } });
    this.#stopped = true;
    this.#chunks.clear();
    this.#held.release();
    this.#running?.abort();
  }
}
