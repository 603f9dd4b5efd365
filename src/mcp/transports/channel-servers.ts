import { randomUUID } from 'node:crypto';
import { parseObject } from '../wire/json-object.js';
import { answerStatus } from './channel-answer.js';
import { ChannelSession, type Routed } from './channel-session.js';
import type { OpenChannel } from './channel.js';
import { KeptChannels, type ChannelRules } from './kept-channels.js';
import { decorateSink, type Forward, type Running, type Sink, type UpstreamRequest } from '../upstream/forward.js';

const MOST_PER_GRANT = 4;

const routedIn = (body: Buffer | undefined): Routed => (body && parseObject(body.toString('utf8'))) ?? {};

/**
 * Servers that speak over a channel, as if each were a Streamable HTTP server of the session era: one channel a
 * session, never shared between grants, ended with the session, after half an hour without use, or when the grant or
 * the server's transport changes. A grant has at most four; a fifth ends the one that was idle longest. Sessions live
 * in this process: any other answers 404, and the client initializes again.
 */
export class ChannelServers {
  readonly #sessions: KeptChannels<ChannelSession>;
  readonly #open: OpenChannel;

  constructor(open: OpenChannel, rules: ChannelRules) {
    this.#open = open;
    this.#sessions = new KeptChannels(rules);
  }

  readonly forward: Forward = (request, sink) => {
    const message = routedIn(request.body);
    if (request.method === 'POST' && message.method === 'initialize' && message.id !== undefined)
      return this.#initialize(message, request, sink);
    const session = this.#sessions.find(request.headers['mcp-session-id'] ?? '', request);
    if (!session) return answerStatus(sink, request.headers['mcp-session-id'] === undefined ? 400 : 404);
    switch (request.method) {
      case 'POST':
        return session.post(message, request, sink);
      case 'GET':
        return session.listen(sink);
      case 'DELETE':
        this.#sessions.end(session.id);
        return answerStatus(sink, 200);
    }
  };

  /** Ends every session and its channel. */
  stop(): void {
    this.#sessions.stop();
  }

  #initialize(message: Routed, request: UpstreamRequest, sink: Sink): Running {
    const [oldest, ...others] = this.#sessions.of(request);
    if (oldest !== undefined && others.length >= MOST_PER_GRANT - 1) this.#sessions.end(oldest);
    const session = new ChannelSession({ id: randomUUID(), firstId: message.id ?? '' }, request, this.#open);
    this.#sessions.keep(session.id, session, request);
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
