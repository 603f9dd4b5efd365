import { refuseHttp, sendStatus } from '../../mcp/protocol/answers.js';
import { OWN_CODES } from '../../mcp/protocol/codes.js';
import type { Request } from '../../mcp/protocol/read-message.js';
import { startTimer } from '../../platform/runtime/guard.js';
import { within } from '../../platform/runtime/within.js';
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
const CANCELLED = 'notifications/cancelled';
const FORWARDED_NOTIFICATIONS = new Set([
  INITIALIZED,
  CANCELLED,
  'notifications/progress',
  'notifications/roots/list_changed',
]);

/** How long a client's 202 waits for the server to take a message: long enough for most to say that they did. */
const TAKEN_TIMEOUT_MS = 100;

/** A message on its way. `taken`: the status of the server's answer, undefined when there is none. */
type Sent = Readonly<{ taken: Promise<number | undefined>; over: Promise<void> }>;

/**
 * Sends a message upstream that asks for no answer. It is over when the server's answer has ended or is given up: its
 * content says nothing, and a server may hold it open.
 */
const sendUpstream = (deps: RelayDeps, exchange: Exchange): Sent => {
  let [take, end] = [(_status?: number): void => undefined, (): void => undefined];
  const taken = new Promise<number | undefined>((resolve) => (take = resolve));
  const over = new Promise<void>((resolve) => (end = resolve));
  const request = { ...upstreamPost(deps, exchange, NO_MIRRORED_HEADERS), silenceMs: ANSWER_TIMEOUT_MS };
  let timer = startTimer('relay_message', ANSWER_TIMEOUT_MS, () => running.abort());
  const stop = (): void => {
    clearTimeout(timer);
    take();
    end();
  };
  const running = deps.forward(request, {
    head: (status) => {
      take(status);
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
 * notifications end here. The client's 202 does not depend on the server: it is sent when the server takes the message,
 * or after a tenth of a second, for a cancellation at once. A session that the server says it has ended is 404.
 * Resolves when the request to the server is over, so that a flood of messages meets the quota.
 */
export const relayMessage = async (deps: RelayDeps, exchange: Exchange, method: string | undefined): Promise<void> => {
  const { response, session } = exchange;
  if (method !== undefined && !FORWARDED_NOTIFICATIONS.has(method)) return sendStatus(response, 202);
  const { taken, over } = sendUpstream(deps, exchange);
  if (method === INITIALIZED && session.sessionId !== null) startingSessions.begin(session.sessionId, taken);
  const status = method === CANCELLED ? undefined : await within(taken, TAKEN_TIMEOUT_MS);
  if (status === 404)
    refuseHttp(response, 404, { code: OWN_CODES.upstreamError, message: 'the session has ended; initialize again' });
  else sendStatus(response, 202);
  return over;
};
