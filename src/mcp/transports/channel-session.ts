import { readForeignJson } from '../wire/foreign-json.js';
import { isObject, type Json } from '../wire/json-object.js';
import { membersOf } from '../wire/json-text.js';
import { parsedJson } from '../wire/parsed-json.js';
import { ChannelAnswer, answerStatus } from './channel-answer.js';
import type { OpenChannel } from './channel.js';
import { LastingChannel, type Sending } from './lasting-channel.js';
import type { Running, Sink, UpstreamFailure, UpstreamRequest } from '../upstream/forward.js';

type Id = string | number;
/** A JSON-RPC message that the gateway read; here only the members that route it. */
export type Routed = Readonly<{ id?: Id; method?: string; params?: Json }>;

const MOST_UNSENT = 64;
const MOST_UNSENT_BYTES = 2 ** 20;
const INITIALIZED = Buffer.from('{"jsonrpc":"2.0","method":"notifications/initialized"}');

/** Messages of a server that belong to the call under way rather than to the standing stream. */
const OF_A_CALL = new Set(['notifications/progress', 'notifications/message', 'notifications/cancelled']);

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
  readonly #line: LastingChannel;
  readonly #first: UpstreamRequest;
  readonly #firstId: Id;
  readonly #pending = new Map<Id, Readonly<{ answer: ChannelAnswer; progressToken: unknown; begins: boolean }>>();
  #standing: ChannelAnswer | undefined;
  /** As bytes: a text may be a part of a longer one, and would keep that. */
  #unsent: Buffer[] = [];
  #unsentBytes = 0;
  #usedAt = Date.now();

  /** `first` is the request that holds the initialize with the JSON-RPC id `firstId`. */
  constructor(ids: Readonly<{ id: string; firstId: Id }>, first: UpstreamRequest, open: OpenChannel) {
    this.id = ids.id;
    this.grantId = first.grantId;
    this.serverId = first.server.id;
    this.#firstId = ids.firstId;
    this.#first = first;
    this.#line = new LastingChannel((events) => open(first, events), {
      message: (text) => this.#message(text),
      closed: (failure) => this.#failAll(failure),
    });
  }

  /** When it was last used; now while a call or a stream is open. */
  usedAt(): number {
    return this.#pending.size > 0 || this.#standing ? Date.now() : this.#usedAt;
  }

  /** One POST of the client. */
  post(message: Routed, request: UpstreamRequest, sink: Sink): Running {
    this.#usedAt = Date.now();
    if (!isId(message.id) || message.method === undefined) {
      this.#send(request, () => undefined);
      return answerStatus(sink, 202);
    }
    const { id } = message;
    if (this.#pending.has(id)) return answerStatus(sink, 400);
    const begins = message.method === 'initialize';
    const headers: Readonly<Record<string, string>> = begins ? { 'mcp-session-id': this.id } : {};
    const answer = new ChannelAnswer(
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
  listen(sink: Sink): Running {
    this.#usedAt = Date.now();
    this.#standing?.end();
    const answer: ChannelAnswer = new ChannelAnswer(
      sink,
      this.#owner(() => this.#standing === answer && (this.#standing = undefined)),
      { silenceMs: 0 },
    );
    this.#standing = answer;
    answer.open();
    this.#unsentBytes = 0;
    for (const text of this.#unsent.splice(0)) answer.event(text.toString('utf8'));
    return answer;
  }

  /** Ends the session and its channel; calls under way end with it. */
  end(): void {
    this.#line.end();
    this.#failAll({ kind: 'broken', sent: true });
  }

  #owner(left: () => void): ConstructorParameters<typeof ChannelAnswer>[1] {
    return {
      left: (answer) => {
        left();
        this.#line.hold(answer, false);
      },
      paused: (answer, paused) => this.#line.hold(answer, paused),
    };
  }

  /**
   * Sends a request's message; on a new channel, which is not the first, after the initialize that began the session.
   */
  #send(request: UpstreamRequest, failed: (failure: UpstreamFailure) => void, wanted = (): boolean => true): void {
    const sending = { body: request.body ?? Buffer.alloc(0), headers: request.headers, failed, wanted };
    const again = (): Sending => ({
      body: this.#first.body ?? Buffer.alloc(0),
      headers: this.#first.headers,
      failed: (failure) => this.#line.fail(failure),
    });
    this.#line.send(sending, () => (request === this.#first ? undefined : again()));
  }

  #replayed(): void {
    this.#line.ready({ body: INITIALIZED, headers: this.#first.headers, failed: () => undefined });
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
    this.#line.tell(Buffer.from(JSON.stringify(cancelled)), request.headers);
  }

  #message(text: string): void {
    const read = readForeignJson(text);
    if (!read.ok) return read.flaw === 'not_json' ? undefined : this.#unreadable(text);
    const message = read.value;
    if (!isObject(message)) return;
    if (typeof message['method'] === 'string') return this.#toStream(message, text);
    const { id } = message;
    if (!isId(id)) return;
    if (this.#line.greets && id === this.#firstId)
      return 'error' in message ? this.#line.fail({ kind: 'broken', sent: false }) : this.#replayed();
    const call = this.#pending.get(id);
    // On Streamable HTTP a server refuses to begin in this way; it may be one of the other era.
    call?.answer.result(text, call.begins && 'error' in message ? 400 : 200);
  }

  /** A message that is nested too deep or too large ends the request that it answers; any other is dropped. */
  #unreadable(text: string): void {
    const id = parsedJson(membersOf(text).get('id') ?? '');
    if (this.#line.greets && id === this.#firstId) return this.#line.fail({ kind: 'broken', sent: false });
    if (isId(id)) this.#pending.get(id)?.answer.fail({ kind: 'broken', sent: true });
  }

  #toStream(message: Json, text: string): void {
    const answer = this.#callOf(message) ?? this.#standing;
    if (answer) return answer.event(text);
    this.#keep(Buffer.from(text));
  }

  #keep(message: Buffer): void {
    if (message.length > MOST_UNSENT_BYTES) return;
    this.#unsentBytes += message.length;
    this.#unsent.push(message);
    while (this.#unsent.length > MOST_UNSENT || this.#unsentBytes > MOST_UNSENT_BYTES)
      this.#unsentBytes -= this.#unsent.shift()?.length ?? 0;
  }

  /**
   * The call that a message belongs to: by its progress token, else the newest one when it is of the kind that calls
   * bring about.
   */
  #callOf(message: Json): ChannelAnswer | undefined {
    const params = isObject(message['params']) ? message['params'] : undefined;
    const calls = [...this.#pending.values()];
    const token = params?.['progressToken'];
    const known = token === undefined ? undefined : calls.find((call) => call.progressToken === token);
    const mayBe = 'id' in message || OF_A_CALL.has(String(message['method']));
    return (known ?? (mayBe ? calls.at(-1) : undefined))?.answer;
  }
}
