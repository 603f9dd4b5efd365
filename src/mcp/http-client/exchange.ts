import { reportFailure } from '../../platform/runtime/guard.js';
import type { AnswerHead } from './answer-head.js';
import type { Failure, PendingRequest, Sink } from './sink.js';

/** What an exchange does to the connection that carries it. */
interface Carrier {
  pause(): void;
  resume(): void;
  destroy(): void;
}

type RequestParts = Readonly<{ head: string; body: Buffer | undefined; silenceMs: number }>;

/**
 * One request and its answer, from the moment it is wanted: exactly one of the sink's `end` and `fail` comes last, and
 * nothing after it.
 */
export class Exchange implements PendingRequest {
  /** What is sent; empty once it was. */
  head: string;
  body: Buffer | undefined;
  readonly #silenceMs: number;
  readonly #sink: Sink;
  #carrier: Carrier | undefined;
  #over = false;
  #paused = false;
  #silentMs = 0;

  constructor({ head, body, silenceMs }: RequestParts, sink: Sink) {
    this.head = head;
    this.body = body;
    this.#silenceMs = silenceMs;
    this.#sink = sink;
  }

  /** Whether its end or failure was told. */
  get over(): boolean {
    return this.#over;
  }

  /** It is sent now, on this connection. */
  begin(carrier: Carrier): void {
    this.#carrier = carrier;
  }

  /** It is on its way: what was sent need not be kept while the answer goes on. */
  sent(): void {
    this.head = '';
    this.body = undefined;
  }

  headed({ status, headers }: AnswerHead): void {
    this.#silentMs = 0;
    if (this.#over) return;
    try {
      this.#sink.head(status, headers);
    } catch (error) {
      this.#crashed(error);
    }
  }

  data(part: Buffer): void {
    this.#silentMs = 0;
    if (this.#over || this.#takes(part) || this.#over) return;
    this.#paused = true;
    this.#carrier?.pause();
  }

  #takes(part: Buffer): boolean {
    try {
      return this.#sink.data(part);
    } catch (error) {
      this.#crashed(error);
      return true;
    }
  }

  ended(): void {
    if (this.#over) return;
    this.#over = true;
    this.#carrier = undefined;
    try {
      this.#sink.end();
    } catch (error) {
      this.#crashed(error);
    }
  }

  /** The connection that it was sent on is gone before the answer was whole. */
  broken(cause: unknown): void {
    this.fail('broken', cause);
  }

  fail(kind: Failure['kind'], cause?: unknown): void {
    if (this.#over) return;
    this.#over = true;
    const carrier = this.#carrier;
    this.#carrier = undefined;
    carrier?.destroy();
    try {
      this.#sink.fail({ kind, sent: carrier !== undefined, cause });
    } catch (error) {
      reportFailure('http_exchange', error);
    }
  }

  /**
   * The sink threw: this exchange ends as broken, also when its end was told just now, so that its outcome is recorded.
   * It runs in a callback of the socket, of a timer or of another exchange, none of which may end with it.
   */
  #crashed(cause: unknown): void {
    reportFailure('http_exchange', cause);
    this.#over = true;
    this.#carrier?.destroy();
    this.#carrier = undefined;
    try {
      this.#sink.fail({ kind: 'broken', sent: true, cause });
    } catch (error) {
      reportFailure('http_exchange', error);
    }
  }

  /** Time went by without a byte. A pause of ours is not the other side's silence. */
  waited(ms: number): void {
    if (this.#paused || this.#silenceMs === 0) return;
    this.#silentMs += ms;
    if (this.#silentMs > this.#silenceMs) this.fail('timeout', { code: 'ETIMEDOUT' });
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#silentMs = 0;
    this.#carrier?.resume();
  }

  abort(): void {
    this.fail('aborted');
  }
}
