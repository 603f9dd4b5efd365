import { JSON_RPC_CODES } from '../../mcp/protocol/codes.js';
import { jsonRpcError, sendJson } from '../../mcp/protocol/answers.js';
import { readNamedTarget } from '../../mcp/protocol/named-request.js';
import type { Request } from '../../mcp/protocol/read-message.js';
import { refusalError } from './refusal-messages.js';
import type { Exchange } from '../relay/exchange.js';
import type { HoldDeps } from './gateway-deps.js';
import { governedCall } from './governed-call.js';
import { forwardAllowed } from './forward-allowed.js';
import { resumeHeld } from './held/held-call.js';

/**
 * A client completes with every key that a person presses, and unsubscribing uses nothing: neither counts in limits.
 */
const UNCOUNTED_METHODS = new Set(['completion/complete', 'resources/unsubscribe']);

/**
 * Serves a request that uses a resource or a prompt: decides, records and forwards it like a `tools/call`. A refusal is
 * a JSON-RPC error, as the results of these methods have no `isError`.
 */
export const useNamed = async (deps: HoldDeps, exchange: Exchange, request: Request): Promise<void> => {
  const { response } = exchange;
  const { id, method } = request;
  const named = readNamedTarget(request);
  if (!named) {
    await deps.enforcement.refuseUnread(
      governedCall(exchange, request, { tool: null, arguments: undefined }),
      'malformed',
      `${method} without a usable name`,
    );
    return sendJson(
      response,
      200,
      jsonRpcError(
        id,
        JSON_RPC_CODES.invalidParams,
        `params of ${method} don't name a resource or a prompt as MCP defines it`,
      ),
    );
  }
  const call = {
    ...governedCall(exchange, request, { tool: named.name, arguments: named.arguments }),
    kind: named.kind,
    uncounted: UNCOUNTED_METHODS.has(method),
  };
  const enforced = await deps.enforcement.enforce(call);
  deps.metrics.decisions.inc({ effect: enforced.decision.effect, code: enforced.decision.code });
  const resumed = enforced.allowed
    ? { exchange, call: enforced }
    : await resumeHeld(deps, exchange, { request, call, refused: enforced });
  if (!resumed) return;
  if (resumed.call.allowed) return forwardAllowed(deps, resumed.exchange, { request, call: resumed.call, tool: null });
  return sendJson(response, 200, refusalError(id, resumed.call.decision));
};
