import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { answerStatus } from './channel-answer.js';
import { ChannelSession, type Routed } from './channel-session.js';
import type { OpenChannel } from './channel.js';
import type { Forward, Running, Sink, UpstreamRequest } from './forward.js';

const SWEEP_MS = 500;
const IDLE_MS = 30 * 60_000;
const MOST_PER_GRANT = 4;

type Held = Readonly<{ session: ChannelSession; transport: UpstreamRequest['server']['transport'] }>;

/** `stillGood`: whether a grant may still call; a session whose grant may not is ended within half a second. */
export type ChannelRules = Readonly<{ stillGood: (grantId: string) => boolean }>;

/**
 * Servers that speak over a channel, as if each were a Streamable HTTP server of the session era: one channel a session, never shared between grants, ended with the
 * session, after half an hour without use, or when the grant or the server's transport changes. A grant has at most four; a fifth ends the one that was idle
 * longest. Sessions live in this process: any other answers 404, and the client initializes again.
 */
export class ChannelServers {
  readonly #sessions = new Map<string, Held>();
  readonly #open: OpenChannel;
  readonly #rules: ChannelRules;
  readonly #timer: NodeJS.Timeout;

  constructor(open: OpenChannel, rules: ChannelRules) {
    this.#open = open;
    this.#rules = rules;
    this.#timer = setInterval(() => this.#sweep(), SWEEP_MS);
    this.#timer.unref();
  }

  readonly forward: Forward = (request, sink) => {
    const message = request.body === undefined ? {} : (JSON.parse(request.body.toString('utf8')) as Routed);
    if (request.method === 'POST' && message.method === 'initialize' && message.id !== undefined) return this.#initialize(message, request, sink);
    const session = this.#sessionOf(request);
    if (!session) return answerStatus(sink, request.headers['mcp-session-id'] === undefined ? 400 : 404);
    switch (request.method) {
      case 'POST':
        return session.post(message, request, sink);
      case 'GET':
        return session.listen(sink);
      case 'DELETE':
        this.#end(session);
        return answerStatus(sink, 200);
    }
  };

  /** Ends every session and its channel. */
  stop(): void {
    clearInterval(this.#timer);
    for (const { session } of this.#sessions.values()) this.#end(session);
  }

  #initialize(message: Routed, request: UpstreamRequest, sink: Sink): Running {
    const own = [...this.#sessions.values()].filter(({ session }) => session.grantId === request.grantId && session.serverId === request.server.id);
    const oldest = own.toSorted((one, other) => one.session.usedAt() - other.session.usedAt())[0];
    if (oldest && own.length >= MOST_PER_GRANT) this.#end(oldest.session);
    const session = new ChannelSession({ id: randomUUID(), firstId: message.id ?? '' }, request, this.#open);
    this.#sessions.set(session.id, { session, transport: request.server.transport });
    const drop = (): void => this.#end(session);
    return session.post(message, request, {
      // Spelled out: a sink may be an object of a class, whose methods a spread leaves behind.
      head: (status, headers) => sink.head(status, headers),
      data: (chunk) => sink.data(chunk),
      end: () => sink.end(),
      fail: (failure) => {
        drop();
        sink.fail(failure);
      },
    });
  }

  #sessionOf({ headers, grantId, server }: UpstreamRequest): ChannelSession | undefined {
    const held = this.#sessions.get(headers['mcp-session-id'] ?? '');
    if (!held || held.session.grantId !== grantId || held.session.serverId !== server.id) return undefined;
    if (held.transport === server.transport || isDeepStrictEqual(held.transport, server.transport)) return held.session;
    this.#end(held.session);
    return undefined;
  }

  #end(session: ChannelSession): void {
    this.#sessions.delete(session.id);
    session.end();
  }

  #sweep(): void {
    const now = Date.now();
    for (const { session } of this.#sessions.values()) if (!this.#rules.stillGood(session.grantId) || now - session.usedAt() > IDLE_MS) this.#end(session);
  }
}
