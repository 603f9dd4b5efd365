import { randomUUID } from 'node:crypto';
import { parseObject } from '../../platform/json/json-object.js';
import { respondWithStatus } from './channel-response.js';
import { ChannelSession, type RoutedMessage } from './channel-session.js';
import type { OpenChannel } from './channel.js';
import { ChannelRegistry, type ChannelRules } from './channel-registry.js';
import {
  decorateSink,
  type Forward,
  type PendingRequest,
  type Sink,
  type UpstreamRequest,
} from '../upstream/forward.js';

const MAX_SESSIONS_PER_GRANT = 4;

const parseRouting = (body: Buffer | undefined): RoutedMessage => (body && parseObject(body.toString('utf8'))) ?? {};

/**
 * Servers that speak over a channel, as if each were a Streamable HTTP server of the session era: one channel a
 * session, never shared between grants, ended with the session, after half an hour without use, or when the grant or
 * the server's transport changes. A grant has at most four; a fifth ends the one that was idle longest. Sessions live
 * in this process: any other answers 404, and the client initializes again.
 */
export class LegacyChannels {
  readonly #sessions: ChannelRegistry<ChannelSession>;
  readonly #open: OpenChannel;

  constructor(open: OpenChannel, rules: ChannelRules) {
    this.#open = open;
    this.#sessions = new ChannelRegistry(rules);
  }

  readonly forward: Forward = (request, sink) => {
    const message = parseRouting(request.body);
    if (request.method === 'POST' && message.method === 'initialize' && message.id !== undefined)
      return this.#initialize(message, request, sink);
    const session = this.#sessions.find(request.headers['mcp-session-id'] ?? '', request);
    if (!session) return respondWithStatus(sink, request.headers['mcp-session-id'] === undefined ? 400 : 404);
    switch (request.method) {
      case 'POST':
        return session.post(message, request, sink);
      case 'GET':
        return session.listen(sink);
      case 'DELETE':
        this.#sessions.end(session.id);
        return respondWithStatus(sink, 200);
    }
  };

  /** Ends every session and its channel. */
  stop(): void {
    this.#sessions.stop();
  }

  #initialize(message: RoutedMessage, request: UpstreamRequest, sink: Sink): PendingRequest {
    const [oldest, ...others] = this.#sessions.keysOf(request);
    if (oldest !== undefined && others.length >= MAX_SESSIONS_PER_GRANT - 1) this.#sessions.end(oldest);
    const session = new ChannelSession({ id: randomUUID(), firstId: message.id ?? '' }, request, this.#open);
    this.#sessions.add(session.id, session, request);
    const drop = (): void => this.#sessions.end(session.id);
    let refused = false;
    const until = decorateSink(sink, {
      head: (status, headers) => {
        refused = status >= 400;
        sink.head(status, headers);
      },
      end: () => {
        if (refused) drop();
        sink.end();
      },
      fail: (failure) => {
        drop();
        sink.fail(failure);
      },
    });
    return session.post(message, request, until);
  }
}
