import { jsonRpcError, sendJson } from '../../mcp/protocol/answers.js';
import { namedIn } from '../../mcp/protocol/named-request.js';
import type { Request } from '../../mcp/protocol/read-message.js';
import { deniedError } from './denied.js';
import type { GatewayParts, Exchange } from './exchange.js';
import { governed } from './governed.js';
import { forwardAllowed } from './forward-allowed.js';
import { resumeHeld } from './held/held-call.js';
import { JSON_RPC_CODES } from '../../mcp/protocol/codes.js';

/**
 * Asking for completions comes with every key that is pressed, and leaving off is no use of anything: neither takes
 * from a limit.
 */
const UNCOUNTED = new Set(['completion/complete', 'resources/unsubscribe']);

/**
 * A request that uses a resource or a prompt: decided, recorded and forwarded like a call of a tool. A refusal is a
 * JSON-RPC error, as its results have no `isError`.
 */
export const useNamed = async (parts: GatewayParts, exchange: Exchange, request: Request): Promise<void> => {
  const { response } = exchange;
  const { id, method } = request;
  const named = namedIn(request);
  if (!named) {
    await parts.enforcement.refuseUnread(
      governed(exchange, request, { tool: null, arguments: undefined }),
      'malformed',
      `${method} without a usable name`,
    );
    return sendJson(
      response,
      200,
      jsonRpcError(
        id,
        JSON_RPC_CODES.invalidParams,
        `params of ${method} don't name a resource or a prompt in the way that MCP has it`,
      ),
    );
  }
  const call = {
    ...governed(exchange, request, { tool: named.name, arguments: named.arguments }),
    kind: named.kind,
    uncounted: UNCOUNTED.has(method),
  };
  const verdict = await parts.enforcement.enforce(call);
  parts.metrics.decisions.inc({ effect: verdict.decided.effect, code: verdict.decided.code });
  const resumed = verdict.allowed
    ? { exchange, verdict }
    : await resumeHeld(parts, exchange, { request, call, verdict });
  if (!resumed) return;
  if (resumed.verdict.allowed)
    return forwardAllowed(parts, resumed.exchange, { request, verdict: resumed.verdict, tool: null });
  return sendJson(response, 200, deniedError(id, resumed.verdict.decided));
};
