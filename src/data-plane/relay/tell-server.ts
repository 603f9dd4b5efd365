import { inBackground } from '../../platform/runtime/guard.js';
import { jsonRpcError, type RequestId } from '../../mcp/protocol/answers.js';
import { upstreamHeaders } from '../../mcp/protocol/headers.js';
import { collectAnswer } from './collect-answer.js';
import type { Exchange, RelayDeps } from './exchange.js';
import { JSON_RPC_CODES } from '../../mcp/protocol/codes.js';

const MAX_ANSWER_BYTES = 64 * 1024;
const ANSWER_TIMEOUT_MS = 10_000;

type Told = Pick<Exchange, 'who' | 'session'>;

/** Sends a message of our own in a session, in the background; what the server answers says nothing. */
const tellServer = (deps: Pick<RelayDeps, 'forward'>, { who, session }: Told, message: unknown): void => {
  const request = {
    server: who.server,
    grantId: who.grant.id,
    era: 'legacy',
    method: 'POST',
    headers: upstreamHeaders(who.server.headers, session),
    body: Buffer.from(JSON.stringify(message)),
    silenceMs: ANSWER_TIMEOUT_MS,
    cookies: session.cookies,
  } as const;
  inBackground('tell_server', collectAnswer(deps, request, { maxBytes: MAX_ANSWER_BYTES }));
};

/**
 * Answers a server's request in the client's place, with an error: the client did not declare that it can answer it. In
 * the modern era there is no way to answer.
 */
export const refuseServerRequest = (
  deps: Pick<RelayDeps, 'forward'>,
  exchange: Told,
  { id, method }: Readonly<{ id: string | number; method: string }>,
): void => {
  if (exchange.session.era === 'modern') return;
  const reason = `the client did not say that it can answer ${method}`;
  tellServer(deps, exchange, jsonRpcError(id, JSON_RPC_CODES.methodNotFound, reason));
};

/** Over stdio and HTTP+SSE a call has no request of its own to close: the server learns by a message of its end. */
export const cancelOnChannel = (deps: Pick<RelayDeps, 'forward'>, exchange: Told, requestId: RequestId): void => {
  if (exchange.who.server.transport.type === 'streamable-http') return;
  const params = { requestId, reason: 'the client closed its request' };
  tellServer(deps, exchange, { jsonrpc: '2.0', method: 'notifications/cancelled', params });
};
