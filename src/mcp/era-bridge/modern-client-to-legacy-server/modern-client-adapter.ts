import { inBackground } from '../../../platform/runtime/guard.js';
import { isObject, parseObject, type Json } from '../../../platform/json/json-object.js';
import { META } from '../../protocol/modern.js';
import { errorMessage } from '../errors.js';
import type { Heartbeat } from '../heartbeat.js';
import { membersOf } from '../../wire/json-text.js';
import { targetOf } from '../upstream-target.js';
import { respondWithStatus } from '../../transports/channel-response.js';
import type { Forward, PendingRequest, Sink, UpstreamRequest } from '../../upstream/forward.js';
import { ModernClientCall, TAKES_INPUT } from './call.js';
import type { ClientRequest } from './client-response.js';
import { ModernSubscription } from './subscription.js';
import { ParkedCalls } from './parked-calls.js';
import { discoverResult, resultMessage, type HttpResponse } from './results.js';
import { SessionPool, explainUnopened, type OpenResult } from './session-pool.js';
import { isLogLevel } from '../../protocol/log-levels.js';
import type { UpstreamSession } from './upstream-session.js';
import { JSON_RPC_CODES } from '../../protocol/codes.js';

/** Methods that only legacy servers have; tasks differ between the eras. */
const LEGACY_ONLY_METHODS = /^(initialize|ping|logging\/setLevel|resources\/(un)?subscribe|tasks\/\w+)$/;

const NOT_RUNNING: PendingRequest = { resume: () => undefined, abort: () => undefined };

const respond = (sink: Sink, { text, status }: HttpResponse): PendingRequest => {
  sink.head(status, { 'content-type': 'application/json' });
  sink.data(Buffer.from(text));
  sink.end();
  return NOT_RUNNING;
};

/** `id` is the JSON text of the request's id. */
type ParsedRequest = Readonly<{ id: string; method: string; params: Json; body: string }>;

const clientOf = (params: Json): Readonly<{ info: unknown; capabilities: Json }> => {
  const meta = isObject(params['_meta']) ? params['_meta'] : {};
  const capabilities = meta[META.clientCapabilities];
  return {
    info: meta[META.clientInfo] ?? { name: 'unknown', version: 'unknown' },
    capabilities: isObject(capabilities) ? capabilities : {},
  };
};

const requestOf = ({ id, params, body }: ParsedRequest, silenceMs: number, sink: Sink): ClientRequest => {
  const meta = membersOf(membersOf(membersOf(body).get('params') ?? '').get('_meta') ?? '');
  const level = isObject(params['_meta']) ? params['_meta'][META.logLevel] : undefined;
  return {
    id,
    params,
    progressToken: meta.get('progressToken'),
    logLevel: isLogLevel(level) ? level : undefined,
    silenceMs,
    sink,
  };
};

/**
 * Serves modern clients from a legacy server: without a session of their own, with input requested in results and
 * changes reported on a subscription. Upstream sessions and calls that wait for input live on this node: a retry that
 * reaches another node is refused.
 */
export class ModernClientAdapter {
  readonly #forward: Forward;
  readonly #heartbeat: Heartbeat;
  readonly #pool = new SessionPool();
  readonly #parked = new ParkedCalls<ModernClientCall>();

  /** `forward` sends requests unchanged in their own era. */
  constructor(forward: Forward, heartbeat: Heartbeat) {
    this.#forward = forward;
    this.#heartbeat = heartbeat;
  }

  readonly forward: Forward = (request, sink) => {
    if (request.method !== 'POST') return respondWithStatus(sink, 405);
    const body = request.body?.toString('utf8') ?? '';
    const message = parseObject(body);
    const [id, method] = [membersOf(body).get('id'), message?.['method']];
    if (id === undefined || typeof method !== 'string') return respondWithStatus(sink, 202);
    const read = { id, method, params: isObject(message?.['params']) ? message['params'] : {}, body };
    if (LEGACY_ONLY_METHODS.test(method))
      return respond(sink, {
        text: errorMessage(id, JSON_RPC_CODES.methodNotFound, 'the method is not known'),
        status: 404,
      });
    if (method === 'server/discover')
      return this.#inSession(request, { id, params: read.params, sink }, (session) =>
        respond(sink, { text: resultMessage(id, discoverResult(session.handshake)), status: 200 }),
      );
    return method === 'subscriptions/listen' ? this.#listen(request, read, sink) : this.#call(request, read, sink);
  };

  /** Ends the sessions. */
  stop(): Promise<void> {
    return this.#pool.stop();
  }

  #session(request: UpstreamRequest, params: Json): Promise<OpenResult> {
    return this.#pool.session(targetOf(this.#forward, request), clientOf(params));
  }

  #inSession(
    request: UpstreamRequest,
    { id, params, sink }: Readonly<{ id: string; params: Json; sink: Sink }>,
    use: (session: UpstreamSession) => PendingRequest,
  ): PendingRequest {
    let running: PendingRequest | undefined;
    let over = false;
    const answered = this.#session(request, params).then((opened) => {
      if (over) return;
      if ('session' in opened) running = use(opened.session);
      else {
        over = true;
        const why = explainUnopened(opened, id);
        if ('text' in why) respond(sink, why);
        else sink.fail(why);
      }
    });
    inBackground('modern_session', answered, (cause) => {
      over = true;
      sink.fail({ kind: 'broken', sent: true, cause });
    });
    return {
      resume: () => running?.resume(),
      abort: () => {
        if (running) return running.abort();
        if (!over) sink.fail({ kind: 'aborted', sent: false });
        over = true;
      },
    };
  }

  #listen(request: UpstreamRequest, { id, params }: ParsedRequest, sink: Sink): PendingRequest {
    return this.#inSession(request, { id, params, sink }, (session) => {
      const listen = new ModernSubscription(id, session, { heartbeat: this.#heartbeat, sink });
      inBackground(
        'modern_listen',
        listen.start(isObject(params['notifications']) ? params['notifications'] : {}),
        () => listen.close(),
      );
      return listen;
    });
  }

  #call(request: UpstreamRequest, read: ParsedRequest, sink: Sink): PendingRequest {
    const { id, method, params, body } = read;
    const owner = {
      organizationId: request.server.organizationId,
      grantId: request.grantId,
      serverId: request.server.id,
      method,
      params,
    };
    const client = requestOf(read, request.silenceMs, sink);
    const state = params['requestState'];
    if (state === undefined || !TAKES_INPUT.has(method)) {
      const call = new ModernClientCall({
        session: () => this.#session(request, params),
        parked: this.#parked,
        heartbeat: this.#heartbeat,
        owner,
        body,
      });
      return call.start(client);
    }
    const parked = typeof state === 'string' ? this.#parked.take(state, owner) : undefined;
    if (!parked)
      return respond(sink, {
        text: errorMessage(id, JSON_RPC_CODES.invalidParams, 'requestState is not valid here, or no longer'),
        status: 200,
      });
    return parked.continueWith(client, membersOf(membersOf(body).get('params') ?? '').get('inputResponses') ?? '{}');
  }
}
