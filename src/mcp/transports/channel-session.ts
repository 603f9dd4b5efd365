import { readForeignJson } from '../../platform/json/foreign-json.js';
import { isObject, type Json } from '../../platform/json/json-object.js';
import { membersOf } from '../wire/json-text.js';
import { parsedJson } from '../../platform/json/parsed-json.js';
import { ChannelResponse, respondWithStatus } from './channel-response.js';
import type { OpenChannel } from './channel.js';
import { ReopeningChannel, type OutgoingMessage } from './reopening-channel.js';
import type { PendingRequest, Sink, UpstreamFailure, UpstreamRequest } from '../upstream/forward.js';

type Id = string | number;
/** A JSON-RPC message that the gateway read; here only the members that route it. */
export type RoutedMessage = Readonly<{ id?: Id; method?: string; params?: Json }>;

const MAX_QUEUED_MESSAGES = 64;
const MAX_QUEUED_BYTES = 2 ** 20;
const INITIALIZED = Buffer.from('{"jsonrpc":"2.0","method":"notifications/initialized"}');

/** Messages of a server that belong to the call under way rather than to the standing stream. */
const CALL_NOTIFICATIONS = new Set(['notifications/progress', 'notifications/message', 'notifications/cancelled']);

const isId = (value: unknown): value is Id => typeof value === 'string' || typeof value === 'number';

const progressTokenOf = (params: Json | undefined): unknown =>
  isObject(params?.['_meta']) ? params['_meta']['progressToken'] : undefined;

/**
 * One session-era MCP session over a channel, in the terms of Streamable HTTP: requests are answered on their own POST,
 * whatever else the server says goes to the call it belongs to or to the standing GET stream (the last 64 messages wait
 * for one, 1 MiB at most). When the channel closes by itself, calls under way fail; the next request opens it anew,
 * after a delay that doubles from crash to crash, and repeats the session's own initialize first.
 */
export class ChannelSession {
  readonly id: string;
  readonly grantId: string;
  readonly serverId: string;
  readonly #channel: ReopeningChannel;
  readonly #initializeRequest: UpstreamRequest;
  readonly #initializeId: Id;
  readonly #pending = new Map<Id, Readonly<{ answer: ChannelResponse; progressToken: unknown; begins: boolean }>>();
  #standing: ChannelResponse | undefined;
  /** As bytes: a text may be a part of a longer one, and would keep that. */
  #queued: Buffer[] = [];
  #queuedBytes = 0;
  #lastUsedAt = Date.now();

  /** `first` is the request that holds the initialize with the JSON-RPC id `firstId`. */
  constructor(ids: Readonly<{ id: string; firstId: Id }>, first: UpstreamRequest, open: OpenChannel) {
    this.id = ids.id;
    this.grantId = first.grantId;
    this.serverId = first.server.id;
    this.#initializeId = ids.firstId;
    this.#initializeRequest = first;
    this.#channel = new ReopeningChannel((events) => open(first, events), {
      message: (text) => this.#message(text),
      closed: (failure) => this.#failAll(failure),
    });
  }

  /** When it was last used; now while a call or a stream is open. */
  lastUsedAt(): number {
    return this.#pending.size > 0 || this.#standing ? Date.now() : this.#lastUsedAt;
  }

  /** One POST of the client. */
  post(message: RoutedMessage, request: UpstreamRequest, sink: Sink): PendingRequest {
    this.#lastUsedAt = Date.now();
    if (!isId(message.id) || message.method === undefined) {
      this.#send(request, () => undefined);
      return respondWithStatus(sink, 202);
    }
    const { id } = message;
    if (this.#pending.has(id)) return respondWithStatus(sink, 400);
    const begins = message.method === 'initialize';
    const headers: Readonly<Record<string, string>> = begins ? { 'mcp-session-id': this.id } : {};
    const answer = new ChannelResponse(
      sink,
      this.#owner(() => this.#pending.delete(id)),
      { silenceMs: request.silenceMs, headers, onSilence: () => this.#cancel(id, request) },
    );
    this.#pending.set(id, { answer, progressToken: progressTokenOf(message.params), begins });
    this.#send(
      request,
      (failure) => answer.fail(failure),
      () => this.#pending.has(id),
    );
    return answer;
  }

  /** The client's GET stream. A second one takes the place of the first, whose client may have gone without a word. */
  listen(sink: Sink): PendingRequest {
    this.#lastUsedAt = Date.now();
    this.#standing?.end();
    const answer: ChannelResponse = new ChannelResponse(
      sink,
      this.#owner(() => this.#standing === answer && (this.#standing = undefined)),
      { silenceMs: 0 },
    );
    this.#standing = answer;
    answer.open();
    this.#queuedBytes = 0;
    for (const text of this.#queued.splice(0)) answer.event(text.toString('utf8'));
    return answer;
  }

  /** Ends the session and its channel; calls under way end with it. */
  end(): void {
    this.#channel.end();
    this.#failAll({ kind: 'broken', sent: true });
  }

  #owner(left: () => void): ConstructorParameters<typeof ChannelResponse>[1] {
    return {
      left: (answer) => {
        left();
        this.#channel.hold(answer, false);
      },
      paused: (answer, paused) => this.#channel.hold(answer, paused),
    };
  }

  /**
   * Sends a request's message; on a new channel, which is not the first, after the initialize that began the session.
   */
  #send(request: UpstreamRequest, failed: (failure: UpstreamFailure) => void, wanted = (): boolean => true): void {
    const sending = { body: request.body ?? Buffer.alloc(0), headers: request.headers, failed, wanted };
    const again = (): OutgoingMessage => ({
      body: this.#initializeRequest.body ?? Buffer.alloc(0),
      headers: this.#initializeRequest.headers,
      failed: (failure) => this.#channel.fail(failure),
    });
    this.#channel.send(sending, () => (request === this.#initializeRequest ? undefined : again()));
  }

  #replayed(): void {
    this.#channel.ready({ body: INITIALIZED, headers: this.#initializeRequest.headers, failed: () => undefined });
  }

  #failAll(failure: UpstreamFailure): void {
    for (const { answer } of this.#pending.values()) answer.fail(failure);
    this.#standing?.end();
  }

  #cancel(requestId: Id, request: UpstreamRequest): void {
    const cancelled = {
      jsonrpc: '2.0',
      method: 'notifications/cancelled',
      params: { requestId, reason: 'no answer in time' },
    };
    this.#channel.notify(Buffer.from(JSON.stringify(cancelled)), request.headers);
  }

  #message(text: string): void {
    const read = readForeignJson(text);
    if (!read.ok) return read.flaw === 'not_json' ? undefined : this.#unreadable(text);
    const message = read.value;
    if (!isObject(message)) return;
    if (typeof message['method'] === 'string') return this.#deliver(message, text);
    const { id } = message;
    if (!isId(id)) return;
    if (this.#channel.isHandshaking && id === this.#initializeId)
      return 'error' in message ? this.#channel.fail({ kind: 'broken', sent: false }) : this.#replayed();
    const call = this.#pending.get(id);
    // On Streamable HTTP a server refuses to begin in this way; it may be one of the other era.
    call?.answer.result(text, call.begins && 'error' in message ? 400 : 200);
  }

  /** A message that is nested too deep or too large ends the request that it answers; any other is dropped. */
  #unreadable(text: string): void {
    const id = parsedJson(membersOf(text).get('id') ?? '');
    if (this.#channel.isHandshaking && id === this.#initializeId)
      return this.#channel.fail({ kind: 'broken', sent: false });
    if (isId(id)) this.#pending.get(id)?.answer.fail({ kind: 'broken', sent: true });
  }

  #deliver(message: Json, text: string): void {
    const answer = this.#callOf(message) ?? this.#standing;
    if (answer) return answer.event(text);
    this.#queue(Buffer.from(text));
  }

  #queue(message: Buffer): void {
    if (message.length > MAX_QUEUED_BYTES) return;
    this.#queuedBytes += message.length;
    this.#queued.push(message);
    while (this.#queued.length > MAX_QUEUED_MESSAGES || this.#queuedBytes > MAX_QUEUED_BYTES)
      this.#queuedBytes -= this.#queued.shift()?.length ?? 0;
  }

  /**
   * The call that a message belongs to: by its progress token, else the newest one when it is of the kind that calls
   * bring about.
   */
  #callOf(message: Json): ChannelResponse | undefined {
    const params = isObject(message['params']) ? message['params'] : undefined;
    const calls = [...this.#pending.values()];
    const token = params?.['progressToken'];
    const known = token === undefined ? undefined : calls.find((call) => call.progressToken === token);
    const mayBe = 'id' in message || CALL_NOTIFICATIONS.has(String(message['method']));
    return (known ?? (mayBe ? calls.at(-1) : undefined))?.answer;
  }
}
