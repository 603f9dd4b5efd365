import { refuseHttp, sendStatus } from '../../mcp/protocol/answers.js';
import type { Request } from '../../mcp/protocol/read-message.js';
import { collectAnswer, isUpstreamFailure } from './collect-answer.js';
import type { Exchange, RelayParts } from './exchange.js';
import { relayAnswer } from './relay-answer.js';
import { upstreamPost } from './upstream-post.js';
import { OWN_CODES } from '../../mcp/protocol/codes.js';

const MAX_ANSWER_BYTES = 64 * 1024;

/** ping: whether the upstream lives is what the client wants to know, so it goes there. */
export const relayRequest = (parts: RelayParts, exchange: Exchange, request: Request): void =>
  void relayAnswer(parts, exchange, upstreamPost(parts, exchange, request), {
    id: request.id,
    tool: null,
    done: () => undefined,
  });

/** A response or notification: in the legacy era headers say nothing of it. */
const NO_MIRRORED_HEADERS = { method: '', params: undefined };

const FORWARDED_NOTIFICATIONS = new Set([
  'notifications/initialized',
  'notifications/cancelled',
  'notifications/progress',
  'notifications/roots/list_changed',
]);

/**
 * Notifications of governed methods, and the client's answers to the server's own requests, go upstream; other
 * notifications end here. Always 202.
 */
export const relayMessage = async (
  parts: RelayParts,
  exchange: Exchange,
  method: string | undefined,
): Promise<void> => {
  const { response } = exchange;
  if (method === undefined || FORWARDED_NOTIFICATIONS.has(method)) {
    const answer = await collectAnswer(parts, upstreamPost(parts, exchange, NO_MIRRORED_HEADERS), {
      maxBytes: MAX_ANSWER_BYTES,
    });
    if (!isUpstreamFailure(answer) && answer.status === 404)
      return refuseHttp(response, 404, {
        code: OWN_CODES.upstreamError,
        message: 'the session has ended; initialize again',
      });
  }
  sendStatus(response, 202);
};
