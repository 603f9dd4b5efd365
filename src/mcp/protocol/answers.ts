import type { IncomingMessage, ServerResponse } from 'node:http';
import { formatSse } from '../wire/sse.js';
import { accepts } from './accept.js';

export type RequestId = string | number | null;

type Fields = Readonly<Record<string, string>>;

/**
 * With this header a browser does not guess another media type for bytes that an upstream chose. Every answer has it.
 */
const NO_SNIFF = 'x-content-type-options';

/**
 * Writes the head of a JSON answer. The media type is ours, whatever the upstream said; without a `length` the body is
 * sent in chunks.
 */
export const writeJsonHead = (response: ServerResponse, status: number, length?: number): void =>
  void response.writeHead(
    status,
    length === undefined
      ? { 'content-type': 'application/json', [NO_SNIFF]: 'nosniff' }
      : { 'content-type': 'application/json', [NO_SNIFF]: 'nosniff', 'content-length': length },
  );

/** Responses that began as an event stream before their answer was known. */
const keptAlive = new WeakSet<ServerResponse>();
const EVENT_STREAM = ['text/event-stream'];
const COMMENT = ':\n\n';

/**
 * Sends a comment to a client that waits for the answer to its request, so that no proxy closes the connection. Begins
 * the response as an event stream where it has not begun and the client takes one: the answer, which is sent as any
 * other, is then its last event.
 */
export const keepAlive = ({ headers: { accept } }: IncomingMessage, response: ServerResponse): void => {
  if (response.destroyed || response.writableEnded || response.writableNeedDrain) return;
  if (!response.headersSent) {
    if (accept === undefined || !accepts(accept, EVENT_STREAM)) return;
    beginEventStream(response);
    keptAlive.add(response);
  }
  response.write(COMMENT);
};

/** Sends an answer as the last event of a response that was kept alive; nothing on any other that has begun. */
const endKeptAlive = (response: ServerResponse, text: string): void => {
  if (keptAlive.has(response) && !response.writableEnded) response.end(formatSse({ data: text }));
};

/** Writes and sends the head of an event stream. The media type is ours, whatever the upstream said. */
export const beginEventStream = (response: ServerResponse, headers: Fields = {}): void => {
  if (response.headersSent && keptAlive.has(response)) return;
  response.writeHead(200, {
    ...headers,
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
    [NO_SNIFF]: 'nosniff',
  });
  response.flushHeaders();
};

/** Sends an answer without a body; nothing when the client is gone. */
export const sendStatus = (response: ServerResponse, status: 202 | 204, headers: Fields = {}): void => {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, { ...(status === 202 ? { 'content-length': 0 } : {}), [NO_SNIFF]: 'nosniff', ...headers });
  response.end();
};

/** Sends JSON with a known length in one write; nothing when the client is gone. */
export const sendJson = (response: ServerResponse, status: number, body: unknown, headers: Fields = {}): void =>
  sendJsonText(response, status, JSON.stringify(body), headers);

/** The same for a text that is JSON already. */
export const sendJsonText = (response: ServerResponse, status: number, text: string, headers: Fields = {}): void => {
  if (response.destroyed) return;
  if (response.headersSent) return endKeptAlive(response, text);
  const bytes = Buffer.from(text);
  response.writeHead(status, {
    'content-type': 'application/json',
    [NO_SNIFF]: 'nosniff',
    'content-length': bytes.length,
    ...headers,
  });
  response.end(bytes);
};

/** A JSON-RPC error response, not yet serialized. */
export const jsonRpcError = (id: RequestId, code: number, message: string) =>
  ({ jsonrpc: '2.0', id, error: { code, message } }) as const;

/** A JSON-RPC response with a result, not yet serialized. */
export const jsonRpcResult = (id: RequestId, result: unknown) => ({ jsonrpc: '2.0', id, result }) as const;

/** A refusal on the level of HTTP, with a JSON-RPC error for clients that read bodies. */
export const refuseHttp = (
  response: ServerResponse,
  status: number,
  error: Readonly<{ code: number; message: string; headers?: Fields }>,
): void => sendJson(response, status, jsonRpcError(null, error.code, error.message), error.headers);
