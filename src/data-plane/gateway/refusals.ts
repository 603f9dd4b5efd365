import { JSON_RPC_CODES, MODERN_CODES, OWN_CODES } from '../../mcp/protocol/codes.js';
import type { ServerResponse } from 'node:http';
import { reasonWhyDisabled } from '../../policy-engine/disabled.js';
import { jsonRpcError, sendJson, type RequestId } from '../../mcp/protocol/answers.js';
import type { ModernRefusal } from '../../mcp/protocol/modern-request.js';
import type { Request } from '../../mcp/protocol/read-message.js';
import type { AuthenticatedRequest, Exchange } from '../relay/exchange.js';
import type { AvailabilityDeps, DecideDeps } from './gateway-deps.js';
import { reasonWhyNotConnected } from '../enforcement/refusals.js';
import { governedCall } from './governed-call.js';

/** Why no request of this grant may reach an upstream now; undefined when it may. */
export const reasonWhyUnavailable = (deps: AvailabilityDeps, { who }: AuthenticatedRequest): string | undefined =>
  reasonWhyDisabled(who) ??
  reasonWhyNotConnected(who.server) ??
  (deps.directory.ageMs() > deps.maxStalenessMs
    ? 'the gateway has lost touch with its database; try again shortly'
    : undefined);

/** Answers a request that may not reach an upstream now; true when it did. */
export const refuseIfUnavailable = (deps: AvailabilityDeps, exchange: AuthenticatedRequest, id: RequestId): boolean => {
  const reason = reasonWhyUnavailable(deps, exchange);
  if (reason) sendJson(exchange.response, 200, jsonRpcError(id, OWN_CODES.unavailable, reason));
  return reason !== undefined;
};

/** Records and refuses a method that no rule governs; the modern era wants HTTP status 404 too. */
export const refuseMethod = async (deps: DecideDeps, exchange: Exchange, request: Request): Promise<void> => {
  const enforced = await deps.enforcement.enforce(
    governedCall(exchange, request, { tool: null, arguments: undefined }),
  );
  deps.metrics.decisions.inc({ effect: enforced.decision.effect, code: enforced.decision.code });
  sendJson(
    exchange.response,
    exchange.session.era === 'modern' ? 404 : 200,
    jsonRpcError(request.id, JSON_RPC_CODES.methodNotFound, enforced.decision.reason),
  );
};

const sendRefusal = (response: ServerResponse, id: RequestId, { status, code, message, data }: ModernRefusal): void =>
  sendJson(response, status, { jsonrpc: '2.0', id, error: { code, message, ...(data === undefined ? {} : { data }) } });

/**
 * Refuses a modern request whose headers and body disagree or say too little, and records it as malformed. A revision
 * that is not spoken here is not recorded.
 */
export const refuseModern = async (
  deps: DecideDeps,
  exchange: Exchange,
  request: Request,
  refusal: ModernRefusal,
): Promise<void> => {
  if (refusal.code !== MODERN_CODES.unsupportedVersion) {
    await deps.enforcement.refuseUnread(
      governedCall(exchange, request, { tool: null, arguments: undefined }),
      'malformed',
      refusal.message,
    );
    deps.metrics.decisions.inc({ effect: 'deny', code: 'malformed' });
  }
  sendRefusal(exchange.response, request.id, refusal);
};
