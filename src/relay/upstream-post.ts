import { sessionHeaders } from '../mcp/headers.js';
import { modernHeaders } from '../mcp/modern.js';
import { paramHeaders } from '../mcp/modern-request.js';
import type { UpstreamRequest } from '../upstream/forward.js';
import type { InSession, RelayParts } from './exchange.js';

/** A message as it is sent upstream, in its client's era: the judged bytes, the upstream's credential, and what the body says of itself. Nothing else that the client sent. */
export const upstreamPost = (parts: RelayParts, exchange: InSession, message: Readonly<{ method: string; params: Readonly<Record<string, unknown>> | undefined }>): UpstreamRequest => {
  const { who, session, body } = exchange;
  const { server, grant } = who;
  const headers = session.era === 'legacy' ? sessionHeaders(server.headers, session) : { ...paramHeaders(exchange.request.headers), ...modernHeaders(server.headers, message.method, message.params ?? {}) };
  return { server, grantId: grant.id, era: session.era, method: 'POST', headers, body, silenceMs: parts.upstreamTimeoutMs };
};
