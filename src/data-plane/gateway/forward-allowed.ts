import type { Verdict } from '../enforcement/call.js';
import type { Request } from '../../mcp/protocol/read-message.js';
import { forcePrivateScope } from '../relay/private-scope.js';
import { relayAnswer, type AnswerOptions } from '../relay/relay-answer.js';
import { upstreamPost } from '../relay/upstream-post.js';
import type { GatewayParts, Exchange } from './exchange.js';
import { throughNewTask } from './tasks.js';

/** What an answer goes through on its way: few do. */
const throughOf = (parts: GatewayParts, exchange: Exchange, request: Request): AnswerOptions['transform'] => {
  if (request.method === 'tools/call') return throughNewTask(parts, exchange, request);
  return exchange.session.era === 'modern' && request.method === 'resources/read' ? forcePrivateScope : undefined;
};

type Allowed = Readonly<{ request: Request; verdict: Extract<Verdict, { allowed: true }>; tool: string | null }>;

/**
 * Sends an allowed request upstream and its answer to the client, and ends the verdict with the outcome. A client that
 * left meanwhile gets nothing forwarded. What was judged is what is sent: the strict reader let only one reading of
 * these bytes pass.
 */
export const forwardAllowed = (parts: GatewayParts, exchange: Exchange, { request, verdict, tool }: Allowed): void => {
  const { response, session } = exchange;
  const { id } = request;
  if (response.destroyed)
    return verdict.complete({ status: 'not_forwarded', upstreamStatus: null, responseBytes: 0, sent: false });
  const upstream = upstreamPost(parts, exchange, request);
  const through = throughOf(parts, exchange, request);
  parts.running.begin(session.sessionId, id, (ended) =>
    relayAnswer(parts, exchange, upstream, {
      id,
      tool,
      transform: through,
      done: (relayed) => {
        ended();
        parts.metrics.outcomes.inc({ status: relayed.status });
        verdict.complete(relayed);
      },
    }),
  );
};
