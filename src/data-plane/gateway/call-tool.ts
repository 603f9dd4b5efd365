import { jsonRpcError, sendJson } from '../../mcp/protocol/answers.js';
import { deniedResult } from './denied.js';
import type { GatewayParts, Exchange } from './exchange.js';
import { forwardAllowed } from './forward-allowed.js';
import { governed } from './governed.js';
import { toolCallParams, type Request } from '../../mcp/protocol/read-message.js';
import { resumeHeld } from './held/held-call.js';
import { JSON_RPC_CODES } from '../../mcp/protocol/codes.js';

/**
 * The story of a call: decide and record, then forward, then record the outcome. Nothing is sent upstream before
 * `enforce` answered that the decision is on record. A held call may wait for its approval first.
 */
export const callTool = async (parts: GatewayParts, exchange: Exchange, request: Request): Promise<void> => {
  const params = toolCallParams(request);
  const { response } = exchange;
  if (!params) {
    await parts.enforcement.refuseUnread(
      governed(exchange, request, { tool: null, arguments: undefined }),
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
  const call = governed(exchange, request, { tool: params.name, arguments: params.arguments });
  const verdict = await parts.enforcement.enforce(call);
  parts.metrics.enforceSeconds.observe((performance.now() - began) / 1000);
  parts.metrics.decisions.inc({ effect: verdict.decided.effect, code: verdict.decided.code });
  if (verdict.allowed) return forwardAllowed(parts, exchange, { request, verdict, tool: params.name });
  const resumed = await resumeHeld(parts, exchange, { request, call, verdict });
  if (!resumed) return;
  if (resumed.verdict.allowed)
    return forwardAllowed(parts, resumed.exchange, { request, verdict: resumed.verdict, tool: params.name });
  return sendJson(response, 200, deniedResult(request.id, resumed.verdict.decided, exchange.session.era));
};
