import type { Verdict } from '../enforcement/call.js';
import { sessionHeaders } from '../mcp/headers.js';
import type { Request } from '../mcp/read-message.js';
import { relayAnswer } from '../relay/relay-answer.js';
import type { GatewayParts, InSession } from './exchange.js';

/**
 * Sends an allowed request upstream and its answer to the client, and ends the verdict with the outcome. A client that left meanwhile gets nothing
 * forwarded. What was judged is what is sent: the strict reader let only one reading of these bytes pass.
 */
export const forwardAllowed = (parts: GatewayParts, exchange: InSession, allowed: Readonly<{ id: Request['id']; verdict: Extract<Verdict, { allowed: true }>; tool: string | null }>): void => {
  const { response, who, session } = exchange;
  const { id, verdict, tool } = allowed;
  if (response.destroyed) return verdict.complete({ status: 'not_forwarded', upstreamStatus: null, responseBytes: 0, sent: false });
  const upstream = { server: who.server, grantId: who.grant.id, era: 'legacy', method: 'POST', headers: sessionHeaders(who.server.headers, session), body: exchange.body, silenceMs: parts.upstreamTimeoutMs } as const;
  parts.running.begin(session.sessionId, id, (ended) =>
    relayAnswer(parts, exchange, upstream, {
      id,
      sessionId: session.sessionId,
      tool,
      done: (relayed) => {
        ended();
        parts.metrics.outcomes.inc({ status: relayed.status });
        verdict.complete(relayed);
      },
    }),
  );
};
