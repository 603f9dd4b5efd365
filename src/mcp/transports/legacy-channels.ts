import { inBackground, startInterval, startTimer } from '../../platform/runtime/guard.js';
import { newId } from '../../platform/crypto/ids.js';
import { parseObject } from '../../platform/json/json-object.js';
import { Backoff } from './backoff.js';
import { refuseWithReason, respondWithStatus } from './channel-response.js';
import { ChannelRegistry, type ChannelRules } from './channel-registry.js';
import { ChannelSession, type RoutedMessage, type SessionEvents } from './channel-session.js';
import type { OpenChannel } from './channel.js';
import { DeferredResponse } from './deferred-response.js';
import type { FindSession } from './open-sessions.js';
import { SessionState } from './session-state.js';
import type { SessionOwner, SessionSnapshot, SessionStore } from './session-store.js';
import {
  decorateSink,
  type Forward,
  type PendingRequest,
  type Sink,
  type UpstreamRequest,
} from '../upstream/forward.js';

/** `store` keeps sessions beyond their channel and this process. */
export type LegacyChannelDeps = ChannelRules & Readonly<{ store: SessionStore }>;

const CHECK_INTERVAL_MS = 5000;
/** A server needs a moment to see that a connection was closed. */
const PLACE_DELAY_MS = 500;
const MAX_BACKOFFS = 10_000;
const NOT_RUNNING: PendingRequest = { resume: () => undefined, abort: () => undefined };

const parseRouting = (body: Buffer | undefined): RoutedMessage => (body && parseObject(body.toString('utf8'))) ?? {};

const ownerOf = (id: string, { server, grantId }: UpstreamRequest): SessionOwner => ({
  id,
  organizationId: server.organizationId,
  grantId,
  serverId: server.id,
});

/**
 * Servers that speak over a channel, as if each were a Streamable HTTP server of the session era: one channel a
 * session, never shared between grants. A session whose channel is gone (its server ended, it was idle, another process
 * ran it) is started again by its next request, unless it was ended or the server's setting forbids it.
 */
export class LegacyChannels {
  readonly #sessions: ChannelRegistry<ChannelSession>;
  readonly #open: OpenChannel;
  readonly #store: SessionStore;
  /** Claims under way, so that requests that come together start a session once. */
  readonly #claims = new Map<string, Promise<ChannelSession | string | undefined>>();
  readonly #backoffs = new Map<string, Backoff>();
  readonly #timer: NodeJS.Timeout;
  #stopped = false;

  constructor(open: OpenChannel, deps: LegacyChannelDeps) {
    this.#open = open;
    this.#store = deps.store;
    this.#sessions = new ChannelRegistry(deps);
    this.#timer = startInterval('channel_sessions', CHECK_INTERVAL_MS, () => this.#endLost());
    this.#timer.unref();
  }

  readonly forward: Forward = (request, sink) => {
    const message = parseRouting(request.body);
    if (request.method === 'POST' && message.method === 'initialize' && message.id !== undefined)
      return this.#initialize(message, request, sink);
    const id = request.headers['mcp-session-id'];
    if (id === undefined) return respondWithStatus(sink, 400);
    if (request.method === 'DELETE') return this.#delete(ownerOf(id, request), request, sink);
    const session = this.#sessions.find(id, request);
    if (session) return use(session, message, request, sink);
    // Nothing but a request needs the server: what else a client sends was meant for the one that is gone.
    if (request.method === 'POST' && (message.id === undefined || message.method === undefined))
      return respondWithStatus(sink, 202);
    return this.#continue(ownerOf(id, request), request, sink);
  };

  /** A session that discovery may use beside its client. */
  readonly findSession: FindSession = (server) => {
    const session = this.#sessions.findAny(server, ({ state }) => state.isReady);
    const handshake = session?.state.handshake;
    if (!session || !handshake) return undefined;
    const { owner, headers } = session;
    return { grantId: owner.grantId, credential: headers, handshake: { ...handshake, session: owner.id } };
  };

  /** Ends a session that its client ended elsewhere. */
  endSession(id: string): void {
    this.#sessions.end(id);
  }

  /** Ends every session here and its channel. */
  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
    this.#sessions.stop();
  }

  #delete(owner: SessionOwner, request: UpstreamRequest, sink: Sink): PendingRequest {
    if (this.#sessions.find(owner.id, request)) this.#sessions.end(owner.id);
    this.#backoffs.delete(owner.id);
    inBackground('delete_session', this.#store.delete(owner));
    return respondWithStatus(sink, 200);
  }

  #initialize(message: RoutedMessage, request: UpstreamRequest, sink: Sink, hasMadeRoom = false): PendingRequest {
    const reason = this.#sessions.reasonWhyFull(request);
    if (reason !== undefined) return refuseWithReason(sink, request, reason);
    const owner = ownerOf(newId('ses'), request);
    const discoveredTools = this.#store.discoveredTools(request.server.id);
    const state = new SessionState({ initialize: request.body?.toString('utf8') ?? '', discoveredTools });
    const session = this.#start(owner, state, request);
    const end = (): void => this.#sessions.end(owner.id);
    let isRefused = false;
    const others = (): number => this.#sessions.countAt(owner.serverId);
    const deferred = new DeferredResponse(sink);
    const until = decorateSink(sink, {
      head: (status, headers) => {
        isRefused = status >= 400;
        sink.head(status, headers);
      },
      end: () => {
        if (isRefused) end();
        sink.end();
      },
      fail: (failure) => {
        end();
        if (request.server.transport.type !== 'sse' || failure.kind !== 'broken' || failure.sent || others() === 0)
          return sink.fail(failure);
        if (hasMadeRoom || !this.#sessions.endIdle(({ one }) => one.serverId === owner.serverId))
          return void refuseWithReason(sink, request, busyServer(others()));
        deferred.detach();
        startTimer('channel_place', PLACE_DELAY_MS, () => {
          if (!deferred.isAborted) deferred.attach(this.#initialize(message, request, sink, true));
        });
      },
    });
    deferred.attach(session.post(message, request, until));
    return deferred;
  }

  /** Continues a session that has no channel here. */
  #continue(owner: SessionOwner, request: UpstreamRequest, sink: Sink): PendingRequest {
    if (request.server.restartSessions === false) return respondWithStatus(sink, 404);
    if (this.#backoffs.get(owner.id)?.mayOpen === false) {
      sink.fail({ kind: 'unreachable', sent: false });
      return NOT_RUNNING;
    }
    const deferred = new DeferredResponse(sink);
    const key = JSON.stringify(owner);
    const claim = this.#claims.get(key) ?? this.#claim(owner, request).finally(() => this.#claims.delete(key));
    this.#claims.set(key, claim);
    const continued = claim.then((session) => {
      if (deferred.isAborted) return undefined;
      if (session === undefined) return respondWithStatus(sink, 404);
      if (typeof session === 'string') return refuseWithReason(sink, request, session);
      return deferred.attach(use(session, parseRouting(request.body), request, sink));
    });
    inBackground('continue_session', continued, (cause) => {
      if (!deferred.isAborted) sink.fail({ kind: 'broken', sent: false, cause });
    });
    return deferred;
  }

  /** The session on a new channel, the reason why it gets none, or undefined when it can't be continued here. */
  async #claim(owner: SessionOwner, request: UpstreamRequest): Promise<ChannelSession | string | undefined> {
    const snapshot: SessionSnapshot | undefined = await this.#store.claim(owner);
    if (!snapshot || this.#stopped) return undefined;
    const reason = this.#sessions.reasonWhyFull(request);
    if (reason !== undefined) {
      await this.#store.release(owner);
      return reason;
    }
    const session = this.#start(owner, new SessionState(snapshot), request);
    session.restart();
    return session;
  }

  #start(owner: SessionOwner, state: SessionState, request: UpstreamRequest): ChannelSession {
    const backoff = this.#backoffs.get(owner.id) ?? new Backoff(request.server.transport.type === 'stdio');
    backoff.opened();
    const events = this.#events(backoff);
    const session = new ChannelSession({ owner, state }, { request, open: this.#open, events });
    return this.#sessions.add(owner.id, session, request);
  }

  #events(backoff: Backoff): SessionEvents {
    const save = async ({ owner, state }: ChannelSession): Promise<void> => {
      if (state.snapshot) state.isSaved = (await this.#store.save(owner, state.snapshot)) || state.isSaved;
    };
    const release = ({ owner, state }: Pick<ChannelSession, 'owner' | 'state'>): void => {
      if (state.isSaved && !this.#stopped) inBackground('release_session', this.#store.release(owner));
    };
    return {
      began: save,
      changed: (session) => inBackground('save_session', save(session)),
      restarted: ({ owner }) => this.#store.recordRestart(owner),
      replaced: ({ owner }) => {
        inBackground('delete_session', this.#store.delete(owner));
        this.#sessions.end(owner.id);
      },
      closed: ({ owner, state }, failure) => {
        backoff.closed(failure);
        if (this.#backoffs.size >= MAX_BACKOFFS) this.#backoffs.clear();
        this.#backoffs.set(owner.id, backoff);
        this.#sessions.end(owner.id);
        release({ owner, state });
      },
      ended: release,
    };
  }

  /** Ends here what another process runs now, and what was ended elsewhere. */
  async #endLost(): Promise<void> {
    const owners = this.#sessions.all().flatMap(({ owner, state }) => (state.isSaved ? [owner] : []));
    if (owners.length === 0) return;
    for (const id of await this.#store.findLost(owners)) this.#sessions.end(id);
  }
}

const use = (session: ChannelSession, message: RoutedMessage, request: UpstreamRequest, sink: Sink): PendingRequest =>
  request.method === 'GET' ? session.listen(sink) : session.post(message, request, sink);

const busyServer = (sessions: number): string =>
  `the MCP server refused another connection while ${sessions === 1 ? 'a session is' : `${sessions} sessions are`} ` +
  'in use there; try again when one has ended';
