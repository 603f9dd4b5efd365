import { jsonRpcError, sendJson } from '../../mcp/protocol/answers.js';
import { offered, withTasks } from '../../mcp/protocol/capabilities.js';
import { PUBLISHED_REVISIONS } from '../../mcp/protocol/era.js';
import type { Request } from '../../mcp/protocol/read-message.js';
import { collectAnswer, isUpstreamFailure, messageIn } from '../relay/collect-answer.js';
import { failureResponse } from '../relay/relayed.js';
import { upstreamPost } from '../relay/upstream-post.js';
import type { Exchange, RelayParts } from '../relay/exchange.js';
import { cacheable } from './list-items.js';
import { OWN_CODES } from '../../mcp/protocol/codes.js';

const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/**
 * server/discover: what the upstream says of itself, with the revisions that are spoken here and without what is not
 * offered here. An upstream that does not answer it as one of this era is told as a server of the other era would say
 * it, so that clients of both fall back to initialize.
 */
export const discover = async (parts: RelayParts, exchange: Exchange, request: Request): Promise<void> => {
  const { response } = exchange;
  const collected = await collectAnswer(parts, upstreamPost(parts, exchange, request), {
    maxBytes: MAX_ANSWER_BYTES,
    id: request.id,
    until: response,
  });
  if (isUpstreamFailure(collected)) return sendJson(response, 200, failureResponse(request.id, collected));
  const answer = messageIn(collected, request.id);
  const result = answer['result'];
  if (typeof result === 'object' && result !== null && 'supportedVersions' in result && 'capabilities' in result) {
    const capabilities = offered(result.capabilities);
    return sendJson(response, 200, {
      ...answer,
      result: cacheable({
        ...result,
        supportedVersions: PUBLISHED_REVISIONS,
        capabilities: exchange.who.policy?.compiled.holds ? withTasks(capabilities) : capabilities,
      }),
    });
  }
  if (collected.status === 200 && 'error' in answer) return sendJson(response, 200, answer);
  return sendJson(
    response,
    400,
    jsonRpcError(request.id, OWN_CODES.upstreamError, 'the MCP server does not answer server/discover; initialize'),
  );
};
