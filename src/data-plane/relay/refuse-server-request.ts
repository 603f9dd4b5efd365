import { inBackground } from '../../platform/runtime/guard.js';
import { jsonRpcError } from '../../mcp/protocol/answers.js';
import { upstreamHeaders } from '../../mcp/protocol/headers.js';
import { collectAnswer } from './collect-answer.js';
import type { Exchange, RelayDeps } from './exchange.js';
import { JSON_RPC_CODES } from '../../mcp/protocol/codes.js';

const MAX_ANSWER_BYTES = 64 * 1024;
const ANSWER_TIMEOUT_MS = 10_000;

/**
 * Answers a server's request in the client's place, with an error: the client did not declare that it can answer it. In
 * the modern era there is no way to answer.
 */
export const refuseServerRequest = (
  deps: Pick<RelayDeps, 'forward'>,
  { who, session }: Pick<Exchange, 'who' | 'session'>,
  asked: Readonly<{ id: string | number; method: string }>,
): void => {
  if (session.era === 'modern') return;
  const body = Buffer.from(
    JSON.stringify(
      jsonRpcError(
        asked.id,
        JSON_RPC_CODES.methodNotFound,
        `the client did not say that it can answer ${asked.method}`,
      ),
    ),
  );
  const headers = upstreamHeaders(who.server.headers, session);
  const answer = {
    server: who.server,
    grantId: who.grant.id,
    era: 'legacy',
    method: 'POST',
    headers,
    body,
    silenceMs: ANSWER_TIMEOUT_MS,
    cookies: session.cookies,
  } as const;
  inBackground('refuse_asked', collectAnswer(deps, answer, { maxBytes: MAX_ANSWER_BYTES }));
};
