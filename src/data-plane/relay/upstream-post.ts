import { sessionHeaders } from '../../mcp/protocol/headers.js';
import { cachedModernHeaders } from '../../mcp/protocol/modern.js';
import { paramHeaders } from '../../mcp/protocol/modern-request.js';
import type { UpstreamRequest } from '../../mcp/upstream/forward.js';
import type { Exchange, RelayDeps } from './exchange.js';

/**
 * The request that carries a message upstream, in its client's era: the judged bytes, the upstream's credential, and
 * headers that mirror the body. Nothing else that the client sent.
 */
export const upstreamPost = (
  deps: RelayDeps,
  exchange: Exchange,
  message: Readonly<{ method: string; params: Readonly<Record<string, unknown>> | undefined }>,
): UpstreamRequest => {
  const { who, session, body } = exchange;
  const { server, grant } = who;
  const headers =
    session.era === 'legacy' ? sessionHeaders(server.headers, session) : modernHeadersOf(exchange, message);
  return {
    server,
    grantId: grant.id,
    era: session.era,
    method: 'POST',
    headers,
    body,
    silenceMs: deps.upstreamTimeoutMs,
    cookies: session.cookies,
  };
};

const modernHeadersOf = (
  { who, request }: Exchange,
  { method, params }: Readonly<{ method: string; params: Readonly<Record<string, unknown>> | undefined }>,
): Readonly<Record<string, string>> => {
  const kept = cachedModernHeaders(who.server.headers, method, params ?? {});
  const mirrored = paramHeaders(request.headers);
  return mirrored === undefined ? kept : { ...mirrored, ...kept };
};
