import type { ServerResponse } from 'node:http';
import type { OutcomeStatus } from '../../record/event-log/events/index.js';
import { parseObject } from '../../platform/json/json-object.js';
import type { PendingRequest, Sink, UpstreamFailure, UpstreamHeaders } from '../../mcp/upstream/forward.js';
import { headerOf, isEventStream } from '../../mcp/protocol/headers.js';
import { beginEventStream, jsonRpcError, keepAlive, sendJsonText, writeJsonHead } from '../../mcp/protocol/answers.js';
import { OWN_CODES } from '../../mcp/protocol/codes.js';
import { ChunkList } from '../../platform/runtime/chunk-list.js';
import { soon, startTimer } from '../../platform/runtime/guard.js';
import { ClientWriter } from './client-writer.js';
import type { AnswerSetup } from './answer-setup.js';
import { CloseQueue } from './close-queue.js';
import type { EventScreen } from './event-screen.js';
import { judgeAnswer } from './judge-answer.js';
import { LongBody } from './long-body.js';
import { describeFailure } from './relayed.js';
import { sendBody, sendErrorAnswer } from './send-answer.js';
import { isPlainResult, type ToolOutcome } from './tool-outcome.js';
import { refusalOf } from './upstream-refusal.js';

const MAX_HELD_BYTES = 256 * 1024;
/** So much of an answer is still read, for its outcome, once its client has left. */
const MAX_BYTES_AFTER_LEAVE = 16 * 1024 * 1024;

const OUTCOMES = { ok: 'ok', tool_error: 'tool_error', error: 'upstream_error' } as const;

const NO_ANSWER = 'the MCP server answered with something that is no answer to this request';
const ENDED_EARLY = 'the MCP server ended its stream without an answer; the request may have taken effect';

const answeredStreams = new CloseQueue();

/**
 * Passes one upstream answer to a client. Event streams pass chunk by chunk, with back-pressure; other answers are held
 * up to 256 KiB, so that one that breaks off becomes a JSON-RPC error, and stream beyond that.
 *
 * The call ends with the response, not with the connection: its outcome is recorded when the response arrives, and a
 * stream that stays open is closed soon after. A stream that breaks off before that, and can be resumed, ends without
 * an error; the response is then awaited on the resumed stream. When a client of the legacy era leaves, the answer is
 * still read for its outcome, as a disconnect is no cancellation there, up to a bound of bytes.
 */
export class AnswerRelay implements Sink, PendingRequest {
  readonly #response: ServerResponse;
  readonly #setup: AnswerSetup;
  #screen: EventScreen | undefined;
  #scan: LongBody | undefined;
  #isRefused = false;
  #writer: ClientWriter | undefined;
  #running: PendingRequest | undefined;
  #status = 0;
  #headers: UpstreamHeaders = {};
  #held = new ChunkList();
  #bytes = 0;
  #isStreaming = false;
  /** Whether its outcome is told. */
  #isOver = false;
  /** Whether nothing more comes from the upstream. */
  #isEnded = false;
  /** Why this relay aborted the request by itself. */
  #abandonedAs: 'timeout' | 'unknown' | undefined;
  #bytesAfterLeave = 0;
  #resumption: NodeJS.Timeout | undefined;
  /** Ends the reading of an answer whose client has left. */
  #deadline: NodeJS.Timeout | undefined;

  constructor(setup: AnswerSetup) {
    this.#setup = setup;
    this.#response = setup.exchange.response;
  }

  start(running: PendingRequest): void {
    this.#running = running;
  }

  head(status: number, headers: UpstreamHeaders): void {
    this.#status = status;
    this.#headers = headers;
    if (!this.#isSuccess() || !isEventStream(headerOf(headers, 'content-type'))) return;
    this.#isStreaming = true;
    this.#screen = this.#setup.makeScreen((outcome) => this.#answered(outcome));
    if (!this.#response.destroyed) beginEventStream(this.#response);
  }

  #write(bytes: Buffer): boolean {
    this.#writer ??= new ClientWriter(this.#response, () => this.#running?.resume());
    return this.#writer.write(bytes);
  }

  data(chunk: Buffer): boolean {
    this.#bytes += chunk.length;
    if (this.#response.destroyed && !this.#isOver) return this.#readForOutcome(chunk);
    return this.#take(chunk);
  }

  #take(chunk: Buffer): boolean {
    if (this.#isStreaming) return this.#pass(chunk);
    const fits = this.#bytes <= MAX_HELD_BYTES;
    if (!fits) return this.#isSuccess() ? this.#beginStreaming(chunk) : this.#breakOff();
    this.#held.push(chunk);
    return true;
  }

  /** The client has left. One chunk a turn of the event loop is read, so that other work runs between them. */
  #readForOutcome(chunk: Buffer): boolean {
    this.#bytesAfterLeave += chunk.length;
    if (this.#bytesAfterLeave > MAX_BYTES_AFTER_LEAVE) this.#abandon('unknown');
    else this.#take(chunk);
    soon('relay', () => this.#running?.resume());
    return false;
  }

  #pass(chunk: Buffer): boolean {
    const passed = this.#screen?.pass(chunk) ?? this.#scan?.feed(chunk) ?? chunk;
    return this.#screen?.isBroken || this.#scan?.isStopped ? this.#breakOff() : this.#write(passed);
  }

  /**
   * The answer is one that must not go on, and a part of it may be with the client, which must not take that for the
   * whole.
   */
  #breakOff(): boolean {
    if (this.#isRefused) return true;
    this.#isRefused = true;
    if (this.#response.headersSent && this.#isStreaming) this.#response.destroy();
    else if (this.#isSuccess()) this.#sendError(OWN_CODES.upstreamError, NO_ANSWER);
    else this.#sendRefusal();
    this.#running?.abort();
    return true;
  }

  end(): void {
    this.#ended();
    if (this.#isRefused) return this.#finish('upstream_error', true);
    if (!this.#isSuccess()) return this.#refuse();
    if (this.#isStreaming) return this.#endStream();
    const body = this.#held.take();
    if (body.length === 0) return this.#refuse();
    const text = body.toString('latin1');
    if (!isPlainResult(text)) return this.#judge(body);
    sendBody(this.#response, body, text);
    this.#finish('ok', true);
  }

  #endStream(): void {
    const last = this.#screen?.end();
    if (last) this.#write(last);
    const rest = this.#scan?.end();
    if (this.#scan?.isStopped || this.#screen?.isInside) {
      this.#breakOff();
      return this.#finish('upstream_error', true);
    }
    if (this.#scan) {
      this.#response.end(rest);
      return this.#finish('ok', true);
    }
    if (this.#isOver) return void this.#response.end();
    if (this.#awaitResumption()) return undefined;
    this.#sendError(OWN_CODES.upstreamError, ENDED_EARLY);
    return this.#finish('upstream_error', true);
  }

  /** An answer that is no plain result. */
  #judge(body: Buffer): void {
    const answer = judgeAnswer(body, this.#setup.id);
    if (answer) sendBody(this.#response, answer.passed, answer.passed.toString('latin1'));
    else this.#sendError(OWN_CODES.upstreamError, NO_ANSWER);
    this.#finish(answer ? OUTCOMES[answer.outcome] : 'upstream_error', true);
  }

  #ended(): void {
    this.#isEnded = true;
    answeredStreams.delete(this);
  }

  fail(failure: UpstreamFailure): void {
    this.#ended();
    if (this.#isRefused) return this.#finish('upstream_error', true);
    if (this.#isOver) return void (this.#response.writableEnded || this.#response.end());
    if (failure.kind !== 'aborted' && this.#isWholeMessage()) return this.end();
    if (failure.kind === 'broken' && this.#awaitResumption()) return undefined;
    const { status, code, message } = describeFailure(this.#abandonedAs === 'timeout' ? { kind: 'timeout' } : failure);
    try {
      this.#sendError(code, message);
    } finally {
      this.#finish(this.#abandonedAs ?? status, failure.sent);
    }
    return undefined;
  }

  /** Whether a body is complete although its connection did not end as it should. */
  #isWholeMessage(): boolean {
    if (this.#isStreaming || !this.#isSuccess() || this.#held.length === 0) return false;
    return parseObject(this.#held.peek().toString('utf8')) !== undefined;
  }

  /** The response has arrived on the stream. */
  #answered(outcome: ToolOutcome): void {
    this.#finish(OUTCOMES[outcome], true);
    answeredStreams.add(this);
  }

  /** The stream brought the response a while ago, and did not end by itself. */
  close(): void {
    this.#response.end();
    this.#running?.abort();
  }

  /** Ends the client's stream, which it can resume, and waits for the response there. */
  #awaitResumption(): boolean {
    if (!this.#screen?.isResumable || this.#setup.exchange.session.era === 'modern' || this.#screen.isInside)
      return false;
    if (!this.#response.destroyed) this.#response.end();
    this.#resumption ??= startTimer('relay', this.#setup.timeoutMs, () => this.#finish('unknown', true)).unref();
    return true;
  }

  /** The response arrived on another stream of the session. */
  answeredElsewhere(outcome: ToolOutcome): void {
    if (this.#resumption) this.#finish(OUTCOMES[outcome], true);
  }

  /**
   * The client has left. In the modern era that cancels its request; in the legacy era the answer is read on for its
   * outcome, no longer than the upstream's timeout in all. Answers `for good` where it can't resume the answer.
   */
  left(): 'for good' | undefined {
    if (this.#isEnded) return undefined;
    if (this.#isOver || this.#setup.exchange.session.era === 'modern') {
      this.#running?.abort();
      return undefined;
    }
    this.#deadline = startTimer('relay', this.#setup.timeoutMs, () => this.#abandon('timeout')).unref();
    return this.#screen?.isResumable ? undefined : 'for good';
  }

  /** Closes the request upstream as its client did. Whether the server then stops is for the server to know. */
  giveUp(): void {
    if (!this.#isOver) this.#abandon('unknown');
  }

  #abandon(as: 'timeout' | 'unknown'): void {
    this.#abandonedAs = as;
    this.#running?.abort();
  }

  /** Sends a comment to a client that still waits, between the events of its stream. */
  keepAlive(): void {
    if (this.#isOver || this.#isRefused || (this.#isStreaming && this.#screen?.atBoundary !== true)) return;
    keepAlive(this.#setup.exchange.request, this.#response);
  }

  resume(): void {
    this.#running?.resume();
  }

  abort(): void {
    if (this.#resumption) this.#finish('cancelled', true);
    else this.#running?.abort();
  }

  #isSuccess(): boolean {
    return this.#status >= 200 && this.#status < 300;
  }

  #beginStreaming(chunk: Buffer): boolean {
    this.#isStreaming = true;
    const held = Buffer.concat([this.#held.take(), chunk]);
    this.#scan = new LongBody(this.#response.headersSent);
    const passed = this.#scan.feed(held);
    if (this.#scan.isStopped) return this.#breakOff();
    if (this.#response.destroyed) return true;
    if (!this.#response.headersSent) writeJsonHead(this.#response, 200);
    return this.#write(passed);
  }

  #refuse(): void {
    this.#sendRefusal();
    this.#finish('upstream_error', true);
  }

  #sendRefusal(): void {
    const answer = { status: this.#status, headers: this.#headers, body: this.#held.take() };
    const { session } = this.#setup.exchange;
    const { status, text, headers } = refusalOf(answer, { id: this.#setup.id, session });
    sendJsonText(this.#response, status, text, headers);
  }

  #sendError(code: number, message: string): void {
    sendErrorAnswer(this.#response, jsonRpcError(this.#setup.id, code, message), this.#scan !== undefined);
  }

  /** Once: a sink that failed in its own end hears of a failure after it. */
  #finish(status: OutcomeStatus, sent: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#resumption);
    clearTimeout(this.#deadline);
    const upstreamStatus = this.#status === 0 ? null : this.#status;
    this.#setup.done({ status, upstreamStatus, responseBytes: this.#bytes, sent });
  }
}
