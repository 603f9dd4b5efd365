import type { ServerResponse } from 'node:http';
import { parseObject } from '../../platform/json/json-object.js';
import { guarded, startTimer } from '../../platform/runtime/guard.js';
import { holdBytes, type HeldBytes } from '../../platform/fair-shares/held-bytes.js';
import { ChunkList } from '../../platform/runtime/chunk-list.js';
import type { RequestId } from '../../mcp/protocol/answers.js';
import { EventSplitter } from '../../mcp/wire/event-splitter.js';
import { headerOf, isEventStream } from '../../mcp/protocol/headers.js';
import { parseSse } from '../../mcp/wire/sse.js';
import type {
  Forward,
  PendingRequest,
  Sink,
  UpstreamFailure,
  UpstreamHeaders,
  UpstreamRequest,
} from '../../mcp/upstream/forward.js';
import { AnswerFinder } from './stream-answer.js';

/**
 * An answer that must be read before it is passed on. `body` is the response's JSON also where it came in an event
 * stream (`isStream`), and empty when the stream brought none.
 */
export type Collected = Readonly<{ status: number; headers: UpstreamHeaders; body: Buffer; isStream: boolean }>;

/** How long a stream that has brought the response may take to end, so that its connection can be used again. */
const CLOSE_TIMEOUT_MS = 1000;

/** How many events of one stream may be no JSON object: a failed parse costs twenty times a short one that succeeds. */
const MAX_UNREADABLE_EVENTS = 100;

/** A request or notification of the server. `isRequest`: it wants an answer. */
export type Interim = Readonly<{ event: Buffer; isRequest: boolean; headers: UpstreamHeaders }>;

/**
 * `maxBytes`: how long an answer may be. `id`: the request's; an event stream is at its end once it has brought the
 * response to it. `until`: the client's response, whose close ends the collecting, and which the server waits for while
 * the client does not take what it was sent. `onInterim` is called for what else the server says on the stream before
 * it.
 */
export type CollectOptions = Readonly<{
  maxBytes: number;
  id?: RequestId;
  until?: ServerResponse;
  onInterim?: (interim: Interim) => void;
}>;

class Collection implements Sink {
  readonly #options: CollectOptions;
  readonly #resolve: (answer: Collected | UpstreamFailure) => void;
  readonly #chunks = new ChunkList();
  readonly #held: HeldBytes;
  readonly #deadline: NodeJS.Timeout | undefined;
  readonly #onClientClose: () => void;
  readonly #finder: AnswerFinder;
  #splitter: EventSplitter | undefined;
  #running: PendingRequest | undefined;
  #status = 0;
  #headers: UpstreamHeaders = {};
  #failure: UpstreamFailure | undefined;
  #closeTimer: NodeJS.Timeout | undefined;
  #bytes = 0;
  #unreadable = 0;
  #isWaiting = false;

  constructor(
    request: UpstreamRequest,
    options: CollectOptions,
    resolve: (answer: Collected | UpstreamFailure) => void,
  ) {
    this.#options = options;
    this.#resolve = resolve;
    this.#held = holdBytes(request);
    this.#finder = new AnswerFinder(options.id);
    const { silenceMs } = request;
    this.#onClientClose = guarded('collect', () => this.#stop({ kind: 'aborted', sent: true }));
    options.until?.once('close', this.#onClientClose);
    if (silenceMs > 0)
      this.#deadline = startTimer('collect', silenceMs, () => this.#stop({ kind: 'timeout', sent: true }));
  }

  start(running: PendingRequest): void {
    this.#running = running;
    if (this.#failure) running.abort();
  }

  head(status: number, headers: UpstreamHeaders): void {
    this.#status = status;
    this.#headers = headers;
    const isStream = status >= 200 && status < 300 && isEventStream(headerOf(headers, 'content-type'));
    if (this.#options.id !== undefined && isStream) this.#splitter = new EventSplitter();
  }

  data(chunk: Buffer): boolean {
    if (this.#closeTimer || this.#failure) return true;
    this.#bytes += chunk.length;
    const held = (this.#splitter?.held ?? this.#chunks.length) + chunk.length;
    if (this.#bytes > this.#options.maxBytes || !this.#held.hold(held)) {
      this.#stop({ kind: 'broken', sent: true });
      return true;
    }
    if (this.#splitter) this.#findAnswer(this.#splitter.feed(chunk));
    else this.#chunks.push(chunk);
    return !this.#waitsForClient();
  }

  /** Whether the client has yet to take what `onInterim` sent to it. */
  #waitsForClient(): boolean {
    const { until } = this.#options;
    if (this.#isWaiting || !until?.writableNeedDrain || this.#closeTimer || this.#failure) return this.#isWaiting;
    this.#isWaiting = true;
    const resume = (): void => {
      this.#isWaiting = false;
      this.#running?.resume();
    };
    until.once('drain', guarded('collect', resume));
    return true;
  }

  #findAnswer(events: readonly Buffer[]): void {
    for (const event of events) {
      if (this.#closeTimer || this.#failure) return;
      const read = parseSse(event.toString('utf8'));
      // What has too many lines to be read can't be passed over either.
      if (!read) return this.#stop({ kind: 'broken', sent: true });
      const data = read[0]?.data ?? '';
      if (data.trim() !== '') this.#readMessage(data, event);
    }
    if (this.#splitter && !this.#closeTimer && !this.#failure) this.#held.hold(this.#splitter.held);
  }

  #readMessage(data: string, event: Buffer): void {
    if (this.#finder.isUsualAnswer(data)) return this.#answered(data);
    const message = parseObject(data);
    if (!message) return this.#passOver();
    if (this.#finder.inMessage(message)) return this.#answered(data);
    if (typeof message['method'] === 'string')
      this.#options.onInterim?.({ event, isRequest: (message['id'] ?? null) !== null, headers: this.#headers });
  }

  #passOver(): void {
    this.#unreadable += 1;
    if (this.#unreadable > MAX_UNREADABLE_EVENTS) this.#stop({ kind: 'broken', sent: true });
  }

  #answered(data: string): void {
    this.#complete(Buffer.from(data));
    this.#closeTimer = startTimer('collect', CLOSE_TIMEOUT_MS, () => this.#running?.abort());
  }

  end(): void {
    const last = this.#splitter?.end();
    if (last) this.#findAnswer([last]);
    clearTimeout(this.#closeTimer);
    this.#complete(this.#chunks.take());
  }

  fail(failure: UpstreamFailure): void {
    clearTimeout(this.#closeTimer);
    this.#release();
    this.#resolve(this.#failure ?? failure);
  }

  #stop(failure: UpstreamFailure): void {
    this.#failure ??= failure;
    this.#release();
    // At once, as a request that is still connecting fails only when that has ended.
    this.#resolve(this.#failure);
    this.#running?.abort();
  }

  #complete(body: Buffer): void {
    this.#release();
    const isStream = this.#splitter !== undefined;
    this.#resolve(this.#failure ?? { status: this.#status, headers: this.#headers, body, isStream });
  }

  #release(): void {
    clearTimeout(this.#deadline);
    this.#options.until?.off('close', this.#onClientClose);
    this.#chunks.clear();
    this.#held.release();
  }
}

/**
 * Sends a request upstream and collects its answer, which must be whole within the request's `silenceMs`, however often
 * a byte comes. Never rejects.
 */
export const collectAnswer = (
  { forward }: Readonly<{ forward: Forward }>,
  request: UpstreamRequest,
  options: CollectOptions,
): Promise<Collected | UpstreamFailure> =>
  new Promise((resolve) => {
    const collection = new Collection(request, options, resolve);
    collection.start(forward(request, collection));
  });

/** Whether an upstream gave no answer that could be collected. */
export const isUpstreamFailure = (answer: Collected | UpstreamFailure): answer is UpstreamFailure => 'kind' in answer;
