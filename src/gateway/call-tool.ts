import type { GovernedCall } from '../enforcement/call.js';
import { clip } from '../platform/clip.js';
import { jsonRpcError, sendJson } from '../mcp/answers.js';
import { deniedResult } from './denied.js';
import type { GatewayParts, InSession } from './exchange.js';
import { forwardAllowed } from './forward-allowed.js';
import { toolCallParams, type Request } from '../mcp/read-message.js';
import { resumeHeld } from './held-call.js';

/** Ids and methods are the client's to choose, up to a whole body: a record keeps the beginning. */
const KEPT = 256;

const clientOf = ({ clientName: name, clientVersion: version }: InSession['session']): GovernedCall['client'] => {
  if (name === undefined) return null;
  return version === undefined ? { name } : { name, version };
};

/** A request as enforcement sees it. */
export const governed = (exchange: InSession, request: Readonly<{ id: Request['id'] | null; method: string }>, call: Readonly<{ tool: string | null; arguments: unknown }>): GovernedCall => {
  const { session, who } = exchange;
  return {
    who,
    method: clip(request.method, KEPT),
    tool: call.tool,
    arguments: call.arguments,
    requestId: typeof request.id === 'string' ? clip(request.id, KEPT) : request.id,
    sessionId: session.sessionId,
    protocolVersion: session.protocolVersion,
    traceId: exchange.traceId,
    sourceIp: exchange.sourceIp,
    client: clientOf(session),
  };
};

/**
 * The story of a call: decide and record, then forward, then record the outcome. Nothing is sent upstream before `enforce` answered that the decision is on
 * record. A held call may wait for its approval first.
 */
export const callTool = async (parts: GatewayParts, exchange: InSession, request: Request): Promise<void> => {
  const params = toolCallParams(request);
  const { response } = exchange;
  if (!params) {
    await parts.enforcement.refuseUnread(governed(exchange, request, { tool: null, arguments: undefined }), 'malformed', 'tools/call without a usable name or arguments');
    return sendJson(response, 200, jsonRpcError(request.id, -32_602, 'params of tools/call need name, a text of 1 to 256 characters, and arguments, an object'));
  }
  const began = performance.now();
  const call = governed(exchange, request, { tool: params.name, arguments: params.arguments });
  const verdict = await parts.enforcement.enforce(call);
  parts.metrics.enforceSeconds.observe((performance.now() - began) / 1000);
  parts.metrics.decisions.inc({ effect: verdict.decided.effect, code: verdict.decided.code });
  if (verdict.allowed) return forwardAllowed(parts, exchange, { request, verdict, tool: params.name });
  const resumed = await resumeHeld(parts, exchange, { id: request.id, call, verdict });
  if (!resumed) return;
  if (resumed.verdict.allowed) return forwardAllowed(parts, resumed.exchange, { request, verdict: resumed.verdict, tool: params.name });
  return sendJson(response, 200, deniedResult(request.id, resumed.verdict.decided, exchange.session.era));
};
