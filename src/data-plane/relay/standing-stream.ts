import { guarded } from '../../platform/runtime/guard.js';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { beginEventStream, refuseHttp, sendJsonText } from '../../mcp/protocol/answers.js';
import { OWN_CODES } from '../../mcp/protocol/codes.js';
import { headerOf, isEventStream, upstreamHeaders } from '../../mcp/protocol/headers.js';
import type { Authenticated } from '../directory/facts.js';
import type { LegacyCaller } from '../../mcp/protocol/caller.js';
import type { Kind } from '../../policy-engine/facts.js';
import type { PendingRequest, Sink, UpstreamHeaders } from '../../mcp/upstream/forward.js';
import { ChunkList } from '../../platform/runtime/chunk-list.js';
import { ClientWriter } from './client-writer.js';
import { EventScreen } from './event-screen.js';
import type { AuthenticatedRequest, RelayDeps, SessionExchange } from './exchange.js';
import type { StandingHandler } from './live-streams.js';
import { refuseServerRequest } from './tell-server.js';
import { UpstreamNotices } from './upstream-notices.js';
import { refusalOf } from './upstream-refusal.js';

/** The GET that opens the stream. */
type StreamRequest = AuthenticatedRequest & Pick<SessionExchange, 'session'>;

export const LIST_CHANGED: Readonly<Record<Kind, string>> = {
  tool: 'notifications/tools/list_changed',
  resource: 'notifications/resources/list_changed',
  prompt: 'notifications/prompts/list_changed',
};

/**
 * An open stream needs nothing of its request any more, and thousands of idle ones would keep their tokens and session
 * ids in memory.
 */
const forgetHeaders = (request: IncomingMessage): void => {
  request.rawHeaders = [];
  request.headers = {};
};

/** By these statuses a server says that it has no standing stream. */
const HAS_NONE: ReadonlySet<number> = new Set([405, 501]);
/** A client would take these to be about its own credential. */
const OF_CREDENTIALS: ReadonlySet<number> = new Set([401, 403, 407]);
const MAX_REFUSAL_BYTES = 64 * 1024;

/** The status under which an upstream's refusal of the stream goes to the client. */
const refusalStatus = (status: number): number => (status >= 400 && !OF_CREDENTIALS.has(status) ? status : 502);

/**
 * The stream that a client of the legacy era opens by GET: the upstream's, with back-pressure, until either side ends
 * it, and between its events Toolgate's own: a change of grant or policy changed a list. Where the upstream has none,
 * the stream is Toolgate's alone. A refusal goes on to the client, which then tries again.
 */
class StandingStream implements Sink, StandingHandler {
  readonly #deps: RelayDeps;
  readonly #response: ServerResponse;
  readonly #who: Authenticated;
  readonly #session: LegacyCaller;
  readonly #screen: EventScreen;
  readonly #upstreamNotices = new UpstreamNotices();
  readonly #writer: ClientWriter;
  #request: IncomingMessage | undefined;
  #running: PendingRequest | undefined;
  #isUpstreams = false;
  #unsentOwn = '';
  #refusal: Readonly<{ status: number; headers: UpstreamHeaders; chunks: ChunkList }> | undefined;

  constructor(deps: RelayDeps, { request, response, who, session }: StreamRequest) {
    this.#deps = deps;
    this.#request = request;
    this.#response = response;
    this.#who = who;
    this.#session = session;
    this.#writer = new ClientWriter(response, () => this.#running?.resume());
    const isResumed = request.headers['last-event-id'] !== undefined;
    this.#screen = new EventScreen(
      { caller: session, isResumed },
      {
        refused: (refused) => refuseServerRequest(deps, { who, session }, refused),
        dropped: deps.eventDropped,
        answered: ({ id, outcome }) =>
          session.sessionId === null ? undefined : deps.running.answeredElsewhere(session.sessionId, id, outcome),
      },
    );
  }

  start(running: PendingRequest): void {
    this.#running = running;
    this.#response.once(
      'close',
      guarded('relay', () => running.abort()),
    );
  }

  head(status: number, headers: UpstreamHeaders): void {
    const isSuccess = status >= 200 && status < 300;
    if (!isSuccess && !HAS_NONE.has(status)) return void (this.#refusal = { status, headers, chunks: new ChunkList() });
    this.#isUpstreams = isSuccess && isEventStream(headerOf(headers, 'content-type'));
    beginEventStream(this.#response);
    if (this.#request) forgetHeaders(this.#request);
    this.#request = undefined;
    this.#deps.streams.add(
      this.#response,
      this.#who,
      { sessionId: this.#session.sessionId, standing: true, tool: null },
      this,
    );
  }

  data(chunk: Buffer): boolean {
    if (this.#refusal) return this.#collect(this.#refusal.chunks, chunk);
    if (!this.#isUpstreams) return true;
    this.#noticeToolsChanged(chunk);
    const written = this.#writer.write(this.#screen.pass(chunk));
    if (this.#screen.isBroken) this.#breakOff();
    this.#sendOwn('');
    return written;
  }

  #collect(chunks: ChunkList, chunk: Buffer): true {
    chunks.push(chunk);
    if (chunks.length > MAX_REFUSAL_BYTES) this.#running?.abort();
    return true;
  }

  #refuse(): void {
    if (!this.#refusal) return;
    const { status, headers, chunks } = this.#refusal;
    const refusal = refusalOf({ status, headers, body: chunks.take() }, { id: null, session: this.#session });
    const sent = refusal.status === 404 ? 404 : refusalStatus(status);
    sendJsonText(this.#response, sent, refusal.text, refusal.headers);
  }

  listsChanged(kinds: readonly Kind[]): void {
    this.#sendOwn(
      kinds.map((kind) => `data: ${JSON.stringify({ jsonrpc: '2.0', method: LIST_CHANGED[kind] })}\n\n`).join(''),
    );
  }

  toolsChanged(): void {
    if (this.#upstreamNotices.isNews()) this.listsChanged(['tool']);
  }

  keepAlive(): void {
    this.#sendOwn(':\n\n');
  }

  close(): void {
    this.#response.end();
  }

  end(): void {
    const response = this.#response;
    if (this.#refusal) return this.#refuse();
    if (this.#isUpstreams || !response.headersSent) response.end();
    return undefined;
  }

  fail(): void {
    const response = this.#response;
    if (this.#refusal) return this.#refuse();
    if (!response.headersSent)
      refuseHttp(response, 502, {
        code: OWN_CODES.upstreamUnreachable,
        message: 'the MCP server could not be reached',
      });
    else if (this.#isUpstreams) response.end();
    return undefined;
  }

  /** The client has half of an event, and must not get the rest. */
  #breakOff(): void {
    this.#response.destroy();
    this.#running?.abort();
  }

  /**
   * Looks for a message of the upstream that its tools changed. One that is cut in two between chunks is missed: the
   * next discovery then finds the change.
   */
  #noticeToolsChanged(chunk: Buffer): void {
    const who = this.#who;
    if (!chunk.includes(LIST_CHANGED.tool)) return;
    this.#upstreamNotices.passed();
    this.#deps.toolsChanged({ organizationId: who.organization.id, serverId: who.server.id });
  }

  /** Sends Toolgate's own events between the upstream's. */
  #sendOwn(events: string): void {
    this.#unsentOwn += events;
    if (this.#unsentOwn === '' || !this.#screen.atBoundary) return;
    const own = Buffer.from(this.#unsentOwn);
    this.#unsentOwn = '';
    this.#writer.write(own);
  }
}

/** Serves a client's GET. `Last-Event-ID` goes upstream, where the events are kept. */
export const relayStream = (deps: RelayDeps, exchange: StreamRequest): void => {
  const { who, session, request } = exchange;
  const lastEventId = request.headers['last-event-id'];
  const headers = upstreamHeaders(who.server.headers, session, 'text/event-stream');
  if (typeof lastEventId === 'string') headers['last-event-id'] = lastEventId;
  const stream = new StandingStream(deps, exchange);
  stream.start(
    deps.forward(
      {
        server: who.server,
        grantId: who.grant.id,
        era: 'legacy',
        method: 'GET',
        headers,
        body: undefined,
        silenceMs: 0,
        cookies: session.cookies,
      },
      stream,
    ),
  );
};
