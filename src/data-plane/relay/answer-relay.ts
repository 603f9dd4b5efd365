import type { ServerResponse } from 'node:http';
import type { OutcomeStatus } from '../../record/event-log/events/index.js';
import { parseObject } from '../../platform/json/json-object.js';
import type { PendingRequest, Sink, UpstreamFailure, UpstreamHeaders } from '../../mcp/upstream/forward.js';
import { headerOf, isEventStream } from '../../mcp/protocol/headers.js';
import { beginEventStream, jsonRpcError, sendJson, writeJsonHead, type RequestId } from '../../mcp/protocol/answers.js';
import { ChunkList } from '../../platform/runtime/chunk-list.js';
import { guarded } from '../../platform/runtime/guard.js';
import type { EventScreen } from './event-screen.js';
import type { Exchange } from './exchange.js';
import { MessageScan } from './message-scan.js';
import { passableMessage, scanMessage } from './passable-message.js';
import { FAILURE_RESPONSES, type Relayed } from './relayed.js';
import { isPlainResult, outcomeOf, outcomeOfStream } from './tool-outcome.js';
import { OWN_CODES } from '../../mcp/protocol/codes.js';

const MAX_HELD_BYTES = 256 * 1024;
const MAX_SINGLE_WRITE_BYTES = 16 * 1024;

const OUTCOMES = { ok: 'ok', tool_error: 'tool_error', error: 'upstream_error' } as const;

const NO_ANSWER = 'the MCP server answered with something that is no answer to this request';

/** Whether a message is a JSON-RPC error: of what is no result, the one thing that a client can read. */
const isErrorAnswer = (message: unknown): boolean =>
  typeof message === 'object' && message !== null && 'error' in message;

/**
 * Passes one upstream answer to a client. Event streams go through chunk by chunk, with back-pressure; other answers
 * are held up to 256 KiB, so that one that breaks off becomes a JSON-RPC error, and stream beyond that. When a client
 * of the legacy era leaves, the upstream is read to its end all the same, as a disconnect is no cancel there, so that
 * the outcome is known.
 */
export class AnswerRelay implements Sink {
  readonly #response: ServerResponse;
  readonly #id: RequestId;
  readonly #done: (relayed: Relayed) => void;
  readonly #modern: boolean;
  readonly #stream: () => EventScreen;
  #screen: EventScreen | undefined;
  #scan: MessageScan | undefined;
  #isRefused = false;
  /** Whether a chunk waits for the client to take those before it. */
  #isWaiting = false;
  #running: PendingRequest | undefined;
  #status = 0;
  #contentType = '';
  #held = new ChunkList();
  #bytes = 0;
  #isStreaming = false;
  #isOver = false;
  #isExpired = false;

  /** `stream` is called when the answer turns out to be an event stream. */
  constructor(
    exchange: Exchange,
    id: RequestId,
    callbacks: Readonly<{ done: (relayed: Relayed) => void; stream: () => EventScreen }>,
  ) {
    this.#response = exchange.response;
    this.#modern = exchange.session.era === 'modern';
    this.#id = id;
    this.#done = callbacks.done;
    this.#stream = callbacks.stream;
  }

  start(running: PendingRequest): void {
    this.#running = running;
  }

  head(status: number, headers: UpstreamHeaders): void {
    this.#status = status;
    this.#contentType = headerOf(headers, 'content-type') ?? '';
    if (this.#isAnswer() && isEventStream(this.#contentType)) {
      this.#isStreaming = true;
      this.#screen = this.#stream();
      if (!this.#response.destroyed) beginEventStream(this.#response);
    }
  }

  data(chunk: Buffer): boolean {
    this.#bytes += chunk.length;
    const fits = this.#bytes <= MAX_HELD_BYTES;
    if (fits) this.#held.push(chunk);
    if (!this.#isAnswer()) return true;
    if (!fits && !this.#isStreaming) return this.#beginStreaming(chunk);
    if (!fits) this.#held.clear();
    return this.#isStreaming ? this.#pass(chunk) : true;
  }

  #pass(chunk: Buffer): boolean {
    const passed = this.#screen?.pass(chunk) ?? this.#scan?.feed(chunk) ?? chunk;
    return this.#screen?.isBroken || this.#scan?.isStopped ? this.#breakOff() : this.#write(passed);
  }

  /**
   * The answer turned out to be none that may go on, and a part of it may be with the client: it must not take that for
   * the whole.
   */
  #breakOff(): boolean {
    if (this.#isRefused) return true;
    this.#isRefused = true;
    if (this.#response.headersSent) this.#response.destroy();
    else this.#sendError(OWN_CODES.upstreamError, NO_ANSWER);
    this.#running?.abort();
    return true;
  }

  end(): void {
    if (this.#isRefused) return this.#finish('upstream_error', true);
    if (!this.#isAnswer()) return this.#refuse();
    const body = this.#held.take();
    if (this.#isStreaming) return this.#endStream(body);
    if (body.length === 0) return this.#refuse();
    const text = body.toString('latin1');
    if (!isPlainResult(text)) return this.#judge(body);
    this.#send(body, text);
    this.#finish('ok', true);
  }

  #endStream(body: Buffer): void {
    const rest = this.#scan?.end();
    if (this.#scan?.isStopped || this.#screen?.isInside) {
      this.#breakOff();
      return this.#finish('upstream_error', true);
    }
    this.#response.end(rest);
    return this.#finish(this.#bytes > MAX_HELD_BYTES ? 'ok' : OUTCOMES[outcomeOfStream(body)], true);
  }

  /** An answer that is no plain result. */
  #judge(body: Buffer): void {
    const { scan, passed } = scanMessage(body);
    const message = scan.isBroken ? undefined : parseObject(body.toString('utf8'));
    const showsList = scan.hasList || (scan.hasDeepList && message?.['id'] !== this.#id);
    const kind = outcomeOf(message);
    const isAnswer =
      message !== undefined &&
      !showsList &&
      scan.has('result') !== scan.has('error') &&
      (kind !== 'error' || isErrorAnswer(message));
    if (isAnswer) this.#send(passed, passed.toString('latin1'));
    else this.#sendError(OWN_CODES.upstreamError, NO_ANSWER);
    this.#finish(isAnswer ? OUTCOMES[kind] : 'upstream_error', true);
  }

  fail(failure: UpstreamFailure): void {
    if (this.#isRefused) return this.#finish('upstream_error', true);
    const { status, code, message } = FAILURE_RESPONSES[this.#isExpired ? 'timeout' : failure.kind];
    try {
      this.#sendError(code, message);
    } finally {
      this.#finish(status, failure.sent);
    }
  }

  /** Nobody waits for the answer any more, and it has no end. */
  expire(): void {
    this.#isExpired = true;
    this.#running?.abort();
  }

  #isAnswer(): boolean {
    return this.#status >= 200 && this.#status < 300;
  }

  #beginStreaming(chunk: Buffer): boolean {
    this.#isStreaming = true;
    const held = Buffer.concat([this.#held.take(), chunk]);
    this.#scan = new MessageScan({ stopsAtList: true });
    const passed = this.#scan.feed(held);
    if (this.#scan.isStopped) return this.#breakOff();
    if (this.#response.destroyed) return true;
    writeJsonHead(this.#response, 200);
    return this.#write(passed);
  }

  #write(chunk: Buffer): boolean {
    if (chunk.length === 0 || this.#response.destroyed || this.#response.writableEnded || this.#response.write(chunk))
      return true;
    if (this.#isWaiting) return false;
    this.#isWaiting = true;
    // A client that leaves takes nothing more, and the upstream is read on.
    const resume = guarded('relay', () => {
      this.#isWaiting = false;
      this.#response.off('drain', resume).off('close', resume);
      this.#running?.resume();
    });
    this.#response.on('drain', resume).on('close', resume);
    return false;
  }

  /**
   * `text` is the body in Latin-1, where each character is the byte that it was: so head and body go out in one write.
   */
  #send(body: Buffer, text: string): void {
    if (this.#response.destroyed) return;
    writeJsonHead(this.#response, 200, body.length);
    if (body.length > MAX_SINGLE_WRITE_BYTES) return void this.#response.end(body);
    // `end` with a text would send that and an empty one behind it: a list, which costs more than one text.
    this.#response.cork();
    this.#response.write(text, 'latin1');
    this.#response.uncork();
    this.#response.end();
  }

  /**
   * A session that the upstream no longer knows is over for the client too: 404 makes it start a new one. In the modern
   * era a status goes with its error.
   */
  #refuse(): void {
    const body = this.#held.take();
    const answer = this.#modern && (this.#status === 400 || this.#status === 404) ? passableMessage(body) : undefined;
    if (answer && isErrorAnswer(answer)) sendJson(this.#response, this.#status, answer);
    else if (this.#status === 404 && !this.#modern)
      sendJson(
        this.#response,
        404,
        jsonRpcError(this.#id, OWN_CODES.upstreamError, 'the session has ended; initialize again'),
      );
    else this.#sendError(OWN_CODES.upstreamError, `the MCP server answered with HTTP status ${this.#status}`);
    this.#finish('upstream_error', true);
  }

  #sendError(code: number, message: string): void {
    const error = jsonRpcError(this.#id, code, message);
    if (!this.#response.headersSent) sendJson(this.#response, 200, error);
    else if (this.#response.writableEnded) return;
    else if (isEventStream(this.#contentType)) this.#response.end(`data: ${JSON.stringify(error)}\n\n`);
    else this.#response.destroy();
  }

  /** Once: a sink that failed in its own end is told of a failure after it. */
  #finish(status: OutcomeStatus, sent: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#done({ status, upstreamStatus: this.#status === 0 ? null : this.#status, responseBytes: this.#bytes, sent });
  }
}
