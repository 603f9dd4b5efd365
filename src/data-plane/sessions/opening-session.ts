import { sendJsonText } from '../../mcp/protocol/answers.js';
import type { UpstreamHeaders } from '../../mcp/upstream/forward.js';
import type { Interim } from '../relay/collect-answer.js';
import type { AuthenticatedRequest } from '../relay/exchange.js';
import { InterimStream } from '../relay/interim-stream.js';
import type { Refusal } from '../relay/upstream-refusal.js';
import { sealSession, type SessionContent } from './sealed-session.js';
import type { SessionDeps } from './session-deps.js';

/** How many bytes of notifications wait; they are a server's to choose, and a client may open many sessions at once. */
const MAX_WAITING_BYTES = 64 * 1024;

type MakeSession = (headers: UpstreamHeaders, version?: string) => SessionContent;

/** The stream of an initialize that is not answered yet, and the session that the client answers requests in. */
type Begun = Readonly<{ stream: InterimStream; session: SessionContent }>;

/**
 * The client's side of an initialize. A server may send requests before it answers, which the client answers in the
 * session: the client then gets the session id, with the revision that it asked for, before the answer. Notifications
 * wait for a request or for the answer.
 */
export class OpeningSession {
  readonly #deps: SessionDeps;
  readonly #exchange: AuthenticatedRequest;
  readonly #makeSession: MakeSession;
  #waiting: Interim[] = [];
  #waitingBytes = 0;
  #begun: Begun | undefined;

  constructor(deps: SessionDeps, exchange: AuthenticatedRequest, makeSession: MakeSession) {
    this.#deps = deps;
    this.#exchange = exchange;
    this.#makeSession = makeSession;
  }

  /** Takes what the server says before its answer. */
  pass(interim: Interim): void {
    if (!this.#begun && !interim.isRequest) return this.#wait(interim);
    this.#begun ??= this.#begin(this.#makeSession(interim.headers));
    this.#flush(this.#begun);
    this.#begun?.stream.pass(interim);
  }

  #wait(interim: Interim): void {
    this.#waitingBytes += interim.event.length;
    // A copy, as the event may be a small piece of a large chunk.
    if (this.#waitingBytes <= MAX_WAITING_BYTES) this.#waiting.push({ ...interim, event: Buffer.from(interim.event) });
  }

  #begin(session: SessionContent): Begun | undefined {
    const sealed = sealSession(this.#deps.sessionKey, session);
    if (sealed === undefined) return undefined;
    const stream = new InterimStream(this.#deps, { ...this.#exchange, session }, { 'mcp-session-id': sealed });
    return { stream, session };
  }

  #flush(begun: Begun | undefined): void {
    for (const interim of begun ? this.#waiting.splice(0) : []) begun?.stream.pass(interim);
  }

  /** Answers with a result of this revision. Returns why that can't be. */
  open(headers: UpstreamHeaders, { text, version }: Readonly<{ text: string; version: string }>): string | undefined {
    const begun = this.#begun?.stream.hasBegun ? this.#begun : undefined;
    if (begun && begun.session.protocolVersion !== version)
      return 'the MCP server sent a request before it named another protocol revision than was asked for';
    const opened = begun ?? this.#begin(this.#makeSession(headers, version));
    if (!opened) return "the client's capabilities are too large";
    this.#flush(opened);
    opened.stream.send(200, text, opened.stream.headers);
    return undefined;
  }

  refuse({ status, text, headers }: Refusal): void {
    if (this.#begun) this.#begun.stream.send(status, text, headers);
    else sendJsonText(this.#exchange.response, status, text, headers);
  }
}
