import type { Dispatcher } from 'undici';
import type { Era } from '../platform/era.js';

/** An MCP server: where it is reached, and in which eras of the protocol it was seen to speak (the preferred one first; none while it was never reached). */
export type UpstreamServer = Readonly<{ id: string; transport: UpstreamTransport; eras: readonly Era[] }>;

export type UpstreamTransport =
  | Readonly<{ type: 'streamable-http' | 'sse'; url: URL }>
  | Readonly<{ type: 'stdio'; command: string; args: readonly string[]; env: Readonly<Record<string, string>> }>;

/**
 * One request in the terms of Streamable HTTP, whatever the server really speaks. `era` is the one that it is written in; what lives longer than a request
 * (a session, a process) belongs to `grantId`. `headers` hold the upstream's credential.
 */
export type UpstreamRequest = Readonly<{
  server: UpstreamServer;
  grantId: string;
  era: Era;
  method: 'GET' | 'POST' | 'DELETE';
  headers: Readonly<Record<string, string>>;
  body: Buffer | undefined;
  silenceMs: number;
}>;

export type UpstreamHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** Why there is no (whole) answer. `sent`: whether any byte of the request may have reached the upstream. `cause` is for the operator, and may hold anything. */
export type UpstreamFailure = Readonly<{ kind: 'unreachable' | 'timeout' | 'broken' | 'aborted'; sent: boolean; cause?: unknown }>;

/** Where an answer goes, as it arrives. `data` answers false to be paused until `resume`. Exactly one of `end` and `fail` comes last. */
export type Sink = Readonly<{
  head: (status: number, headers: UpstreamHeaders) => void;
  data: (chunk: Buffer) => boolean;
  end: () => void;
  fail: (failure: UpstreamFailure) => void;
}>;

export type Running = Readonly<{ resume: () => void; abort: () => void }>;

/**
 * Sends one request to its server and hands the answer's bytes to `sink` unparsed. Never throws and never rejects. Every transport and every translation
 * between eras has this one shape, so that none of them knows of another.
 */
export type Forward = (request: UpstreamRequest, sink: Sink) => Running;

const TIMEOUTS = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT']);

const kindOf = (error: unknown, sent: boolean, headed: boolean): UpstreamFailure['kind'] => {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  if (typeof code === 'string' && TIMEOUTS.has(code)) return 'timeout';
  if (code === 'UND_ERR_ABORTED') return 'aborted';
  return sent && headed ? 'broken' : 'unreachable';
};

class Exchange implements Dispatcher.DispatchHandler {
  readonly #sink: Sink;
  #controller: Dispatcher.DispatchController | undefined;
  #sent = false;
  #headed = false;
  #aborted = false;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#aborted) controller.abort(new Error('aborted'));
    else this.#sent = true;
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: UpstreamHeaders): void {
    // An interim answer (103 Early Hints and the like): the one that counts comes after it.
    if (status < 200) return;
    this.#headed = true;
    this.#sink.head(status, headers);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#sink.data(chunk)) controller.pause();
  }

  onResponseEnd(): void {
    this.#sink.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#sink.fail({ kind: this.#aborted ? 'aborted' : kindOf(error, this.#sent, this.#headed), sent: this.#sent, cause: error });
  }

  resume(): void {
    this.#controller?.resume();
  }

  abort(): void {
    this.#aborted = true;
    this.#controller?.abort(new Error('aborted'));
  }
}

type Place = Readonly<{ origin: string; path: string }>;
const places = new WeakMap<URL, Place>();

/** A server's URL in the two parts that the agent wants; put together once for each. */
const placeOf = (url: URL): Place => {
  const known = places.get(url);
  if (known) return known;
  const place = { origin: url.origin, path: url.pathname + url.search };
  places.set(url, place);
  return place;
};

/**
 * Streamable HTTP. No redirect is followed, nothing is retried, no cookie is kept; the agent (platform/outbound) refuses addresses that may not be reached.
 */
export const forwardHttp = (agent: Dispatcher, url: URL, request: Pick<UpstreamRequest, 'method' | 'headers' | 'body' | 'silenceMs'>, sink: Sink): Running => {
  const { method, headers, silenceMs } = request;
  const exchange = new Exchange(sink);
  const { origin, path } = placeOf(url);
  agent.dispatch({ origin, path, method, headers, body: request.body ?? null, headersTimeout: silenceMs, bodyTimeout: silenceMs }, exchange);
  return exchange;
};
