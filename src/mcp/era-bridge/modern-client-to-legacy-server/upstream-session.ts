import { inBackground } from '../../../platform/runtime/guard.js';
import { parseObject, type Json } from '../../../platform/json/json-object.js';
import { ask, resultOf } from '../../upstream/ask.js';
import type { UpstreamRequest } from '../../upstream/forward.js';
import { closeLegacySession, postInSession, type Handshake, type UpstreamTarget } from '../../upstream/probe.js';
import { isAtLeast } from '../../protocol/log-levels.js';
import { membersOf } from '../../wire/json-text.js';
import { StandingStream } from './standing-stream.js';
import { JSON_RPC_CODES } from '../../protocol/codes.js';

const POST_TIMEOUT_MS = 30_000;
const CLOSE_TIMEOUT_MS = 1000;
const MAX_BYTES = 2 ** 20;
/** The requests that a server may send to a client during a call. */
const CLIENT_METHODS = new Set(['elicitation/create', 'sampling/createMessage', 'roots/list']);

/** A request that the server sent during a call; `id` is the JSON text of its id. */
export type ServerRequest = Readonly<{ id: string; method: string; params: string | undefined }>;

/** A call in this session, which takes the server's messages that belong to it. */
export interface SessionCall {
  respond(text: string): void;
  serverRequest(question: ServerRequest): void;
  /** The server cancels a request of its own. */
  cancelServerRequest(questionId: string): void;
  progress(text: string): void;
  log(text: string, level: unknown): void;
  notify(text: string): void;
  /** The session ended. */
  abandon(): void;
}

/** Takes change notifications; `close` is called when the session ends. */
export interface SessionListener {
  notify(method: string, text: string, uri: unknown): void;
  close(): void;
}

const CHANGE_NOTIFICATIONS = new Set([
  'notifications/tools/list_changed',
  'notifications/prompts/list_changed',
  'notifications/resources/list_changed',
  'notifications/resources/updated',
]);
/** Notifications that the modern era does not have. */
const LEGACY_ONLY_NOTIFICATIONS = new Set(['notifications/elicitation/complete', 'notifications/tasks/status']);

/** The value of a JSON string without escapes; undefined for anything else. */
const plainString = (text: string | undefined): string | undefined =>
  text !== undefined && /^"[^"\\]*"$/.test(text) ? text.slice(1, -1) : undefined;

/**
 * A legacy session at a server, shared by the modern requests of one grant that declare the same capabilities. Requests
 * get ids and progress tokens of ours, and each message of the server goes to the request or the subscription it
 * belongs to.
 */
export class UpstreamSession {
  readonly reach: UpstreamTarget;
  readonly handshake: Handshake;
  readonly capabilities: Json;
  readonly #stream: StandingStream;
  readonly #calls = new Map<number, SessionCall>();
  readonly #listeners = new Set<SessionListener>();
  readonly #subscribed = new Map<string, number>();
  readonly #lost: () => void;
  #lastId = 0;
  #level: string | undefined;
  #lastUsedAt = Date.now();

  constructor(
    reach: UpstreamTarget,
    opened: Readonly<{ handshake: Handshake; capabilities: Json }>,
    lost: (session: UpstreamSession) => void,
  ) {
    this.reach = reach;
    this.handshake = opened.handshake;
    this.capabilities = opened.capabilities;
    this.#lost = () => lost(this);
    this.#stream = new StandingStream({
      forward: reach.forward,
      request: () => this.request(''),
      message: (text) => this.dispatch(text, undefined),
      lost: () => opened.handshake.session !== undefined && this.markLost(),
    });
  }

  /** When the session was last used; the current time while a call or a subscription is open. */
  lastUsedAt(): number {
    return this.#calls.size > 0 || this.#listeners.size > 0 ? Date.now() : this.#lastUsedAt;
  }

  /** A POST in this session. */
  request(body: string): UpstreamRequest {
    return postInSession(this.reach, this.handshake, Buffer.from(body));
  }

  /**
   * Registers a call and returns its id, which is also its progress token. Some servers send their requests on the
   * standing stream, so it is opened for clients that take requests.
   */
  startCall(call: SessionCall): number {
    this.#lastUsedAt = Date.now();
    this.#lastId += 1;
    this.#calls.set(this.#lastId, call);
    if (['elicitation', 'sampling', 'roots'].some((kind) => kind in this.capabilities))
      inBackground('upstream_session', this.#stream.open());
    return this.#lastId;
  }

  finishCall(id: number): void {
    this.#lastUsedAt = Date.now();
    this.#calls.delete(id);
  }

  /** Sends a message that has no response. */
  post(message: string): void {
    inBackground(
      'upstream_session',
      ask(this.reach.forward, this.request(message), undefined, { timeoutMs: POST_TIMEOUT_MS, maxBytes: MAX_BYTES }),
    );
  }

  refuse(requestId: string, why: string): void {
    const error = JSON.stringify({ code: JSON_RPC_CODES.methodNotFound, message: why });
    this.post(`{"jsonrpc":"2.0","id":${requestId},"error":${error}}`);
  }

  /**
   * Raises the session's log level to `level` unless it is already as verbose; each call filters by its own level.
   */
  async setLogLevel(level: string): Promise<void> {
    if (this.#level !== undefined && isAtLeast(level, this.#level)) return;
    this.#level = level;
    await this.#request('logging/setLevel', { level });
  }

  /** Adds a listener and subscribes to `uris`; returns the URIs that the server accepted. */
  async listen(listener: SessionListener, uris: readonly string[]): Promise<readonly string[]> {
    this.#listeners.add(listener);
    await this.#stream.open();
    const agreed: string[] = [];
    for (const uri of uris) if (await this.#subscribe(uri)) agreed.push(uri);
    return agreed;
  }

  /** `uris` are those that `listen` returned. */
  unlisten(listener: SessionListener, uris: readonly string[]): void {
    this.#lastUsedAt = Date.now();
    this.#listeners.delete(listener);
    for (const uri of uris) this.#unsubscribe(uri);
  }

  /** The server no longer knows the session: new requests get another one. Calls under way may still complete. */
  markLost(): void {
    this.#stream.close();
    for (const listener of this.#listeners) listener.close();
    this.#lost();
  }

  async end(): Promise<void> {
    this.#stream.close();
    for (const listener of this.#listeners) listener.close();
    for (const call of this.#calls.values()) call.abandon();
    await closeLegacySession(this.reach, this.handshake, { timeoutMs: CLOSE_TIMEOUT_MS, maxBytes: MAX_BYTES });
  }

  /** Routes a message that came in the response to `from`, or on the standing stream. */
  dispatch(text: string, from: SessionCall | undefined): void {
    const members = membersOf(text);
    const [id, method] = [members.get('id'), plainString(members.get('method'))];
    if (method === undefined) this.#calls.get(Number(id))?.respond(text);
    else if (id !== undefined) this.#serverRequest({ id, method, params: members.get('params') }, from);
    else this.#notification(method, text, from);
  }

  #serverRequest(question: ServerRequest, from: SessionCall | undefined): void {
    if (question.method === 'ping') return this.post(`{"jsonrpc":"2.0","id":${question.id},"result":{}}`);
    // A request on the standing stream can only be attributed when exactly one call is open.
    const call = from ?? this.#onlyCall();
    if (!CLIENT_METHODS.has(question.method) || !call)
      return this.refuse(question.id, 'no client can take this request now');
    return call.serverRequest(question);
  }

  #notification(method: string, text: string, from: SessionCall | undefined): void {
    const params = parseObject(membersOf(text).get('params') ?? '{}') ?? {};
    if (CHANGE_NOTIFICATIONS.has(method))
      return this.#listeners.forEach((listener) => listener.notify(method, text, params['uri']));
    switch (method) {
      case 'notifications/progress':
        return this.#calls.get(Number(params['progressToken']))?.progress(text);
      case 'notifications/message':
        return (from ?? this.#onlyCall())?.log(text, params['level']);
      case 'notifications/cancelled':
        return this.#calls.forEach((call) => call.cancelServerRequest(JSON.stringify(params['requestId'])));
      default:
        return LEGACY_ONLY_NOTIFICATIONS.has(method) ? undefined : from?.notify(text);
    }
  }

  #onlyCall(): SessionCall | undefined {
    const [call] = this.#calls.values();
    return this.#calls.size === 1 ? call : undefined;
  }

  async #subscribe(uri: string): Promise<boolean> {
    const count = this.#subscribed.get(uri) ?? 0;
    this.#subscribed.set(uri, count + 1);
    if (count > 0 || (await this.#request('resources/subscribe', { uri }))) return true;
    this.#unsubscribe(uri);
    return false;
  }

  #unsubscribe(uri: string): void {
    const left = (this.#subscribed.get(uri) ?? 1) - 1;
    if (left > 0) return void this.#subscribed.set(uri, left);
    this.#subscribed.delete(uri);
    inBackground('upstream_session', this.#request('resources/unsubscribe', { uri }));
  }

  /** Sends a request of our own; true when it got a result. */
  async #request(method: string, params: Json): Promise<boolean> {
    this.#lastId += 1;
    const id = this.#lastId;
    const answer = await ask(
      this.reach.forward,
      this.request(JSON.stringify({ jsonrpc: '2.0', id, method, params })),
      id,
      { timeoutMs: POST_TIMEOUT_MS, maxBytes: MAX_BYTES },
    );
    return resultOf(answer) !== undefined;
  }
}
