import { inBackground } from '../../../platform/runtime/guard.js';
import { isObject, parseObject, type Json } from '../../../platform/json/json-object.js';
import { respondWithStatus } from '../../transports/channel-response.js';
import type { Forward, PendingRequest, Sink, UpstreamRequest } from '../../upstream/forward.js';
import { errorMessage } from '../errors.js';
import type { Heartbeat } from '../heartbeat.js';
import { membersOf } from '../../wire/json-text.js';
import { LegacyClientCall, type LegacyRequest } from './call.js';
import { LegacyEventStream } from './event-stream.js';
import { newSession, decodeSession, type LegacySession } from './session-id.js';
import { LiveSessions } from './live-sessions.js';
import { ModernServerCache, type HandshakeResult } from './modern-server-cache.js';
import { PendingClientRequests } from './pending-client-requests.js';
import { isEraRefusal, MISDIRECTED, PerServerCache, targetOf } from '../upstream-target.js';
import { isLogLevel } from '../../protocol/log-levels.js';
import { JSON_RPC_CODES, OWN_CODES } from '../../protocol/codes.js';

const TOO_MANY_REQUESTS = 429;
const TOO_MANY_SESSIONS = 'too many sessions of this organization are in use';
const TOO_MANY_SUBSCRIPTIONS = 'there are too many subscriptions in this session or organization';

const NOT_RUNNING: PendingRequest = { resume: () => undefined, abort: () => undefined };

const answerJson = (sink: Sink, text: string, headers: Readonly<Record<string, string>> = {}): PendingRequest => {
  sink.head(200, { 'content-type': 'application/json', ...headers });
  sink.data(Buffer.from(text));
  sink.end();
  return NOT_RUNNING;
};

const resultMessage = (id: string, result: unknown): string =>
  `{"jsonrpc":"2.0","id":${id},"result":${JSON.stringify(result)}}`;

/** A message of the client; `id` is JSON text, `method` is undefined for a response. */
type ParsedMessage = Readonly<{ id: string | undefined; method: string | undefined; params: Json; body: string }>;

const readMessage = (body: string): ParsedMessage => {
  const message = parseObject(body);
  const method = message?.['method'];
  return {
    id: membersOf(body).get('id'),
    method: typeof method === 'string' ? method : undefined,
    params: isObject(message?.['params']) ? message['params'] : {},
    body,
  };
};

/** A request with its session. */
type SessionRequest = Readonly<{
  request: UpstreamRequest;
  session: LegacySession;
  message: LegacyRequest;
  sink: Sink;
}>;

/**
 * Serves legacy clients from a modern server: with sessions, server requests during a call, a GET stream and
 * subscriptions. Any node serves any request of a session, as the session's id holds its state, except for what
 * LiveSessions and PendingClientRequests hold.
 */
export class LegacyClientAdapter {
  readonly #forward: Forward;
  readonly #heartbeat: Heartbeat;
  readonly #servers = new PerServerCache((reach) => new ModernServerCache(reach));
  readonly #live = new LiveSessions();
  readonly #pendingRequests = new PendingClientRequests();
  readonly #calls = new Map<string, LegacyClientCall>();

  /** `forward` sends requests unchanged in their own era. */
  constructor(forward: Forward, heartbeat: Heartbeat) {
    this.#forward = forward;
    this.#heartbeat = heartbeat;
  }

  readonly forward: Forward = (request, sink) => {
    const read = readMessage(request.body?.toString('utf8') ?? '');
    if (request.method === 'POST' && read.method === 'initialize' && read.id !== undefined)
      return this.#initialize(request, { id: read.id, params: read.params }, sink);
    const header = request.headers['mcp-session-id'];
    const session = header === undefined ? undefined : decodeSession(header);
    if (!session) return respondWithStatus(sink, header === undefined ? 400 : 404);
    switch (request.method) {
      case 'DELETE':
        this.#live.end(session.id);
        return respondWithStatus(sink, 204);
      case 'GET':
        return this.#listen(request, session, sink);
      case 'POST':
        return this.#post({ request, session, sink }, read);
    }
  };

  #post(
    { request, session, sink }: Omit<SessionRequest, 'message'>,
    { id, method, params, body }: ParsedMessage,
  ): PendingRequest {
    if (method === undefined) return this.#response(session, { id, body }, sink);
    if (id === undefined) return this.#notification(session, method, { params, sink });
    return this.#request({ request, session, message: { id, method, params, body }, sink });
  }

  #initialize(
    request: UpstreamRequest,
    { id, params }: Pick<LegacyRequest, 'id' | 'params'>,
    sink: Sink,
  ): PendingRequest {
    const facts = this.#servers.of(targetOf(this.#forward, request));
    let over = false;
    const answered = facts.handshake().then((introduced) => {
      if (!over) answerInitialize(introduced, { id, params }, sink);
      over = true;
    });
    inBackground('initialize', answered, (cause) => {
      over = true;
      sink.fail({ kind: 'broken', sent: true, cause });
    });
    return {
      resume: () => undefined,
      abort: () => {
        if (!over) sink.fail({ kind: 'aborted', sent: true });
        over = true;
      },
    };
  }

  #listen(request: UpstreamRequest, session: LegacySession, sink: Sink): PendingRequest {
    const live = this.#live.of(session.id, request);
    if (!live) return respondWithStatus(sink, TOO_MANY_REQUESTS);
    const facts = this.#servers.of(targetOf(this.#forward, request));
    const parts = { forward: this.#forward, heartbeat: this.#heartbeat, session, subscriptions: live.subscriptions };
    // A second stream replaces the first, whose client may have gone without closing it.
    live.listen?.close();
    const listen: LegacyEventStream = new LegacyEventStream(parts, request, {
      capabilities: () => capabilitiesOf(facts),
      sink,
      left: () => live.listen === listen && (live.listen = undefined),
    });
    live.listen = listen;
    inBackground('legacy_listen', listen.start(), () => listen.abort());
    return listen;
  }

  /** A client's response to a request; one for another node is 404, so that the client initializes again. */
  #response(session: LegacySession, { id, body }: Pick<ParsedMessage, 'id' | 'body'>, sink: Sink): PendingRequest {
    return respondWithStatus(sink, this.#pendingRequests.answer(session.id, id, body) === 'elsewhere' ? 404 : 202);
  }

  /**
   * A modern server takes no notifications; a cancelled request is aborted, which closes its connection.
   */
  #notification(
    session: LegacySession,
    method: string,
    { params, sink }: Readonly<{ params: Json; sink: Sink }>,
  ): PendingRequest {
    if (method === 'notifications/cancelled')
      this.#calls.get(callKey(session, JSON.stringify(params['requestId'])))?.abort();
    return respondWithStatus(sink, 202);
  }

  #request(given: SessionRequest): PendingRequest {
    const { message, sink } = given;
    switch (message.method) {
      case 'ping':
        return answerJson(sink, resultMessage(message.id, {}));
      case 'logging/setLevel':
        return this.#setLevel(given);
      case 'resources/subscribe':
      case 'resources/unsubscribe':
        return this.#subscribe(given, message.method === 'resources/subscribe');
      case 'tasks/get':
      case 'tasks/result':
      case 'tasks/list':
      case 'tasks/cancel':
        return answerJson(
          sink,
          errorMessage(
            message.id,
            JSON_RPC_CODES.methodNotFound,
            'the MCP server does not support tasks of the legacy era',
          ),
        );
      default:
        return this.#call(given);
    }
  }

  #setLevel({ request, session, message, sink }: SessionRequest): PendingRequest {
    const level = message.params['level'];
    if (!isLogLevel(level))
      return answerJson(sink, errorMessage(message.id, JSON_RPC_CODES.invalidParams, 'not a log level'));
    const live = this.#live.of(session.id, request);
    if (!live) return answerJson(sink, errorMessage(message.id, OWN_CODES.unavailable, TOO_MANY_SESSIONS));
    live.logLevel = level;
    return answerJson(sink, resultMessage(message.id, {}));
  }

  #subscribe({ request, session, message, sink }: SessionRequest, wanted: boolean): PendingRequest {
    const { uri } = message.params;
    if (typeof uri !== 'string')
      return answerJson(sink, errorMessage(message.id, JSON_RPC_CODES.invalidParams, 'uri is missing'));
    const live = this.#live.of(session.id, request);
    if (!live) return answerJson(sink, errorMessage(message.id, OWN_CODES.unavailable, TOO_MANY_SESSIONS));
    const facts = this.#servers.of(targetOf(this.#forward, request));
    const answered = capabilitiesOf(facts).then(async ({ resources }) => {
      if (!isObject(resources) || resources['subscribe'] !== true)
        return answerJson(
          sink,
          errorMessage(message.id, JSON_RPC_CODES.methodNotFound, 'the MCP server has no resource subscriptions'),
        );
      if (!wanted) this.#live.unsubscribe(session.id, uri);
      else if (!this.#live.subscribe(session.id, uri))
        return answerJson(sink, errorMessage(message.id, JSON_RPC_CODES.invalidParams, TOO_MANY_SUBSCRIPTIONS));
      await live.listen?.subscriptionsChanged();
      return answerJson(sink, resultMessage(message.id, {}));
    });
    inBackground('subscribe', answered, (cause) => sink.fail({ kind: 'broken', sent: true, cause }));
    return NOT_RUNNING;
  }

  #call({ request, session, message, sink }: SessionRequest): PendingRequest {
    const key = callKey(session, message.id);
    if (this.#calls.has(key)) return respondWithStatus(sink, 400);
    const parts = {
      forward: this.#forward,
      questions: this.#pendingRequests,
      heartbeat: this.#heartbeat,
      facts: this.#servers.of(targetOf(this.#forward, request)),
      session,
      logLevel: this.#live.find(session.id)?.logLevel,
    };
    const call = new LegacyClientCall(parts, request, message, { sink, left: () => this.#calls.delete(key) });
    this.#calls.set(key, call);
    call.start();
    return call;
  }
}

const callKey = ({ id }: LegacySession, requestId: string): string => `${id} ${requestId}`;

const capabilitiesOf = async (facts: ModernServerCache): Promise<Json> => {
  const { result } = facts.known ?? (await facts.handshake()).handshake ?? {};
  return isObject(result?.['capabilities']) ? result['capabilities'] : {};
};

const answerInitialize = (
  { answer, handshake }: HandshakeResult,
  { id, params }: Pick<LegacyRequest, 'id' | 'params'>,
  sink: Sink,
): void => {
  if (!handshake) {
    if (answer.kind === 'failed')
      return sink.fail(answer.failure.kind === 'too_large' ? { kind: 'broken', sent: true } : answer.failure);
    // A server that does not know the request is not modern.
    return void respondWithStatus(
      sink,
      answer.status < 300 || isEraRefusal(answer.status) ? MISDIRECTED : answer.status,
    );
  }
  const opened = newSession(params);
  if (!opened)
    return void answerJson(
      sink,
      errorMessage(id, JSON_RPC_CODES.invalidParams, "the client's capabilities are too large"),
    );
  const { capabilities, instructions } = handshake.result;
  const result = {
    protocolVersion: opened.session.protocolVersion,
    capabilities: isObject(capabilities) ? capabilities : {},
    serverInfo: handshake.serverInfo ?? { name: 'unknown', version: 'unknown' },
    ...(typeof instructions === 'string' ? { instructions } : {}),
  };
  answerJson(sink, resultMessage(id, result), { 'mcp-session-id': opened.id });
};
