import type { ServerResponse } from 'node:http';
import { parseObject, type Json } from '../../platform/json/json-object.js';
import { guarded, startTimer } from '../../platform/runtime/guard.js';
import { holdBytes, type HeldBytes } from '../../platform/fair-shares/held-bytes.js';
import { ChunkList } from '../../platform/runtime/chunk-list.js';
import type { RequestId } from '../../mcp/protocol/answers.js';
import { EventSplitter } from '../../mcp/wire/event-splitter.js';
import { headerOf, isEventStream } from '../../mcp/protocol/headers.js';
import { parseSse, SseReader } from '../../mcp/wire/sse.js';
import type {
  PendingRequest,
  Sink,
  UpstreamFailure,
  UpstreamHeaders,
  UpstreamRequest,
} from '../../mcp/upstream/forward.js';
import type { RelayParts } from './exchange.js';
import { passableMessage } from './passable-message.js';

/** An answer that must be read before it is passed on. */
export type Collected = Readonly<{ status: number; headers: UpstreamHeaders; body: Buffer }>;

/**
 * How long a stream that has said what was asked may take to end by itself, so that its connection can be used again.
 */
const CLOSE_TIMEOUT_MS = 1000;

/** How many events of one stream may be no JSON object: a failed parse costs twenty times a short one that succeeds. */
const MAX_UNREADABLE_EVENTS = 100;

const plainAnswer = /^data: ?\{(?:"result"|"jsonrpc":"2\.0","id":(?:-?\d+|"[^"\\]*"),"(?:result|error)"):?/m;

/**
 * Whether an event is a response to `id`, anything else, or no message at all. The servers' usual spellings are known
 * by their beginning: lists are long, and parsed only where they must be.
 */
const kindOf = (event: Buffer, id: RequestId): 'answer' | 'other' | 'unreadable' => {
  if (plainAnswer.test(event.toString('latin1', 0, 512))) return 'answer';
  const events = parseSse(event.toString('utf8'));
  // What can't be read is no answer, and none is waited for behind it.
  if (!events) return 'answer';
  const [read] = events;
  if (!read || read.data.trim() === '') return 'other';
  const message = parseObject(read.data);
  if (!message) return 'unreadable';
  return !('method' in message) && message['id'] === id ? 'answer' : 'other';
};

/**
 * `maxBytes`: how long an answer may be. `id`: the request's, with which an event stream is at its end once it has
 * answered it. `until`: the client's response, whose close ends the collecting.
 */
export type CollectOptions = Readonly<{ maxBytes: number; id?: RequestId; until?: ServerResponse }>;

class Collection implements Sink {
  readonly #options: CollectOptions;
  readonly #resolve: (answer: Collected | UpstreamFailure) => void;
  readonly #chunks = new ChunkList();
  readonly #held: HeldBytes;
  readonly #deadline: NodeJS.Timeout | undefined;
  readonly #onClientClose: () => void;
  #splitter: EventSplitter | undefined;
  #running: PendingRequest | undefined;
  #status = 0;
  #headers: UpstreamHeaders = {};
  #failure: UpstreamFailure | undefined;
  #closeTimer: NodeJS.Timeout | undefined;
  #unreadable = 0;

  constructor(request: UpstreamRequest, asked: CollectOptions, resolve: (answer: Collected | UpstreamFailure) => void) {
    this.#options = asked;
    this.#resolve = resolve;
    this.#held = holdBytes(request);
    const { silenceMs } = request;
    this.#onClientClose = guarded('collect', () => this.#stop({ kind: 'aborted', sent: true }));
    asked.until?.once('close', this.#onClientClose);
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
    if (this.#options.id !== undefined && isEventStream(headerOf(headers, 'content-type')))
      this.#splitter = new EventSplitter();
  }

  data(chunk: Buffer): boolean {
    if (this.#closeTimer || this.#failure) return true;
    const bytes = this.#chunks.length + chunk.length;
    if (bytes > this.#options.maxBytes || !this.#held.hold(bytes)) {
      this.#stop({ kind: 'broken', sent: true });
      return true;
    }
    this.#chunks.push(chunk);
    const { id } = this.#options;
    if (id !== undefined && this.#splitter) this.#findAnswer(this.#splitter.feed(chunk), id);
    return true;
  }

  #findAnswer(events: readonly Buffer[], id: RequestId): void {
    for (const event of events) {
      const kind = kindOf(event, id);
      if (kind === 'unreadable') this.#unreadable += 1;
      if (this.#unreadable > MAX_UNREADABLE_EVENTS) return this.#stop({ kind: 'broken', sent: true });
      if (kind !== 'answer') continue;
      this.#complete();
      this.#closeTimer = startTimer('collect', CLOSE_TIMEOUT_MS, () => this.#running?.abort());
      return;
    }
  }

  end(): void {
    clearTimeout(this.#closeTimer);
    this.#complete();
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

  #complete(): void {
    const body = this.#chunks.take();
    this.#release();
    this.#resolve(this.#failure ?? { status: this.#status, headers: this.#headers, body });
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
 * a byte comes. Resolves to the failure when there is no answer, it is too long, the bytes collected for this grant or
 * in all would be too many, or the client left; never rejects.
 */
export const collectAnswer = (
  parts: Pick<RelayParts, 'forward'>,
  request: UpstreamRequest,
  asked: CollectOptions,
): Promise<Collected | UpstreamFailure> =>
  new Promise((resolve) => {
    const collection = new Collection(request, asked, resolve);
    collection.start(parts.forward(request, collection));
  });

/** Whether an upstream gave no answer that could be collected. */
export const isUpstreamFailure = (answer: Collected | UpstreamFailure): answer is UpstreamFailure => 'kind' in answer;

const parse = (body: Buffer): Json => passableMessage(body) ?? {};

/**
 * The response to `id` in a JSON body or a collected event stream, as far as it may go on to a client
 * (`passableMessage`); empty when there is none.
 */
export const messageIn = (collected: Collected, id: RequestId): Json => {
  if (!isEventStream(headerOf(collected.headers, 'content-type'))) return parse(collected.body);
  let found: Json | undefined;
  const reader = new SseReader(({ data }) => {
    const message = found ? {} : parse(Buffer.from(data));
    if (message['id'] === id && ('result' in message || 'error' in message)) found = message;
  });
  reader.read(collected.body.toString('utf8'));
  return found ?? {};
};
