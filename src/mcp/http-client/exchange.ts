import { collectedBytes, HeldBytes } from '../../platform/fair-shares/held-bytes.js';
import { reportFailure } from '../../platform/runtime/guard.js';
import type { AnswerHead } from './answer-head.js';
import { openDecoder, type BodyDecoder, type DecodingFault } from './body-decoder.js';
import type { CookieJar } from './cookie-jar.js';
import { readContentCoding, type ContentCoding } from './content-coding.js';
import type { HttpRequest } from './request-head.js';
import type { Failure, HeaderFields, PendingRequest, Sink } from './sink.js';

/** What an exchange does to the connection that carries it. */
interface Carrier {
  pause(): void;
  resume(): void;
  destroy(): void;
}

/** What is told of a body that can't be decoded. */
const DECODING_REASONS: Readonly<Record<DecodingFault, string>> = {
  malformed: 'the MCP server compressed its answer, and it can not be decompressed',
  too_large: 'the MCP server compressed its answer, and it becomes too large when it is decompressed',
  no_room: 'the MCP server compressed its answer, and there is no room to decompress it now',
};

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
  readonly #organizationId: string;
  readonly #grantId: string;
  readonly #url: URL;
  readonly #cookies: CookieJar | undefined;
  #coding: ContentCoding | undefined;
  #decoder: BodyDecoder | undefined;
  #carrier: Carrier | undefined;
  #over = false;
  #paused = false;
  #silentMs = 0;

  constructor(head: string, { body, silenceMs, organizationId, grantId, url, cookies }: HttpRequest, sink: Sink) {
    this.head = head;
    this.body = body;
    this.#silenceMs = silenceMs;
    this.#organizationId = organizationId;
    this.#grantId = grantId;
    this.#url = url;
    this.#cookies = cookies;
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

  headed(head: AnswerHead): void {
    this.#silentMs = 0;
    if (this.#over) return;
    const { 'set-cookie': setCookie } = head.headers;
    if (setCookie !== undefined) this.#cookies?.take(this.#url, setCookie);
    const coding = readContentCoding(head.headers['content-encoding']);
    if (coding !== undefined) return this.#headedCoded(head, coding);
    this.#tellHead(head.status, head.headers);
  }

  /** We asked for no coding; a server that codes its answer all the same is understood where that can be. */
  #headedCoded({ status, headers, framing }: AnswerHead, coding: ContentCoding | string): void {
    const { 'content-encoding': _coding, 'content-length': _length, ...rest } = headers;
    const isEmpty = framing === 'none' || framing === 0;
    if (typeof coding === 'string' && !isEmpty)
      return this.fail(
        'broken',
        { code: 'CONTENT_CODING' },
        `the MCP server compressed its answer with ${coding}, which can not be decompressed here, ` +
          'although it was asked not to',
      );
    if (typeof coding !== 'string') this.#coding = coding;
    this.#tellHead(status, rest);
  }

  #tellHead(status: number, headers: HeaderFields): void {
    try {
      this.#sink.head(status, headers);
    } catch (error) {
      this.#crashed(error);
    }
  }

  data(part: Buffer): void {
    this.#silentMs = 0;
    if (this.#over || (this.#coding ? this.#decode(this.#coding, part) : this.#takes(part)) || this.#over) return;
    this.#paused = true;
    this.#carrier?.pause();
  }

  #decode(coding: ContentCoding, part: Buffer): boolean {
    this.#decoder ??= openDecoder(coding, part, this.#holdBytes(), {
      data: (decoded) => this.#takes(decoded) || this.#over,
      drained: () => this.#continue(),
      end: () => this.#decodedEnd(),
      fail: (fault) => this.fail('broken', { code: 'CONTENT_CODING' }, DECODING_REASONS[fault]),
    });
    return this.#decoder.write(part);
  }

  /** A coding may end before its body does: nobody reads what comes behind it, so its connection ends too. */
  #decodedEnd(): void {
    const carrier = this.#carrier;
    this.#carrier = undefined;
    carrier?.destroy();
    this.#tellEnd();
  }

  #holdBytes(): HeldBytes {
    return new HeldBytes(collectedBytes, { organizationId: this.#organizationId, grantId: this.#grantId });
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
    this.#carrier = undefined;
    if (this.#decoder) this.#decoder.end();
    else this.#tellEnd();
  }

  #tellEnd(): void {
    this.#over = true;
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

  /** `reason` is what the client may be told instead of what its kind says. */
  fail(kind: Failure['kind'], cause?: unknown, reason?: string): void {
    if (this.#over) return;
    this.#over = true;
    const carrier = this.#carrier;
    this.#carrier = undefined;
    carrier?.destroy();
    this.#decoder?.close();
    const sent = carrier !== undefined || this.#decoder !== undefined;
    try {
      this.#sink.fail(reason === undefined ? { kind, sent, cause } : { kind, sent, cause, reason });
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
    this.#decoder?.close();
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
    if (this.#decoder) this.#decoder.resume();
    else this.#continue();
  }

  #continue(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#silentMs = 0;
    this.#carrier?.resume();
  }

  abort(): void {
    this.fail('aborted');
  }
}
