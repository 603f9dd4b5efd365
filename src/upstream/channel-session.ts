import { ChannelAnswer, answerStatus } from './channel-answer.js';
import type { Channel, OpenChannel } from './channel.js';
import type { Running, Sink, UpstreamFailure, UpstreamRequest } from './forward.js';

type Json = Readonly<Record<string, unknown>>;
type Id = string | number;
/** A JSON-RPC message that the gateway read; here only the members that route it. */
export type Routed = Readonly<{ id?: Id; method?: string; params?: Json }>;
type Waiting = Readonly<{ body: Buffer; request: UpstreamRequest; failed: (failure: UpstreamFailure) => void }>;

const MOST_UNSENT = 64;
const STEADY_MS = 60_000;
const MOST_BACKOFF_MS = 60_000;
const INITIALIZED = Buffer.from('{"jsonrpc":"2.0","method":"notifications/initialized"}');

/** Messages of a server that belong to the call under way rather than to the standing stream. */
const OF_A_CALL = new Set(['notifications/progress', 'notifications/message', 'notifications/cancelled']);

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
const isId = (value: unknown): value is Id => typeof value === 'string' || typeof value === 'number';

const parse = (text: string): Json | undefined => {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
};

const progressTokenOf = (params: Json | undefined): unknown => (isObject(params?.['_meta']) ? params['_meta']['progressToken'] : undefined);

/**
 * One session-era MCP session over a channel, in the terms of Streamable HTTP: requests are answered on their own POST, whatever else the server says goes
 * to the call it belongs to or to the standing GET stream (the last 64 messages wait for one). When the channel closes by itself, calls under way fail; the next
 * request opens it anew, after a delay that doubles from crash to crash, and repeats the session's own initialize first.
 */
export class ChannelSession {
  readonly id: string;
  readonly grantId: string;
  readonly serverId: string;
  readonly #open: OpenChannel;
  readonly #first: UpstreamRequest;
  readonly #firstId: Id;
  readonly #pending = new Map<Id, Readonly<{ answer: ChannelAnswer; progressToken: unknown }>>();
  readonly #paused = new Set<ChannelAnswer>();
  #channel: Channel | undefined;
  #openedAt = 0;
  #crashes = 0;
  #mayOpenAt = 0;
  #replaying: Waiting[] | undefined;
  #standing: ChannelAnswer | undefined;
  #unsent: string[] = [];
  #usedAt = Date.now();
  #ended = false;

  /** `first` is the request that holds the initialize with the JSON-RPC id `firstId`. */
  constructor(ids: Readonly<{ id: string; firstId: Id }>, first: UpstreamRequest, open: OpenChannel) {
    this.id = ids.id;
    this.grantId = first.grantId;
    this.serverId = first.server.id;
    this.#firstId = ids.firstId;
    this.#first = first;
    this.#open = open;
  }

  /** When it was last used; now while a call or a stream is open. */
  usedAt(): number {
    return this.#pending.size > 0 || this.#standing ? Date.now() : this.#usedAt;
  }

  /** One POST of the client. */
  post(message: Routed, request: UpstreamRequest, sink: Sink): Running {
    this.#usedAt = Date.now();
    if (!isId(message.id) || message.method === undefined) {
      this.#send({ body: request.body ?? Buffer.alloc(0), request, failed: () => undefined });
      return answerStatus(sink, 202);
    }
    const { id } = message;
    if (this.#pending.has(id)) return answerStatus(sink, 400);
    const headers: Readonly<Record<string, string>> = message.method === 'initialize' ? { 'mcp-session-id': this.id } : {};
    const answer = new ChannelAnswer(sink, this.#owner(() => this.#pending.delete(id)), { silenceMs: request.silenceMs, headers, onSilence: () => this.#cancel(id, request) });
    this.#pending.set(id, { answer, progressToken: progressTokenOf(message.params) });
    this.#send({ body: request.body ?? Buffer.alloc(0), request, failed: (failure) => answer.fail(failure) });
    return answer;
  }

  /** The client's GET stream. A second one takes the place of the first, whose client may have gone without a word. */
  listen(sink: Sink): Running {
    this.#usedAt = Date.now();
    this.#standing?.end();
    const answer: ChannelAnswer = new ChannelAnswer(sink, this.#owner(() => this.#standing === answer && (this.#standing = undefined)), { silenceMs: 0 });
    this.#standing = answer;
    answer.open();
    for (const text of this.#unsent.splice(0)) answer.event(text);
    return answer;
  }

  /** Ends the session and its channel; calls under way end with it. */
  end(): void {
    this.#ended = true;
    this.#channel?.close();
    this.#channel = undefined;
    this.#failAll({ kind: 'broken', sent: true });
  }

  #owner(left: () => void): ConstructorParameters<typeof ChannelAnswer>[1] {
    return {
      left: (answer) => {
        left();
        this.#pause(answer, false);
      },
      paused: (answer, paused) => this.#pause(answer, paused),
    };
  }

  #pause(answer: ChannelAnswer, paused: boolean): void {
    const before = this.#paused.size > 0;
    if (paused) this.#paused.add(answer);
    else this.#paused.delete(answer);
    const now = this.#paused.size > 0;
    if (now !== before) this.#channel?.[now ? 'pause' : 'resume']();
  }

  #send(waiting: Waiting): void {
    if (this.#ended) return waiting.failed({ kind: 'broken', sent: false });
    if (!this.#channel && Date.now() < this.#mayOpenAt) return waiting.failed({ kind: 'unreachable', sent: false });
    if (!this.#channel) this.#begin(waiting.request !== this.#first);
    if (this.#replaying) this.#replaying.push(waiting);
    else this.#channel?.send(waiting.body, waiting.request.headers, waiting.failed);
  }

  #begin(replay: boolean): void {
    this.#openedAt = Date.now();
    const channel = this.#open(this.#first, {
      message: (text) => this.#message(text),
      closed: (failure) => this.#closed(channel, failure),
    });
    this.#channel = channel;
    if (!replay) return;
    this.#replaying = [];
    channel.send(this.#first.body ?? Buffer.alloc(0), this.#first.headers, (failure) => this.#closed(channel, failure));
  }

  #replayed(): void {
    const waiting = this.#replaying ?? [];
    this.#replaying = undefined;
    this.#channel?.send(INITIALIZED, this.#first.headers, () => undefined);
    for (const one of waiting) this.#channel?.send(one.body, one.request.headers, one.failed);
  }

  #closed(channel: Channel, failure: UpstreamFailure): void {
    if (this.#channel !== channel) return;
    this.#channel = undefined;
    channel.close();
    const now = Date.now();
    this.#crashes = now - this.#openedAt > STEADY_MS ? 1 : this.#crashes + 1;
    this.#mayOpenAt = this.#crashes === 1 ? 0 : now + Math.min(MOST_BACKOFF_MS, 1000 * 2 ** (this.#crashes - 2));
    const waiting = this.#replaying ?? [];
    this.#replaying = undefined;
    for (const one of waiting) one.failed({ ...failure, sent: false });
    this.#failAll(failure);
  }

  #failAll(failure: UpstreamFailure): void {
    for (const { answer } of this.#pending.values()) answer.fail(failure);
    this.#standing?.end();
    this.#paused.clear();
  }

  #cancel(requestId: Id, request: UpstreamRequest): void {
    const cancelled = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId, reason: 'no answer in time' } };
    this.#channel?.send(Buffer.from(JSON.stringify(cancelled)), request.headers, () => undefined);
  }

  #message(text: string): void {
    const message = parse(text);
    if (!message) return;
    if (typeof message['method'] === 'string') return this.#toStream(message, text);
    const { id } = message;
    if (!isId(id)) return;
    if (this.#replaying && id === this.#firstId) return this.#replayed();
    this.#pending.get(id)?.answer.result(text);
  }

  #toStream(message: Json, text: string): void {
    const answer = this.#callOf(message) ?? this.#standing;
    if (answer) return answer.event(text);
    this.#unsent.push(text);
    if (this.#unsent.length > MOST_UNSENT) this.#unsent.shift();
  }

  /** The call that a message belongs to: by its progress token, else the newest one when it is of the kind that calls bring about. */
  #callOf(message: Json): ChannelAnswer | undefined {
    const params = isObject(message['params']) ? message['params'] : undefined;
    const calls = [...this.#pending.values()];
    const token = params?.['progressToken'];
    const known = token === undefined ? undefined : calls.find((call) => call.progressToken === token);
    const mayBe = 'id' in message || OF_A_CALL.has(String(message['method']));
    return (known ?? (mayBe ? calls.at(-1) : undefined))?.answer;
  }
}
