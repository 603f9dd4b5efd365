import { sendStatus } from '../../mcp/protocol/answers.js';
import type { Request } from '../../mcp/protocol/read-message.js';
import { startTimer } from '../../platform/runtime/guard.js';
import type { Exchange, RelayParts } from './exchange.js';
import { relayAnswer } from './relay-answer.js';
import { startingSessions } from './starting-sessions.js';
import { upstreamPost } from './upstream-post.js';

/** How long a server may take to begin its answer to a message that asks for none. */
const ANSWER_TIMEOUT_MS = 10_000;
/** How long that answer may take to end, so that its connection can be used again. */
const CLOSE_TIMEOUT_MS = 1000;

/** Forwards a request that no policy decides, such as ping: the client wants to know whether the server answers. */
export const relayRequest = (parts: RelayParts, exchange: Exchange, request: Request): void =>
  void relayAnswer(parts, exchange, upstreamPost(parts, exchange, request), {
    id: request.id,
    tool: null,
    done: () => undefined,
  });

/** A response or notification: in the legacy era headers say nothing of it. */
const NO_MIRRORED_HEADERS = { method: '', params: undefined };

const INITIALIZED = 'notifications/initialized';
const FORWARDED_NOTIFICATIONS = new Set([
  INITIALIZED,
  'notifications/cancelled',
  'notifications/progress',
  'notifications/roots/list_changed',
]);

/**
 * Sends a message upstream that asks for no answer. Resolves when the server's answer has ended or is given up: its
 * content says nothing, and a server may hold it open. `taken` is called when the answer begins, or can't any more.
 */
const sendUpstream = (parts: RelayParts, exchange: Exchange, taken: () => void): Promise<void> =>
  new Promise((resolve) => {
    const over = (): void => {
      clearTimeout(timer);
      taken();
      resolve();
    };
    const request = { ...upstreamPost(parts, exchange, NO_MIRRORED_HEADERS), silenceMs: ANSWER_TIMEOUT_MS };
    let timer = startTimer('relay_message', ANSWER_TIMEOUT_MS, () => running.abort());
    const running = parts.forward(request, {
      head: () => {
        taken();
        clearTimeout(timer);
        timer = startTimer('relay_message', CLOSE_TIMEOUT_MS, () => running.abort());
      },
      data: () => true,
      end: over,
      fail: over,
    });
  });

/**
 * Notifications of governed methods, and the client's responses to requests of the server, go upstream; other
 * notifications end here. The client has its 202 at once, whatever the server answers and when. Resolves when the
 * request to the server is over, so that a flood of messages meets the quota.
 */
export const relayMessage = async (
  parts: RelayParts,
  exchange: Exchange,
  method: string | undefined,
): Promise<void> => {
  sendStatus(exchange.response, 202);
  if (method !== undefined && !FORWARDED_NOTIFICATIONS.has(method)) return;
  const { sessionId } = exchange.session;
  const taken = method === INITIALIZED && sessionId !== null ? startingSessions.begin(sessionId) : () => undefined;
  await sendUpstream(parts, exchange, taken);
};
