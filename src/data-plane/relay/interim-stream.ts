import type { ServerResponse } from 'node:http';
import { beginEventStream, sendJsonText } from '../../mcp/protocol/answers.js';
import { formatSse } from '../../mcp/wire/sse.js';
import type { Interim } from './collect-answer.js';
import { EventScreen } from './event-screen.js';
import type { Exchange, RelayDeps } from './exchange.js';
import { refuseServerRequest } from './tell-server.js';

type Fields = Readonly<Record<string, string>>;

/**
 * The client's side of an answer that is collected before it passes. What the server says meanwhile, such as a request
 * that it waits for an answer to, reaches the client at once: the answer is then the last event of the stream.
 */
export class InterimStream {
  readonly #deps: RelayDeps;
  readonly #exchange: Pick<Exchange, 'who' | 'session' | 'response'>;
  readonly headers: Fields;
  readonly #screen: EventScreen;
  #hasBegun = false;

  /** `headers` are sent with the stream's. */
  constructor(deps: RelayDeps, exchange: Pick<Exchange, 'who' | 'session' | 'response'>, headers: Fields = {}) {
    this.#deps = deps;
    this.#exchange = exchange;
    this.headers = headers;
    this.#screen = new EventScreen(
      { caller: exchange.session },
      {
        refused: (refused) => refuseServerRequest(deps, exchange, refused),
        dropped: deps.eventDropped,
      },
    );
  }

  /** Passes on a request or notification of the server that may reach this client. */
  pass({ event }: Interim): void {
    const bytes = this.#screen.pass(event);
    const { response } = this.#exchange;
    if (bytes.length === 0 || response.destroyed || response.writableEnded) return;
    this.#begin();
    response.write(bytes);
  }

  /** Whether the client has got the head of the stream. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  #begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    const { response, who, session } = this.#exchange;
    beginEventStream(response, this.headers);
    this.#deps.streams.add(response, who, { sessionId: session.sessionId, standing: false, tool: null });
  }

  /** Sends the answer, a JSON text: as the last event where the stream has begun, else with this status and headers. */
  send(status: number, text: string, headers: Fields = {}): void {
    const { response } = this.#exchange;
    if (this.#hasBegun) endWithEvent(response, text);
    else sendJsonText(response, status, text, headers);
  }

  /** Sends the answer as an event in any case. */
  sendEvent(text: string): void {
    const { response } = this.#exchange;
    if (response.destroyed) return;
    if (!this.#hasBegun) beginEventStream(response, this.headers);
    endWithEvent(response, text);
  }
}

const LINE_END = /[\r\n]/;

const endWithEvent = (response: ServerResponse, text: string): void => {
  if (response.destroyed || response.writableEnded) return;
  response.end(LINE_END.test(text) ? formatSse({ data: text }) : `data: ${text}\n\n`);
};
