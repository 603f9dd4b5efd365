import type { GovernedCall } from '../enforcement/call.js';
import { clip } from '../platform/clip.js';
import { upstreamHeaders } from '../mcp/headers.js';
import { jsonRpcError, sendJson } from '../mcp/answers.js';
import { deniedResult } from './denied.js';
import type { GatewayParts, InSession } from './exchange.js';
import { toolCallParams, type Request } from '../mcp/read-message.js';
import { relayAnswer } from '../relay/relay-answer.js';

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
 * record; a client that left meanwhile gets nothing forwarded. What was judged is what is sent: the strict reader let only one reading of these bytes pass.
 */
export const callTool = async (parts: GatewayParts, exchange: InSession, request: Request): Promise<void> => {
  const params = toolCallParams(request);
  const { response, who, session } = exchange;
  if (!params) {
    await parts.enforcement.refuseUnread(governed(exchange, request, { tool: null, arguments: undefined }), 'malformed', 'tools/call without a usable name or arguments');
    return sendJson(response, 200, jsonRpcError(request.id, -32_602, 'params of tools/call need name, a text of 1 to 256 characters, and arguments, an object'));
  }
  const began = performance.now();
  const verdict = await parts.enforcement.enforce(governed(exchange, request, { tool: params.name, arguments: params.arguments }));
  parts.metrics.enforceSeconds.observe((performance.now() - began) / 1000);
  parts.metrics.decisions.inc({ effect: verdict.decided.effect, code: verdict.decided.code });
  if (!verdict.allowed) return sendJson(response, 200, deniedResult(request.id, verdict.decided));
  if (response.destroyed) return verdict.complete({ status: 'not_forwarded', upstreamStatus: null, responseBytes: 0, sent: false });
  const upstream = { server: who.server, grantId: who.grant.id, era: 'legacy', method: 'POST', headers: upstreamHeaders(who.server.headers, session), body: exchange.body, silenceMs: parts.upstreamTimeoutMs } as const;
  parts.running.begin(session.sessionId, request.id, (ended) =>
    relayAnswer(parts, exchange, upstream, {
      id: request.id,
      sessionId: session.sessionId,
      tool: params.name,
      done: (relayed) => {
        ended();
        parts.metrics.outcomes.inc({ status: relayed.status });
        verdict.complete(relayed);
      },
    }),
  );
};
