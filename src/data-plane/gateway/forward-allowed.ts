import type { AllowedCall } from '../enforcement/call.js';
import type { Request } from '../../mcp/protocol/read-message.js';
import { forcePrivateScope } from '../relay/private-scope.js';
import { relayAnswer, type AnswerOptions } from '../relay/relay-answer.js';
import { upstreamPost } from '../relay/upstream-post.js';
import type { Exchange } from '../relay/exchange.js';
import type { ForwardDeps } from './gateway-deps.js';
import { throughNewTask } from './tasks.js';

/** What rewrites the answer on its way to the client; undefined for most. */
const transformFor = (deps: ForwardDeps, exchange: Exchange, request: Request): AnswerOptions['transform'] => {
  if (request.method === 'tools/call') return throughNewTask(deps, exchange, request);
  return exchange.session.era === 'modern' && request.method === 'resources/read' ? forcePrivateScope : undefined;
};

/** `tool` is null where the request uses a resource or a prompt. */
type ToForward = Readonly<{ request: Request; call: AllowedCall; tool: string | null }>;

/**
 * Sends an allowed request upstream and its answer to the client, and completes the call with the outcome. Nothing is
 * forwarded for a client that has left. What was judged is what is sent: the strict reader let only one reading of
 * these bytes pass.
 */
export const forwardAllowed = (deps: ForwardDeps, exchange: Exchange, { request, call, tool }: ToForward): void => {
  const { response, session } = exchange;
  const { id } = request;
  if (response.destroyed)
    return call.complete({ status: 'not_forwarded', upstreamStatus: null, responseBytes: 0, sent: false });
  const upstream = upstreamPost(deps, exchange, request);
  deps.running.begin(session.sessionId, id, ({ ended, left }) =>
    relayAnswer(deps, exchange, upstream, {
      id,
      tool,
      transform: transformFor(deps, exchange, request),
      left,
      done: (relayed) => {
        ended();
        deps.metrics.outcomes.inc({ status: relayed.status });
        call.complete(relayed);
      },
    }),
  );
};
