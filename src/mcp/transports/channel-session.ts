import { inBackground, reportFailure } from '../../platform/runtime/guard.js';
import { readForeignJson } from '../../platform/json/foreign-json.js';
import { isObject, type Json } from '../../platform/json/json-object.js';
import { membersOf } from '../wire/json-text.js';
import { parsedJson } from '../../platform/json/parsed-json.js';
import { readResponse } from '../protocol/response.js';
import { withRestartMark } from '../protocol/own-marks.js';
import { ChannelResponse, respondWithStatus } from './channel-response.js';
import type { Channel, OpenChannel } from './channel.js';
import { Exchanges, isMessageId, type MessageId } from './exchanges.js';
import { MessageQueue } from './message-queue.js';
import { OwnRequests } from './own-requests.js';
import { restartSession } from './restart-session.js';
import type { SessionState } from './session-state.js';
import { serverMessageText } from '../protocol/response.js';
import { WaitingMessages, type ClientMessage } from './waiting-messages.js';
import type { SessionOwner } from './session-store.js';
import type { PendingRequest, Sink, UpstreamFailure, UpstreamRequest } from '../upstream/forward.js';

/** A JSON-RPC message that the gateway read; here only the members that route it. */
export type RoutedMessage = Readonly<{ id?: MessageId; method?: string; params?: Json }>;

/** What a session tells its host. */
export interface SessionEvents {
  /** The first `initialize` was answered; the client gets the result when this resolves. */
  began(session: ChannelSession): Promise<void>;
  /** The state that a restart needs has changed. */
  changed(session: ChannelSession): void;
  /** The session runs on a new channel. */
  restarted(session: ChannelSession): Promise<void>;
  /** The server is another one than before: the session can't be continued. */
  replaced(session: ChannelSession): void;
  /** The channel closed by itself. */
  closed(session: ChannelSession, failure: UpstreamFailure): void;
  /** The session ended here by `end`. */
  ended(session: ChannelSession): void;
}

/** A longer result is not copied for the mark; the next one gets it. */
const MAX_MARKED_LENGTH = 200_000;

/**
 * One session-era MCP session over one channel, in the terms of Streamable HTTP: a request is answered on its own POST,
 * other messages of the server go to the request they belong to or to the standing GET stream, and wait when there is
 * none. When the channel closes, requests under way fail and the session is over here; `restart` continues it on
 * another channel.
 */
export class ChannelSession {
  readonly owner: SessionOwner;
  readonly state: SessionState;
  /** Whether its client has closed a standing stream. */
  hadStream = false;
  /** Of the first request: its body is not kept. */
  readonly #request: Pick<UpstreamRequest, 'headers' | 'silenceMs'>;
  readonly #events: SessionEvents;
  readonly #channel: Channel;
  readonly #exchanges = new Exchanges();
  readonly #own = new OwnRequests();
  readonly #queue = new MessageQueue();
  readonly #holders = new Set<object>();
  /** Messages that wait until the session is restarted. */
  #waiting: WaitingMessages | undefined;
  #unmarkedRestart = false;
  #lastUsedAt = Date.now();
  #over = false;

  /** `request` is the first one of the session on this channel; the channel is opened with its credential. */
  constructor(
    { owner, state }: Readonly<{ owner: SessionOwner; state: SessionState }>,
    { request, open, events }: Readonly<{ request: UpstreamRequest; open: OpenChannel; events: SessionEvents }>,
  ) {
    this.owner = owner;
    this.state = state;
    this.#request = { headers: request.headers, silenceMs: request.silenceMs };
    this.#events = events;
    this.#channel = open(request, {
      message: (text) => this.#message(text),
      closed: (failure) => this.#closed(failure),
    });
  }

  get grantId(): string {
    return this.owner.grantId;
  }

  get serverId(): string {
    return this.owner.serverId;
  }

  /** The headers that sign in to the server. */
  get headers(): UpstreamRequest['headers'] {
    return this.#request.headers;
  }

  /** When the session was last used; the current time while a request or a stream is open. */
  lastUsedAt(): number {
    return this.#exchanges.isEmpty ? this.#lastUsedAt : Date.now();
  }

  /** Handles one POST of the client. */
  post(message: RoutedMessage, request: UpstreamRequest, sink: Sink): PendingRequest {
    this.#lastUsedAt = Date.now();
    const { id, method } = message;
    if (!isMessageId(id) || method === undefined) {
      this.#send({ id: undefined, request }, method === undefined);
      if (method === 'notifications/initialized') this.state.isReady = true;
      if (method === 'notifications/cancelled') this.#cancelled(message.params?.['requestId']);
      return respondWithStatus(sink, 202);
    }
    if (this.#exchanges.get(id)) return respondWithStatus(sink, 400);
    const headers: Readonly<Record<string, string>> =
      method === 'initialize' ? { 'mcp-session-id': this.owner.id } : {};
    const answer = new ChannelResponse(
      sink,
      this.#responseOwner(() => this.#exchanges.remove(id)),
      { silenceMs: request.silenceMs, headers, onSilence: () => this.#cancel(id, request) },
    );
    this.#exchanges.add(id, { answer, method, params: message.params });
    this.#send({ id, request }, false);
    return answer;
  }

  /** Handles the client's GET. A second stream replaces the first, whose client may have gone without closing it. */
  listen(sink: Sink): PendingRequest {
    this.#lastUsedAt = Date.now();
    this.#exchanges.standing?.end();
    const answer: ChannelResponse = new ChannelResponse(
      sink,
      this.#responseOwner(() => {
        this.hadStream = true;
        if (this.#exchanges.standing === answer) this.#exchanges.standing = undefined;
      }),
      { silenceMs: 0 },
    );
    this.#exchanges.standing = answer;
    answer.open();
    for (const text of this.#queue.take()) answer.event(text);
    return answer;
  }

  /** Begins the session again on this new channel; until that is done, messages of the client wait. */
  restart(): void {
    this.#waiting = new WaitingMessages();
    const restarted = restartSession(this.state, {
      request: (method, params) => this.#own.send(method, params, (body, failed) => this.#post(body, failed)),
      replay: (id, body) => this.#own.expect(id, (failed) => this.#post(body, failed)),
      notify: (body) => this.#post(body),
    }).then(async (outcome) => {
      if (this.#over) return;
      if (outcome === 'replaced') return this.#replaced();
      if (outcome !== 'restarted') return this.#fail({ ...outcome, sent: false });
      await this.#events.restarted(this);
      this.#unmarkedRestart = true;
      this.#flush();
    });
    inBackground('restart_session', restarted, () => this.#fail({ kind: 'broken', sent: false }));
  }

  /** Ends the session here and closes its channel; requests under way fail. */
  end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#channel.close();
    this.#failAll({ kind: 'broken', sent: true });
    this.#events.ended(this);
  }

  #replaced(): void {
    this.#exchanges.refuseAll(404);
    this.#events.replaced(this);
  }

  /** Gives the session up as if its channel had closed. */
  #fail(failure: UpstreamFailure): void {
    if (this.#over) return;
    this.#channel.close();
    this.#closed(failure);
  }

  #closed(failure: UpstreamFailure): void {
    if (this.#over) return;
    this.#over = true;
    this.#failAll(this.#waiting ? { ...failure, sent: false } : failure);
    this.#events.closed(this, failure);
  }

  #failAll(failure: UpstreamFailure): void {
    this.#own.failAll(failure);
    this.#exchanges.failAll(failure);
  }

  #responseOwner(left: () => void): ConstructorParameters<typeof ChannelResponse>[1] {
    return {
      left: (answer) => {
        this.#lastUsedAt = Date.now();
        left();
        this.#hold(answer, false);
      },
      paused: (answer, paused) => this.#hold(answer, paused),
    };
  }

  /** Stops reading from the server while any response of this session is paused. */
  #hold(answer: object, held: boolean): void {
    const before = this.#holders.size > 0;
    if (held) this.#holders.add(answer);
    else this.#holders.delete(answer);
    const now = this.#holders.size > 0;
    if (now !== before && !this.#over) this.#channel[now ? 'pause' : 'resume']();
  }

  #post(body: Buffer, failed: (failure: UpstreamFailure) => void = () => undefined): void {
    this.#channel.send(body, this.#request, failed);
  }

  /** Sends a message of the client; `atOnce` also during a restart, as the server may wait for it. */
  #send(message: ClientMessage, atOnce: boolean): void {
    const { id, request } = message;
    if (this.#over) return this.#failed(id, { kind: 'broken', sent: false });
    if (!this.#waiting || atOnce)
      return this.#channel.send(request.body ?? Buffer.alloc(0), request, (failure) => this.#failed(id, failure));
    if (!this.#waiting.add(message)) this.#failed(id, { kind: 'unreachable', sent: false });
  }

  #failed(id: MessageId | undefined, failure: UpstreamFailure): void {
    if (id !== undefined) this.#exchanges.get(id)?.answer.fail(failure);
  }

  /** Sends what waited, except requests whose clients have gone. */
  #flush(): void {
    const waiting = this.#waiting?.messages ?? [];
    this.#waiting = undefined;
    for (const one of waiting) if (one.id === undefined || this.#exchanges.get(one.id)) this.#send(one, true);
  }

  /** A request that timed out is cancelled at the server. */
  #cancel(requestId: MessageId, request: UpstreamRequest): void {
    if (this.#waiting) return;
    const params = { requestId, reason: 'no answer in time' };
    const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params }));
    this.#channel.send(body, request, () => undefined);
  }

  /** A request that its client cancels gets no response, so it ends now. */
  #cancelled(requestId: unknown): void {
    if (isMessageId(requestId)) this.#exchanges.get(requestId)?.answer.fail({ kind: 'aborted', sent: true });
  }

  #message(raw: string): void {
    const text = serverMessageText(raw);
    const read = readForeignJson(text);
    if (!read.ok) return read.flaw === 'not_json' ? undefined : this.#unreadable(text);
    const message = read.value;
    if (!isObject(message)) return;
    if (typeof message['method'] === 'string') return this.#deliver(message, text);
    const { id } = message;
    if (!isMessageId(id) || this.#own.take(id, { message, text })) return;
    this.#respond(id, message, text);
  }

  #respond(id: MessageId, message: Json, text: string): void {
    const exchange = this.#exchanges.get(id);
    if (!exchange) return;
    const { answer, method } = exchange;
    const response = readResponse(message);
    // On Streamable HTTP a server refuses `initialize` in this way; it may be one of the other era.
    if (response?.kind !== 'result') return answer.result(text, method === 'initialize' ? 400 : 200);
    if (this.state.learn(exchange, response.result, text)) this.#events.changed(this);
    if (method !== 'initialize') return answer.result(this.#marked(text));
    const saved = this.#events.began(this).catch((error: unknown) => reportFailure('save_session', error));
    inBackground(
      'channel_session',
      saved.then(() => answer.result(text)),
    );
  }

  /** The first result after a restart says so. */
  #marked(text: string): string {
    if (!this.#unmarkedRestart || text.length > MAX_MARKED_LENGTH) return text;
    this.#unmarkedRestart = false;
    return withRestartMark(text);
  }

  /** A message that is nested too deep or too large ends the request that it answers; any other is dropped. */
  #unreadable(text: string): void {
    const id = parsedJson(membersOf(text).get('id') ?? '');
    if (!isMessageId(id)) return;
    this.#own.take(id, { message: {}, text: '' });
    this.#exchanges.get(id)?.answer.fail({ kind: 'broken', sent: true });
  }

  #deliver(message: Json, text: string): void {
    const stream = this.#exchanges.streamFor(message);
    if (stream) stream.event(text);
    else if (message['method'] === 'ping' && isMessageId(message['id']))
      this.#post(Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: message['id'], result: {} })));
    else this.#queue.add(text);
  }
}
