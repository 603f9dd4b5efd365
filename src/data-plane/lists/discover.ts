import { jsonRpcError, sendJson, sendJsonText } from '../../mcp/protocol/answers.js';
import { offered, withTasks } from '../../mcp/protocol/capabilities.js';
import { OWN_CODES } from '../../mcp/protocol/codes.js';
import { PUBLISHED_REVISIONS } from '../../mcp/protocol/era.js';
import type { Request } from '../../mcp/protocol/read-message.js';
import { readResponse } from '../../mcp/protocol/response.js';
import { editObject, set, editNested, type Edit } from '../../mcp/wire/json-text.js';
import { isObject } from '../../platform/json/json-object.js';
import { collectAnswer, isUpstreamFailure } from '../relay/collect-answer.js';
import type { Exchange, RelayDeps } from '../relay/exchange.js';
import { passableText } from '../relay/passable-message.js';
import { failureResponse } from '../relay/relayed.js';
import { errorUnderId } from '../relay/upstream-refusal.js';
import { upstreamPost } from '../relay/upstream-post.js';
import { CACHE_MEMBERS } from './cacheable.js';

const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

const cacheEdits: Readonly<Record<string, Edit>> = CACHE_MEMBERS;

/**
 * server/discover: what the upstream says of itself, with the revisions that are spoken here and without what is not
 * offered here. When the upstream does not answer it as one of this era, the client is told so as a server of the other
 * era would say it: clients of both then fall back to initialize.
 */
export const discover = async (deps: RelayDeps, exchange: Exchange, request: Request): Promise<void> => {
  const { response, who } = exchange;
  const { id } = request;
  const collected = await collectAnswer(deps, upstreamPost(deps, exchange, request), {
    maxBytes: MAX_ANSWER_BYTES,
    id,
    until: response,
  });
  if (isUpstreamFailure(collected)) return sendJson(response, 200, failureResponse(id, collected));
  const { text, message } = passableText(collected.body);
  const content = readResponse(message);
  if (content?.kind === 'result' && 'supportedVersions' in content.result && isObject(content.result['capabilities'])) {
    const capabilities = offered(content.result['capabilities']);
    const edits = {
      ...cacheEdits,
      supportedVersions: set(PUBLISHED_REVISIONS),
      capabilities: set(who.policy?.compiled.holds ? withTasks(capabilities) : capabilities),
    };
    return sendJsonText(response, 200, editObject(text, { result: editNested(edits) }));
  }
  const error = collected.status === 200 ? errorUnderId(text, id) : undefined;
  if (error !== undefined) return sendJsonText(response, 200, error);
  const reason = 'the MCP server does not answer server/discover; initialize';
  return sendJson(response, 400, jsonRpcError(id, OWN_CODES.upstreamError, reason));
};
