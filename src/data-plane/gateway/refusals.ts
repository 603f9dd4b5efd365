import type { ServerResponse } from 'node:http';
import { reasonWhyDisabled } from '../directory/facts.js';
import { jsonRpcError, sendJson, type RequestId } from '../../mcp/protocol/answers.js';
import type { ModernRefusal } from '../../mcp/protocol/modern-request.js';
import type { Request } from '../../mcp/protocol/read-message.js';
import type { AuthenticatedRequest } from '../relay/exchange.js';
import type { GatewayParts, Exchange } from './exchange.js';
import { governed } from './governed.js';
import { JSON_RPC_CODES, MODERN_CODES, OWN_CODES } from '../../mcp/protocol/codes.js';

/**
 * Why a request of a grant, identity, server or organization that is switched off reaches no upstream, whatever it
 * asks.
 */
export const unavailable = (
  parts: Pick<GatewayParts, 'directory' | 'maxStalenessMs'>,
  { who }: AuthenticatedRequest,
): string | undefined =>
  reasonWhyDisabled(who) ??
  (parts.directory.ageMs() > parts.maxStalenessMs
    ? 'the gateway has lost touch with its database; try again shortly'
    : undefined);

/** Answers `unavailable` where it is so, and says whether it was. */
export const refusedAsUnavailable = (parts: GatewayParts, exchange: AuthenticatedRequest, id: RequestId): boolean => {
  const reason = unavailable(parts, exchange);
  if (reason) sendJson(exchange.response, 200, jsonRpcError(id, OWN_CODES.unavailable, reason));
  return reason !== undefined;
};

/**
 * A method that no rule governs: on record, and nothing upstream. In the modern era it is 404 on the level of HTTP too.
 */
export const refuseMethod = async (parts: GatewayParts, exchange: Exchange, request: Request): Promise<void> => {
  const verdict = await parts.enforcement.enforce(governed(exchange, request, { tool: null, arguments: undefined }));
  parts.metrics.decisions.inc({ effect: verdict.decided.effect, code: verdict.decided.code });
  sendJson(
    exchange.response,
    exchange.session.era === 'modern' ? 404 : 200,
    jsonRpcError(request.id, JSON_RPC_CODES.methodNotFound, verdict.decided.reason),
  );
};

const sendRefusal = (response: ServerResponse, id: RequestId, { status, code, message, data }: ModernRefusal): void =>
  sendJson(response, status, { jsonrpc: '2.0', id, error: { code, message, ...(data === undefined ? {} : { data }) } });

/**
 * A modern request whose body and headers don't say one thing, or not all of it: malformed, and on record as that. A
 * revision that is not spoken is only told.
 */
export const refuseModern = async (
  parts: GatewayParts,
  exchange: Exchange,
  request: Request,
  refusal: ModernRefusal,
): Promise<void> => {
  if (refusal.code !== MODERN_CODES.unsupportedVersion) {
    await parts.enforcement.refuseUnread(
      governed(exchange, request, { tool: null, arguments: undefined }),
      'malformed',
      refusal.message,
    );
    parts.metrics.decisions.inc({ effect: 'deny', code: 'malformed' });
  }
  sendRefusal(exchange.response, request.id, refusal);
};
