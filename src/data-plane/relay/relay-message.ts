import { sendStatus } from '../../mcp/protocol/answers.js';
import type { Request } from '../../mcp/protocol/read-message.js';
import { startTimer } from '../../platform/runtime/guard.js';
import type { Exchange, RelayDeps } from './exchange.js';
import { relayUntilOver } from './relay-answer.js';
import { startingSessions } from './starting-sessions.js';
import { upstreamPost } from './upstream-post.js';

/** How long a server may take to begin its answer to a message that asks for none. */
const ANSWER_TIMEOUT_MS = 10_000;
/** How long that answer may take to end, so that its connection can be used again. */
const CLOSE_TIMEOUT_MS = 1000;

/** Forwards a request that no policy decides, such as ping: the client wants to know whether the server answers. */
export const relayRequest = (deps: RelayDeps, exchange: Exchange, request: Request): Promise<void> =>
  relayUntilOver(deps, exchange, upstreamPost(deps, exchange, request), { id: request.id });

/** A response or notification: in the legacy era headers say nothing of it. */
const NO_MIRRORED_HEADERS = { method: '', params: undefined };

const INITIALIZED = 'notifications/initialized';
const FORWARDED_NOTIFICATIONS = new Set([
  INITIALIZED,
  'notifications/cancelled',
  'notifications/progress',
  'notifications/roots/list_changed',
]);

/** A message on its way. `taken`: the server has begun its answer, or there is none. */
type Sent = Readonly<{ taken: Promise<void>; over: Promise<void> }>;

/**
 * Sends a message upstream that asks for no answer. It is over when the server's answer has ended or is given up: its
 * content says nothing, and a server may hold it open.
 */
const sendUpstream = (deps: RelayDeps, exchange: Exchange): Sent => {
  let [take, end] = [(): void => undefined, (): void => undefined];
  const taken = new Promise<void>((resolve) => (take = resolve));
  const over = new Promise<void>((resolve) => (end = resolve));
  const request = { ...upstreamPost(deps, exchange, NO_MIRRORED_HEADERS), silenceMs: ANSWER_TIMEOUT_MS };
  let timer = startTimer('relay_message', ANSWER_TIMEOUT_MS, () => running.abort());
  const stop = (): void => {
    clearTimeout(timer);
    take();
    end();
  };
  // Behind the requests of the session that wait for its beginning: a cancellation does not overtake its request.
  const running = startingSessions.forward(deps.forward, exchange.session.sessionId, request, {
    head: () => {
      take();
      clearTimeout(timer);
      timer = startTimer('relay_message', CLOSE_TIMEOUT_MS, () => running.abort());
    },
    data: () => true,
    end: stop,
    fail: stop,
  });
  return { taken, over };
};

/**
 * Notifications of governed methods, and the client's responses to requests of the server, go upstream; other
 * notifications end here. The client's 202 does not wait for the server, which may never answer: that a session has
 * ended is said to the next request. Resolves when the request to the server is over, so that a flood of messages meets
 * the quota.
 */
export const relayMessage = async (deps: RelayDeps, exchange: Exchange, method: string | undefined): Promise<void> => {
  const { response, session } = exchange;
  if (method !== undefined && !FORWARDED_NOTIFICATIONS.has(method)) return sendStatus(response, 202);
  const { taken, over } = sendUpstream(deps, exchange);
  sendStatus(response, 202);
  if (method === INITIALIZED && session.sessionId !== null) startingSessions.begin(session.sessionId, taken);
  return over;
};
