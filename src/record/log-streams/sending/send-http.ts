import { OutboundRefused, type Outbound, type TlsOptions } from '../../../platform/outbound/outbound.js';
import { startTimer } from '../../../platform/runtime/guard.js';
import type { Answer, SendResult } from '../kind.js';

/** One request. A body that is sent again has to be the same bytes. */
export type HttpRequest = Readonly<{
  method: 'POST' | 'PUT' | 'GET' | 'HEAD';
  url: string;
  headers: Readonly<Record<string, string>>;
  body?: string | Buffer;
}>;

/** A response: header names in lower case; of the body the first `maxBodyBytes`, as UTF-8 and as they came. */
export type HttpResponse = Readonly<{
  status: number;
  headers: Readonly<Record<string, string>>;
  body: string;
  bytes: Buffer;
}>;

/** A response, or why there is none. `message` names the host at most. */
export type HttpExchange =
  | Readonly<{ ok: true; response: HttpResponse }>
  | Readonly<{ ok: false; code: string; message: string; timedOut: boolean }>;

/** `timeoutMs` is that of a whole exchange, by default 30 s, which is longer than receivers take to give up. */
export type HttpSenderOptions = Readonly<{
  outbound: Outbound;
  tls?: TlsOptions | undefined;
  timeoutMs?: number;
  maxBodyBytes?: number;
}>;

/** What every kind over HTTP sends by. `request` never rejects; `close` ends its connections. */
export type HttpSender = Readonly<{
  request: (request: HttpRequest, signal: AbortSignal) => Promise<HttpExchange>;
  close: () => Promise<void>;
}>;

const TIMEOUT_MS = 30_000;
const MAX_BODY_BYTES = 65_536;

/** Node's codes of a certificate that is not trusted, is out of date or names somebody else. */
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET_ISSUER)|ALTNAME|CRL|HOSTNAME_MISMATCH/;

/** Why a connection failed, as a stable word and a sentence; neither holds an address or a value. */
export const connectionFailure = (error: unknown): Readonly<{ code: string; message: string }> => {
  if (error instanceof OutboundRefused) return { code: error.code, message: error.message };
  const code = String((error as { code?: unknown } | null)?.code ?? '');
  if (CERTIFICATE.test(code))
    return { code: 'certificate_not_trusted', message: `its certificate is not trusted (${code})` };
  if (/^(?:ERR_SSL|ERR_TLS|EPROTO)/.test(code)) return { code: 'tls_failed', message: `TLS failed (${code})` };
  const reason = /^[A-Z_]{3,40}$/.test(code) ? ` (${code})` : '';
  return { code: 'connection_failed', message: `no answer: the connection failed${reason}` };
};

const readBody = async (body: AsyncIterable<Buffer>, maxBytes: number): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    bytes += chunk.length;
    // Leaving the loop ends the connection: what comes after this much is nothing that anybody reads.
    if (bytes >= maxBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, maxBytes);
};

const oneLine = (headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));

/**
 * An exchange that ends with the signal or after a time, whichever comes first. `AbortSignal.any` would tie it to the
 * signal of its stream for as long as the stream lives.
 */
const withDeadline = async (
  exchange: (signal: AbortSignal) => Promise<HttpExchange>,
  signal: AbortSignal,
  timeoutMs: number,
): Promise<HttpExchange> => {
  const own = new AbortController();
  const abort = (): void => own.abort();
  let isLate = false;
  const timer = startTimer('log_stream_send', timeoutMs, () => {
    isLate = true;
    abort();
  });
  signal.addEventListener('abort', abort);
  if (signal.aborted) abort();
  try {
    return await exchange(own.signal);
  } catch (error) {
    if (!isLate) return { ok: false, timedOut: false, ...connectionFailure(error) };
    return { ok: false, code: 'timed_out', message: `no answer in ${timeoutMs / 1000} s`, timedOut: true };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
};

/**
 * Sends requests through the guard, over connections that are kept between them, with the stream's certificates. No
 * redirect is followed: it is answered as it came.
 */
export const makeHttpSender = ({
  outbound,
  tls = {},
  timeoutMs = TIMEOUT_MS,
  maxBodyBytes = MAX_BODY_BYTES,
}: HttpSenderOptions): HttpSender => {
  const agent = outbound.agentWith(tls);
  const exchange = async (request: HttpRequest, signal: AbortSignal): Promise<HttpExchange> => {
    const checked = outbound.check(request.url);
    if (!checked.ok) return { ok: false, code: checked.code, message: checked.message, timedOut: false };
    const { origin, pathname, search } = checked.url;
    const { method, body = null } = request;
    const headers = { 'user-agent': 'Toolgate', ...request.headers };
    const answer = await agent.request({ origin, path: `${pathname}${search}`, method, headers, body, signal });
    const bytes = await readBody(answer.body as AsyncIterable<Buffer>, maxBodyBytes);
    return {
      ok: true,
      response: { status: answer.statusCode, headers: oneLine(answer.headers), body: bytes.toString(), bytes },
    };
  };
  return {
    request: (request, signal) => withDeadline((own) => exchange(request, own), signal, timeoutMs),
    close: () => agent.destroy(),
  };
};

const MAX_RETRY_AFTER_MS = 3_600_000;

/** The wait that `Retry-After` asks for, in seconds or as a date, at most an hour; undefined without a valid one. */
export const retryAfterMs = ({ headers }: HttpResponse, now = Date.now()): number | undefined => {
  const text = headers['retry-after'];
  if (text === undefined) return undefined;
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS);
};

/** What a receiver answered, for the stream's health. */
export const answerOf = ({ status, body }: HttpResponse): Answer => ({ httpStatus: status, body });

/** The failure of an exchange without a response. */
export const failedExchange = ({ code, message, timedOut }: Extract<HttpExchange, { ok: false }>): SendResult => ({
  outcome: 'retry',
  code,
  timedOut,
  answer: { httpStatus: null, body: message },
});

/**
 * What came of a batch by the status alone: 2xx took it; 401 and 403 are an `auth_error`; 400, 413 and 422 refuse it;
 * anything else is tried again, a redirect and a 404 too, as a wrong URL is no reason to lose a record.
 */
export const resultOf = (exchange: HttpExchange): SendResult => {
  if (!exchange.ok) return failedExchange(exchange);
  const { status } = exchange.response;
  const answer = answerOf(exchange.response);
  if (status >= 200 && status < 300) return { outcome: 'accepted', answer };
  const code = `http_${status}`;
  if (status === 401 || status === 403) return { outcome: 'auth_error', code, answer };
  if (status === 400 || status === 413 || status === 422) return { outcome: 'refused', code, answer };
  return {
    outcome: 'retry',
    code,
    answer,
    timedOut: status === 408 || status === 504,
    retryAfterMs: retryAfterMs(exchange.response),
  };
};
