import { JSON_RPC_CODES, OWN_CODES } from '../../mcp/protocol/codes.js';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { accepts } from '../../mcp/protocol/accept.js';
import { jsonRpcError, refuseHttp, sendJson } from '../../mcp/protocol/answers.js';
import { findMethodRefusal, isModern, traceIdOf } from '../../mcp/protocol/modern-request.js';
import { mustNameTarget } from '../../mcp/protocol/named-request.js';
import { allowOrigin, isForbiddenOrigin } from '../../mcp/protocol/origin.js';
import { discardBody, readBody } from '../../mcp/protocol/read-body.js';
import { readMessage, type FaultyRequest, type Message, type Request } from '../../mcp/protocol/read-message.js';
import { isRevisionOf } from '../../mcp/protocol/era.js';
import { relayMessage, relayRequest } from '../relay/relay-message.js';
import { relayStream } from '../relay/standing-stream.js';
import { bearerTokenOf, ConnectionMemo } from '../sessions/connection-memo.js';
import { endSession } from '../sessions/end-session.js';
import { openUpstreamSession } from '../sessions/open-session.js';
import type { SessionContent } from '../sessions/sealed-session.js';
import { callTool } from './call-tool.js';
import { refusalResult } from './refusal-messages.js';
import { clientAddress } from './client-address.js';
import { matchEndpoint } from './endpoint-url.js';
import type { Authenticated } from '../directory/facts.js';
import type { AuthenticatedRequest, SessionExchange } from '../relay/exchange.js';
import type { EndpointDeps } from './gateway-deps.js';
import { guarded } from './guarded-request.js';
import { isList } from '../lists/list-kinds.js';
import { listItems } from '../lists/list-items.js';
import { recordMalformed } from './record-malformed.js';
import { refuseIfUnavailable, refuseMethod, reasonWhyUnavailable } from './refusals.js';
import { challengeOf, refuseToken, refuseWithoutToken } from './refuse-token.js';
import { serveModern } from './serve-modern.js';
import { relayTaskRequest, isTaskMethod, withServersTaskIds } from './tasks.js';
import { withinQuota } from './within-quota.js';
import { useNamed } from './use-named.js';

/** A message within a session that this gateway opened. */
type OpenedSession = SessionExchange & Readonly<{ session: SessionContent }>;

/** An agent reads this before what is wrong. */
const FAULTY_PARAMS = 'servers could read the arguments in two ways or not at all, so send others';
const ANSWERS = ['application/json', 'text/event-stream'];

/**
 * Requests that use nothing by name and so need no decision; only a grant with a policy may set the level of the
 * server's log.
 */
const isPassedOn = ({ who }: AuthenticatedRequest, { method }: Request): boolean =>
  method === 'ping' || isList(method) || (method === 'logging/setLevel' && who.policy !== undefined);

/**
 * The MCP endpoint, `/mcp/{serverId}`: one HTTP request from the first byte to the handler that answers it. Plain
 * functions on node:http; every way out writes an answer, and an unexpected failure becomes a 500 without detail.
 */
export class McpEndpoint {
  readonly #deps: EndpointDeps;
  readonly #memo: ConnectionMemo;

  constructor(deps: EndpointDeps) {
    this.#deps = deps;
    this.#memo = new ConnectionMemo(deps.directory, deps.openSession);
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    guarded(response, () => this.#serve(request, response));
  }

  #serve(request: IncomingMessage, response: ServerResponse): void | Promise<void> {
    if (isForbiddenOrigin(this.#deps, request))
      return refuseHttp(response, 403, {
        code: OWN_CODES.forbidden,
        message: 'requests from this web origin are not accepted',
      });
    if (allowOrigin(request, response)) return;
    const who = this.#memo.authenticate(request, Date.now());
    if (!who) return this.#refuseUnauthenticated(request, response);
    const exchange = this.#exchangeOf(request, response, who);
    if (!exchange) return;
    switch (request.method) {
      case 'POST':
        return readBody(request, (body) => guarded(response, () => this.#post(exchange, body)));
      case 'GET':
      case 'DELETE':
        return this.#ofSession(exchange);
      default:
        return refuseHttp(response, 405, {
          code: OWN_CODES.forbidden,
          message: 'use POST, GET or DELETE',
          headers: { allow: 'POST, GET, DELETE' },
        });
    }
  }

  /** GET and DELETE are of the legacy era, and there of a session: to the modern era they are no methods. */
  async #ofSession(exchange: AuthenticatedRequest): Promise<void> {
    const { request, response } = exchange;
    const { headers } = request;
    if (headers['mcp-session-id'] === undefined || isRevisionOf('modern', headers['mcp-protocol-version'])) {
      return refuseHttp(response, 405, {
        code: OWN_CODES.forbidden,
        message: 'without a session only POST',
        headers: { allow: 'POST' },
      });
    }
    const session = this.#session(exchange);
    if (!session) return;
    if (request.method === 'DELETE') return endSession(this.#deps, { ...exchange, session });
    if (!accepts(headers.accept, ['text/event-stream']))
      return notAcceptable(response, 'Accept must name text/event-stream');
    const reason = reasonWhyUnavailable(this.#deps, exchange);
    if (reason) return refuseHttp(response, 503, { code: OWN_CODES.unavailable, message: reason });
    this.#memo.forget(request);
    return withinQuota(
      this.#deps,
      this.#deps.quotas.streams,
      { ...exchange, session },
      { quotaRequest: { method: 'GET', id: null }, work: () => relayStream(this.#deps, { ...exchange, session }) },
    );
  }

  async #refuseUnauthenticated({ headers, url }: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#deps.metrics.unauthenticated.inc();
    const token = bearerTokenOf(headers.authorization ?? '');
    const challenge = challengeOf(url, this.#deps);
    if (token === undefined) return refuseWithoutToken(response, challenge);
    return refuseToken(response, await this.#deps.refusedTokens.stateOf(token), challenge);
  }

  /** The request of a grant to its server; undefined when it was refused here. */
  #exchangeOf(
    request: IncomingMessage,
    response: ServerResponse,
    who: Authenticated,
  ): AuthenticatedRequest | undefined {
    const match = matchEndpoint(request.url, who.server.id);
    if (match === 'other' && who.grant.via === 'oauth') {
      refuseToken(response, 'other_audience', challengeOf(request.url, this.#deps));
      return undefined;
    }
    if (match !== 'endpoint') {
      refuseUrl(response, match, `${this.#deps.publicUrl()}/mcp/${who.server.id}`);
      return undefined;
    }
    return {
      request,
      response,
      who,
      sourceIp: clientAddress(request, this.#deps.trustedProxies),
      traceId: traceIdOf(request.headers['traceparent']),
    };
  }

  /** The session that the request names, or undefined when it was refused here. */
  #session({ request, response, who }: AuthenticatedRequest): SessionContent | undefined {
    const sealed = request.headers['mcp-session-id'];
    if (typeof sealed !== 'string') {
      refuseHttp(response, 400, {
        code: JSON_RPC_CODES.invalidRequest,
        message: 'Mcp-Session-Id is missing; initialize first',
      });
      return undefined;
    }
    const session = this.#memo.session(request, sealed, Date.now());
    if (
      !session ||
      session.grantId !== who.grant.id ||
      session.serverId !== who.server.id ||
      this.#deps.directory.isEnded(session.sessionId)
    ) {
      refuseHttp(response, 404, { code: JSON_RPC_CODES.invalidRequest, message: 'no such session; initialize again' });
      return undefined;
    }
    const version = request.headers['mcp-protocol-version'];
    if (version !== undefined && !isRevisionOf('legacy', version)) {
      refuseHttp(response, 400, {
        code: JSON_RPC_CODES.invalidRequest,
        message: 'MCP-Protocol-Version names a revision that is not spoken here',
      });
      return undefined;
    }
    return session;
  }

  /** Not async: a call goes from here to its decision without a turn through the promises. */
  #post(exchange: AuthenticatedRequest, received: Buffer | 'too_large' | 'gone'): void | Promise<void> {
    const { request, response } = exchange;
    if (received === 'gone') return;
    if (!accepts(request.headers.accept, ANSWERS))
      return notAcceptable(response, 'Accept must name application/json and text/event-stream');
    if (received === 'too_large')
      return this.#refuseMalformed(exchange, 413, { code: JSON_RPC_CODES.invalidRequest, message: 'over 4 MiB' });
    const read = readMessage(received);
    if (!read.ok && read.faulty) return this.#refuseFaulty(exchange, read.faulty, `${FAULTY_PARAMS}: ${read.reason}`);
    if (!read.ok) return this.#refuseMalformed(exchange, 400, { code: read.code, message: read.reason });
    const { message, body } = read;
    // Spelled out, as a spread with more keys after it costs a microsecond.
    const { who, sourceIp, traceId } = exchange;
    const readAtMs = performance.now();
    if (isModern(request.headers, message))
      return serveModern(this.#deps, { request, response, who, sourceIp, traceId, body, readAtMs }, message);
    if (message.kind === 'request' && message.method === 'initialize')
      return this.#initialize({ ...exchange, body }, message);
    const session = this.#session(exchange);
    if (!session) return;
    return this.#dispatch({ request, response, who, sourceIp, traceId, body, session, readAtMs }, message);
  }

  async #refuseMalformed(
    exchange: AuthenticatedRequest,
    status: 400 | 413,
    { code, message }: Readonly<{ code: number; message: string }>,
  ): Promise<void> {
    await recordMalformed(this.#deps, exchange, message);
    if (status === 400) return refuseHttp(exchange.response, 400, { code, message });
    refuseHttp(exchange.response, 413, { code, message: 'a message may have at most 4 MiB' });
    return discardBody(exchange.request);
  }

  /** Answers a request whose params can't be read in one way under its id, as one that the policy refuses. */
  async #refuseFaulty(exchange: AuthenticatedRequest, faulty: FaultyRequest, reason: string): Promise<void> {
    const { request, response } = exchange;
    const era = isRevisionOf('modern', request.headers['mcp-protocol-version']) ? 'modern' : 'legacy';
    if (era === 'legacy' && faulty.method !== 'initialize' && !this.#session(exchange)) return;
    const decision = await recordMalformed(this.#deps, exchange, reason, faulty);
    const { id } = faulty;
    // What can be read is judged first, as the revision prescribes: a header that belies it.
    const belied = era === 'modern' ? findMethodRefusal(request.headers, faulty.method) : undefined;
    if (belied) return sendJson(response, belied.status, jsonRpcError(id, belied.code, belied.message));
    sendJson(
      response,
      200,
      faulty.method === 'tools/call'
        ? refusalResult(id, decision, era)
        : jsonRpcError(id, JSON_RPC_CODES.invalidParams, reason),
    );
  }

  async #initialize(exchange: AuthenticatedRequest & Readonly<{ body: Buffer }>, message: Request): Promise<void> {
    if (refuseIfUnavailable(this.#deps, exchange, message.id)) return;
    await withinQuota(this.#deps, this.#deps.quotas.collections, exchange, {
      quotaRequest: message,
      work: () => openUpstreamSession(this.#deps, exchange, message),
    });
  }

  #dispatch(exchange: OpenedSession, message: Message): void | Promise<void> {
    if (message.kind === 'request' && message.method === 'tools/call') return callTool(this.#deps, exchange, message);
    if (message.kind === 'request' && mustNameTarget(message.method)) return useNamed(this.#deps, exchange, message);
    if (message.kind === 'request' && !isPassedOn(exchange, message) && !isTaskMethod('legacy', message.method))
      return refuseMethod(this.#deps, exchange, message);
    if (refuseIfUnavailable(this.#deps, exchange, message.kind === 'request' ? message.id : null)) return;
    const quotaRequest =
      message.kind === 'request'
        ? message
        : { method: message.kind === 'notification' ? message.method : 'response', id: null };
    return withinQuota(this.#deps, this.#deps.quotas.collections, exchange, {
      quotaRequest,
      work: () => this.#ungoverned(exchange, message),
    });
  }

  #ungoverned(exchange: OpenedSession, message: Message): void | Promise<void> {
    if (message.kind === 'request') return this.#passOn(exchange, message);
    const asServerKnows = withServersTaskIds(this.#deps, exchange);
    return message.kind === 'notification'
      ? this.#notify(exchange, asServerKnows, message)
      : relayMessage(this.#deps, asServerKnows, undefined);
  }

  #passOn(exchange: OpenedSession, request: Request): void | Promise<void> {
    if (isList(request.method)) return listItems(this.#deps, exchange, request);
    return isTaskMethod('legacy', request.method)
      ? relayTaskRequest(this.#deps, exchange, request)
      : relayRequest(this.#deps, exchange, request);
  }

  async #notify(
    exchange: OpenedSession,
    asServerKnows: SessionExchange,
    { method, params }: Extract<Message, { kind: 'notification' }>,
  ): Promise<void> {
    const relayed = relayMessage(this.#deps, asServerKnows, method);
    // The notification is on its way, so that the server stops its work too.
    if (method === 'notifications/cancelled')
      this.#deps.running.cancel(exchange.session.sessionId, params?.['requestId']);
    await relayed;
  }
}

const refuseUrl = (response: ServerResponse, match: 'suffixed' | 'other', mcpUrl: string): void =>
  match === 'other'
    ? refuseHttp(response, 403, { code: OWN_CODES.forbidden, message: 'this grant is for another server' })
    : refuseHttp(response, 404, {
        code: OWN_CODES.forbidden,
        message: `use ${mcpUrl}, which speaks Streamable HTTP; nothing is served behind it`,
      });

const notAcceptable = (response: ServerResponse, message: string): void =>
  refuseHttp(response, 406, { code: JSON_RPC_CODES.invalidRequest, message });
