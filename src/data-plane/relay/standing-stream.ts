import { guarded } from '../../platform/runtime/guard.js';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { beginEventStream, refuseHttp } from '../../mcp/protocol/answers.js';
import { headerOf, isEventStream, upstreamHeaders } from '../../mcp/protocol/headers.js';
import type { Authenticated } from '../directory/facts.js';
import type { Caller } from '../../mcp/protocol/caller.js';
import type { Kind } from '../../policy-engine/facts.js';
import type { PendingRequest, Sink, UpstreamHeaders } from '../../mcp/upstream/forward.js';
import { EventScreen } from './event-screen.js';
import type { AuthenticatedRequest, Exchange, RelayParts } from './exchange.js';
import type { StandingHandler } from './live-streams.js';
import { refuseServerRequest } from './refuse-server-request.js';
import { OWN_CODES } from '../../mcp/protocol/codes.js';

/** The GET that opens the stream. */
type StreamRequest = AuthenticatedRequest & Pick<Exchange, 'session'>;

export const LIST_CHANGED: Readonly<Record<Kind, string>> = {
  tool: 'notifications/tools/list_changed',
  resource: 'notifications/resources/list_changed',
  prompt: 'notifications/prompts/list_changed',
};

/**
 * An open stream asks nothing of its request any more, and thousands of idle ones would keep their tokens and session
 * ids.
 */
const forgetHeaders = (request: IncomingMessage): void => {
  request.rawHeaders = [];
  request.headers = {};
};

/**
 * The stream that a client of the legacy era opens by GET: the upstream's, with back-pressure, until either side ends
 * it, and in it what this gateway has to say itself: that a change of grant or policy changed a list. Where the
 * upstream has none, it is ours alone.
 */
class StandingStream implements Sink, StandingHandler {
  readonly #parts: RelayParts;
  readonly #response: ServerResponse;
  readonly #who: Authenticated;
  readonly #session: Caller;
  readonly #screen: EventScreen;
  #request: IncomingMessage | undefined;
  #running: PendingRequest | undefined;
  #isUpstreams = false;
  #unsentOwn = '';

  constructor(parts: RelayParts, { request, response, who, session }: StreamRequest) {
    this.#parts = parts;
    this.#request = request;
    this.#response = response;
    this.#who = who;
    this.#session = session;
    const isResumed = request.headers['last-event-id'] !== undefined;
    this.#screen = new EventScreen(
      { caller: session, isResumed },
      { refused: (asked) => refuseServerRequest(parts, { who, session }, asked), dropped: parts.eventDropped },
    );
  }

  start(running: PendingRequest): void {
    this.#running = running;
    this.#response.once(
      'close',
      guarded('relay', () => running.abort()),
    );
  }

  head(status: number, fields: UpstreamHeaders): void {
    const response = this.#response;
    if (status === 404)
      return refuseHttp(response, 404, {
        code: OWN_CODES.upstreamError,
        message: 'the session has ended; initialize again',
      });
    this.#isUpstreams = status === 200 && isEventStream(headerOf(fields, 'content-type'));
    beginEventStream(response);
    if (this.#request) forgetHeaders(this.#request);
    this.#request = undefined;
    this.#parts.streams.add(
      response,
      this.#who,
      { sessionId: this.#session.sessionId, standing: true, tool: null },
      this,
    );
  }

  data(chunk: Buffer): boolean {
    if (!this.#isUpstreams) return true;
    this.#noticeToolsChanged(chunk);
    const written = this.#write(this.#screen.pass(chunk));
    if (this.#screen.isBroken) this.#breakOff();
    this.#sendOwn('');
    return written;
  }

  listsChanged(kinds: readonly Kind[]): void {
    this.#sendOwn(
      kinds.map((kind) => `data: ${JSON.stringify({ jsonrpc: '2.0', method: LIST_CHANGED[kind] })}\n\n`).join(''),
    );
  }

  keepAlive(): void {
    this.#sendOwn(':\n\n');
  }

  close(): void {
    this.#response.end();
  }

  end(): void {
    const response = this.#response;
    if (this.#isUpstreams || !response.headersSent) response.end();
  }

  fail(): void {
    const response = this.#response;
    if (!response.headersSent)
      refuseHttp(response, 502, {
        code: OWN_CODES.upstreamUnreachable,
        message: 'the MCP server could not be reached',
      });
    else if (this.#isUpstreams) response.end();
  }

  /** Half of an event went to the client, which must not get the rest. */
  #breakOff(): void {
    this.#response.destroy();
    this.#running?.abort();
  }

  /**
   * The upstream says that its tools changed. One that is cut in two between chunks is missed: then the next discovery
   * finds the change.
   */
  #noticeToolsChanged(chunk: Buffer): void {
    const who = this.#who;
    if (chunk.includes(LIST_CHANGED.tool))
      this.#parts.toolsChanged({ organizationId: who.organization.id, serverId: who.server.id });
  }

  /** Our own events go between the upstream's. */
  #sendOwn(events: string): void {
    this.#unsentOwn += events;
    if (this.#unsentOwn === '' || !this.#screen.atBoundary) return;
    const own = Buffer.from(this.#unsentOwn);
    this.#unsentOwn = '';
    this.#write(own);
  }

  #write(bytes: Buffer): boolean {
    const response = this.#response;
    if (bytes.length === 0 || response.destroyed || response.writableEnded || response.write(bytes)) return true;
    response.once(
      'drain',
      guarded('relay', () => this.#running?.resume()),
    );
    return false;
  }
}

/** Serves a client's GET. `Last-Event-ID` goes upstream, where the events are. */
export const relayStream = (parts: RelayParts, exchange: StreamRequest): void => {
  const { who, session, request } = exchange;
  const lastEventId = request.headers['last-event-id'];
  const headers = upstreamHeaders(who.server.headers, session, 'text/event-stream');
  if (typeof lastEventId === 'string') headers['last-event-id'] = lastEventId;
  const stream = new StandingStream(parts, exchange);
  stream.start(
    parts.forward(
      {
        server: who.server,
        grantId: who.grant.id,
        era: 'legacy',
        method: 'GET',
        headers,
        body: undefined,
        silenceMs: 0,
      },
      stream,
    ),
  );
};
