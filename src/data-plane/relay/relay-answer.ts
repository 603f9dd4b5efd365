import type { PendingRequest, Sink, UpstreamRequest } from '../../mcp/upstream/forward.js';
import type { RequestId } from '../../mcp/protocol/answers.js';
import { guarded, reportFailure, startTimer } from '../../platform/runtime/guard.js';
import { AnswerRelay } from './answer-relay.js';
import { EventScreen } from './event-screen.js';
import type { Exchange, RelayParts } from './exchange.js';
import { refuseServerRequest } from './refuse-server-request.js';
import type { Relayed } from './relayed.js';

/**
 * What becomes of an answer: it goes `through` what changes it on its way; `done` is called once, when it has ended or
 * was aborted.
 */
export type AnswerOptions = Readonly<{
  id: RequestId;
  tool: string | null;
  transform?: ((sink: Sink) => Sink) | undefined;
  done: (relayed: Relayed) => void;
}>;

const NOT_RUNNING: PendingRequest = { resume: () => undefined, abort: () => undefined };

/** What was begun, or nothing when that threw: the call then ends as any that broke off, with its outcome on record. */
const startOrFail = (relay: AnswerRelay, begin: () => PendingRequest): PendingRequest => {
  try {
    return begin();
  } catch (error) {
    reportFailure('relay', error);
    relay.fail({ kind: 'broken', sent: true, cause: error });
    return NOT_RUNNING;
  }
};

/**
 * Sends a request upstream and its answer to the client. A client of the modern era that leaves cancels it; the answer
 * to one of the legacy era that left is read on, so that its outcome is known, but no longer than the upstream's
 * timeout in all.
 */
export const relayAnswer = (
  parts: RelayParts,
  exchange: Exchange,
  request: UpstreamRequest,
  to: AnswerOptions,
): PendingRequest => {
  const { response, who, session } = exchange;
  let over = false;
  const relay = new AnswerRelay(exchange, to.id, {
    done: (relayed) => {
      over = true;
      to.done(relayed);
    },
    stream: () => {
      if (!response.destroyed)
        parts.streams.add(response, who, { sessionId: session.sessionId, standing: false, tool: to.tool });
      return new EventScreen(
        { caller: session, own: to.id },
        { refused: (asked) => refuseServerRequest(parts, exchange, asked), dropped: parts.eventDropped },
      );
    },
  });
  const running = startOrFail(relay, () => parts.forward(request, to.transform ? to.transform(relay) : relay));
  relay.start(running);
  const left = (): void => {
    if (over) return;
    if (session.era === 'modern') running.abort();
    else startTimer('relay', parts.upstreamTimeoutMs, () => void (!over && relay.expire())).unref();
  };
  response.once('close', guarded('relay', left));
  return running;
};
