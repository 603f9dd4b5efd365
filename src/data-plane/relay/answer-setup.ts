import type { RequestId } from '../../mcp/protocol/answers.js';
import type { EventScreen } from './event-screen.js';
import type { Exchange } from './exchange.js';
import type { Relayed } from './relayed.js';
import type { ToolOutcome } from './tool-outcome.js';

/**
 * Makes the screen of an answer that turns out to be an event stream; `answered` is called with the outcome of the
 * response in it.
 */
type MakeScreen = (answered: (outcome: ToolOutcome) => void) => EventScreen;

/** What passing on the answer to one request takes. `done` is called once. */
export type AnswerSetup = Readonly<{
  exchange: Exchange;
  id: RequestId;
  done: (relayed: Relayed) => void;
  makeScreen: MakeScreen;
  timeoutMs: number;
}>;
