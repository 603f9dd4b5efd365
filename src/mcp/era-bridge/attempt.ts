import { inBackground } from '../../platform/runtime/guard.js';
import { parseObject } from '../../platform/json/json-object.js';
import type { Era } from '../protocol/era.js';
import { MISDIRECTED } from './upstream-target.js';
import { errorCodeOf } from '../protocol/response.js';
import type { PendingRequest, Sink, UpstreamFailure, UpstreamHeaders, UpstreamRequest } from '../upstream/forward.js';
import { isImplementationCode, isModernCode } from '../protocol/codes.js';

/** A request and the era in which it is sent to its server, translated if the eras differ. */
export type AttemptTarget = Readonly<{
  request: UpstreamRequest;
  spoken: Era;
  translated: boolean;
  send: (sink: Sink) => PendingRequest;
}>;

/**
 * What follows a response that may mean the wrong era: a second attempt, the end of the client's session, or just the
 * response.
 */
export type RetryDecision = AttemptTarget | 'session_over' | 'keep';

const AMBIGUOUS_STATUSES = new Set([400, 404, 405]);
const MAX_BODY_BYTES = 64 * 1024;
const INITIALIZE = /"method"\s*:\s*"initialize"/;

/** Whether a refusal suggests that the server speaks the other era. */
const suggestsOtherEra = ({ request, spoken, translated }: AttemptTarget, body: Buffer): boolean => {
  // A translated request gets this status only for that reason.
  if (translated) return true;
  const message = parseObject(body.toString('utf8'));
  const code = message && errorCodeOf(message);
  if (spoken === 'legacy')
    return isModernCode(code) || (request.era === 'legacy' && INITIALIZE.test(request.body?.toString('latin1') ?? ''));
  // Codes that 2026-07-28 leaves to older revisions, and responses that are no JSON-RPC.
  return typeof code !== 'number' || isImplementationCode(code);
};

/**
 * One request and its response, which passes through as it arrives; but a refusal (400, 404, 405) that suggests the
 * other era is held back until `decideRetry` has decided on a second attempt. Such a request was not carried out, so
 * nothing is done twice. There is no third attempt.
 */
export class Attempt implements Sink, PendingRequest {
  readonly #sink: Sink;
  readonly #decideRetry: ((first: AttemptTarget) => Promise<RetryDecision>) | undefined;
  #target: AttemptTarget | undefined;
  #running: PendingRequest | undefined;
  #held: { status: number; headers: UpstreamHeaders; chunks: Buffer[]; bytes: number } | undefined;
  #aborted = false;

  constructor(sink: Sink, decideRetry: ((first: AttemptTarget) => Promise<RetryDecision>) | undefined) {
    this.#sink = sink;
    this.#decideRetry = decideRetry;
  }

  start(first: AttemptTarget): void {
    this.#target = first;
    this.#running = first.send(this);
    if (this.#aborted) this.#running.abort();
  }

  head(status: number, headers: UpstreamHeaders): void {
    if (this.#decideRetry && (this.#target?.translated ? status === MISDIRECTED : AMBIGUOUS_STATUSES.has(status)))
      this.#held = { status, headers, chunks: [], bytes: 0 };
    else this.#head(status, headers);
  }

  data(chunk: Buffer): boolean {
    const held = this.#held;
    if (!held) return this.#sink.data(chunk);
    held.bytes += chunk.length;
    held.chunks.push(chunk);
    if (held.bytes > MAX_BODY_BYTES) this.#release();
    return true;
  }

  end(): void {
    const held = this.#held;
    if (!held || !this.#decideRetry || !this.#target) return this.#sink.end();
    if (!suggestsOtherEra(this.#target, Buffer.concat(held.chunks))) return this.#keep();
    const decided = this.#decideRetry(this.#target).then(
      (second) => this.#decided(second),
      () => this.#keep(),
    );
    inBackground('second_attempt', decided, (cause) => this.#sink.fail({ kind: 'broken', sent: true, cause }));
  }

  fail(failure: UpstreamFailure): void {
    this.#release();
    // The first attempt was already sent.
    this.#sink.fail(this.#decideRetry ? failure : { ...failure, sent: true });
  }

  resume(): void {
    this.#running?.resume();
  }

  abort(): void {
    this.#aborted = true;
    this.#running?.abort();
  }

  #decided(second: RetryDecision): void {
    if (this.#aborted) return this.#sink.fail({ kind: 'aborted', sent: true });
    if (second === 'keep') return this.#keep();
    if (second !== 'session_over') {
      this.#held = undefined;
      const attempt = new Attempt(this.#sink, undefined);
      this.#running = attempt;
      return attempt.start(second);
    }
    // The client initializes again and is then served in the other era.
    this.#sink.head(404, {});
    return this.#sink.end();
  }

  #keep(): void {
    this.#release();
    this.#sink.end();
  }

  #release(): void {
    const held = this.#held;
    this.#held = undefined;
    if (!held) return;
    this.#head(held.status, held.headers);
    for (const chunk of held.chunks) this.#sink.data(chunk);
  }

  #head(status: number, headers: UpstreamHeaders): void {
    this.#sink.head(this.#target?.translated && status === MISDIRECTED ? 502 : status, headers);
  }
}
