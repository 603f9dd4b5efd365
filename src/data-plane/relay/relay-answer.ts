import { decorateSink, type PendingRequest, type Sink, type UpstreamRequest } from '../../mcp/upstream/forward.js';
import type { RequestId } from '../../mcp/protocol/answers.js';
import { guarded, reportFailure } from '../../platform/runtime/guard.js';
import { AnswerRelay } from './answer-relay.js';
import { EventScreen } from './event-screen.js';
import type { Exchange, RelayDeps } from './exchange.js';
import { cancelOnChannel, refuseServerRequest } from './tell-server.js';
import type { Relayed } from './relayed.js';
import { startingSessions } from './starting-sessions.js';

/**
 * `transform` decorates the way of the answer to the client. `left` is called when a client of the legacy era leaves
 * that can't resume the answer, with what gives it up. `done` is called once: when the answer has arrived, or has
 * failed or was aborted.
 */
export type AnswerOptions = Readonly<{
  id: RequestId;
  tool: string | null;
  transform?: ((sink: Sink) => Sink) | undefined;
  left?: (giveUp: () => void) => void;
  done: (relayed: Relayed) => void;
}>;

const NOT_RUNNING: PendingRequest = { resume: () => undefined, abort: () => undefined };

/** Starts the request. When that throws, the call ends like any that broke off, with its outcome on record. */
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
 * to one of the legacy era that left is read on for its outcome.
 */
export const relayAnswer = (
  deps: RelayDeps,
  exchange: Exchange,
  request: UpstreamRequest,
  { id, tool, transform, left, done }: AnswerOptions,
): AnswerRelay => {
  const { response, who, session } = exchange;
  const relay = new AnswerRelay({
    exchange,
    id,
    done,
    timeoutMs: deps.upstreamTimeoutMs,
    makeScreen: (answered) => {
      deps.streams.add(response, who, { sessionId: session.sessionId, standing: false, tool });
      return new EventScreen(
        { caller: session, own: id },
        {
          refused: (refused) => refuseServerRequest(deps, exchange, refused),
          dropped: deps.eventDropped,
          answered: ({ outcome }) => answered(outcome),
        },
      );
    },
  });
  relay.start(
    startOrFail(relay, () =>
      startingSessions.forward(deps.forward, session.sessionId, request, transform ? transform(relay) : relay),
    ),
  );
  response.once(
    'close',
    guarded('relay', () => {
      if (relay.left() === 'for good') left?.(() => giveUp(deps, exchange, id, relay));
    }),
  );
  return relay;
};

const giveUp = (deps: RelayDeps, exchange: Exchange, id: RequestId, relay: AnswerRelay): void => {
  cancelOnChannel(deps, exchange, id);
  relay.giveUp();
};

/**
 * The same for a request that no decision is about. Resolves when nothing of it is under way upstream any more, also
 * where its client has left before, so that a quota counts it for so long.
 */
export const relayUntilOver = (
  deps: RelayDeps,
  exchange: Exchange,
  request: UpstreamRequest,
  { id, transform }: Pick<AnswerOptions, 'id' | 'transform'>,
): Promise<void> =>
  new Promise((over) => {
    const untilOver = (relay: Sink): Sink => {
      const sink = transform ? transform(relay) : relay;
      return decorateSink(sink, {
        end: () => {
          over();
          sink.end();
        },
        fail: (failure) => {
          over();
          sink.fail(failure);
        },
      });
    };
    relayAnswer(deps, exchange, request, { id, tool: null, transform: untilOver, done: () => over() });
  });
