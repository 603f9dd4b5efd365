import { jsonRpcError, sendJson } from '../../mcp/protocol/answers.js';
import { refusalResult } from './refusal-messages.js';
import type { Exchange } from '../relay/exchange.js';
import type { HoldDeps } from './gateway-deps.js';
import { forwardAllowed } from './forward-allowed.js';
import { governedCall } from './governed-call.js';
import { toolCallParams, type Request } from '../../mcp/protocol/read-message.js';
import { resumeHeld } from './held/held-call.js';
import { JSON_RPC_CODES } from '../../mcp/protocol/codes.js';

/**
 * Serves a `tools/call`: decides and records, forwards, then records the outcome. Nothing goes upstream before the
 * decision is on record. A held call may wait for its approval first.
 */
export const callTool = async (deps: HoldDeps, exchange: Exchange, request: Request): Promise<void> => {
  const params = toolCallParams(request);
  const { response } = exchange;
  if (!params) {
    await deps.enforcement.refuseUnread(
      governedCall(exchange, request, { tool: null, arguments: undefined }),
      'malformed',
      'tools/call without a usable name or arguments',
    );
    return sendJson(
      response,
      200,
      jsonRpcError(
        request.id,
        JSON_RPC_CODES.invalidParams,
        'params of tools/call need name, a text of 1 to 256 characters, and arguments, an object',
      ),
    );
  }
  const began = performance.now();
  const call = governedCall(exchange, request, { tool: params.name, arguments: params.arguments });
  const enforced = await deps.enforcement.enforce(call);
  deps.metrics.enforceSeconds.observe((performance.now() - began) / 1000);
  deps.metrics.decisions.inc({ effect: enforced.decision.effect, code: enforced.decision.code });
  if (enforced.allowed) return forwardAllowed(deps, exchange, { request, call: enforced, tool: params.name });
  const resumed = await resumeHeld(deps, exchange, { request, call, refused: enforced });
  if (!resumed) return;
  if (resumed.call.allowed)
    return forwardAllowed(deps, resumed.exchange, { request, call: resumed.call, tool: params.name });
  return sendJson(response, 200, refusalResult(request.id, resumed.call.decision, exchange.session.era));
};
