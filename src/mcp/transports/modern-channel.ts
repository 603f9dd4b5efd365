import { flawOf } from '../../platform/json/foreign-json.js';
import { startTimer } from '../../platform/runtime/guard.js';
import { isObject, parseObject } from '../../platform/json/json-object.js';
import { editObject, membersOf, set, setText, editNested } from '../wire/json-text.js';
import { META, modernHeaders, ownModernBody } from '../protocol/modern.js';
import { isRevisionOf } from '../protocol/era.js';
import { errorCodeOf } from '../protocol/response.js';
import { ChannelResponse, respondWithStatus } from './channel-response.js';
import { Backoff } from './backoff.js';
import type { OpenChannel } from './channel.js';
import type { PendingRequest, Sink, UpstreamFailure, UpstreamRequest } from '../upstream/forward.js';
import { ReopeningChannel, type OutgoingMessage } from './reopening-channel.js';
import { JSON_RPC_CODES, isModernCode } from '../protocol/codes.js';

/** What a subscription is told of, by the members of its `notifications`. */
const CHANGES: ReadonlyMap<string, string> = new Map([
  ['"notifications/tools/list_changed"', 'toolsListChanged'],
  ['"notifications/prompts/list_changed"', 'promptsListChanged'],
  ['"notifications/resources/list_changed"', 'resourcesListChanged'],
]);

/**
 * A request under way: the client's id and progress token as JSON text, the members of `notifications` of a
 * subscription, and whether it asked for log messages.
 */
type Call = Readonly<{
  answer: ChannelResponse;
  id: string;
  progressToken: string | undefined;
  listens: ReadonlyMap<string, string> | undefined;
  logs: boolean;
}>;

const HANDSHAKE_ID = 0;
const HANDSHAKE_TIMEOUT_MS = 30_000;

const statusOf = (error: string | undefined): number => {
  const code = Number(membersOf(error ?? '').get('code'));
  if (code === JSON_RPC_CODES.methodNotFound) return 404;
  return isModernCode(code) ? 400 : 200;
};

/** Whether an answer to `server/discover` shows a modern server (stdio, "Backward Compatibility"). */
const showsModern = (text: string): boolean => {
  const { result, ...message } = parseObject(text) ?? {};
  const versions: readonly unknown[] =
    isObject(result) && Array.isArray(result['supportedVersions']) ? result['supportedVersions'] : [];
  return versions.some((version) => isRevisionOf('modern', version)) || isModernCode(errorCodeOf(message));
};

/**
 * Serves Streamable HTTP requests from one modern server over a channel: the requests of one grant share it, each under
 * our own id, and a client that disconnects cancels its request. The first request on a channel is `server/discover`,
 * so that a legacy server carries nothing out: its requests are refused with 400.
 */
export class ModernChannel {
  readonly grantId: string;
  readonly serverId: string;
  /** Whether its client has closed a subscription. */
  hadStream = false;
  readonly #firstRequest: UpstreamRequest;
  readonly #calls = new Map<number, Call>();
  readonly #channel: ReopeningChannel;
  #handshakeTimer: NodeJS.Timeout | undefined;
  #lastId = HANDSHAKE_ID;
  #lastUsedAt = Date.now();

  constructor(first: UpstreamRequest, open: OpenChannel) {
    this.grantId = first.grantId;
    this.serverId = first.server.id;
    this.#firstRequest = first;
    this.#channel = new ReopeningChannel(
      (events) => open(first, events),
      { message: (text) => this.#message(text), closed: (failure) => this.#closed(failure) },
      new Backoff(first.server.transport.type === 'stdio'),
    );
  }

  /** When the channel was last used; the current time while a request is under way. */
  lastUsedAt(): number {
    return this.#calls.size > 0 ? Date.now() : this.#lastUsedAt;
  }

  post(request: UpstreamRequest, sink: Sink): PendingRequest {
    this.#lastUsedAt = Date.now();
    const text = request.body?.toString('utf8') ?? '';
    const members = membersOf(text);
    const id = members.get('id');
    if (id === undefined) return respondWithStatus(sink, 202);
    this.#lastId += 1;
    const own = this.#lastId;
    const params = membersOf(members.get('params') ?? '');
    const meta = membersOf(params.get('_meta') ?? '');
    const answer = new ChannelResponse(
      sink,
      { left: () => this.#left(own), paused: (one, paused) => this.#channel.hold(one, paused) },
      { silenceMs: request.silenceMs },
    );
    const progressToken = meta.get('progressToken');
    this.#calls.set(own, {
      answer,
      id,
      progressToken,
      listens:
        members.get('method') === '"subscriptions/listen"' ? membersOf(params.get('notifications') ?? '') : undefined,
      logs: meta.has(META.logLevel),
    });
    const body = editObject(text, {
      id: set(own),
      ...(progressToken === undefined
        ? {}
        : { params: editNested({ _meta: editNested({ progressToken: set(own) }) }) }),
    });
    const failed = (failure: UpstreamFailure): void => answer.fail(failure);
    this.#channel.send(
      { body: Buffer.from(body), headers: request.headers, failed, wanted: () => this.#calls.has(own) },
      () => this.#handshake(),
    );
    return answer;
  }

  /** Ends the channel; requests under way end with it. */
  end(): void {
    clearTimeout(this.#handshakeTimer);
    this.#channel.end();
    this.#failAll({ kind: 'broken', sent: true });
  }

  #handshake(): OutgoingMessage {
    this.#handshakeTimer = startTimer(
      'modern_channel',
      HANDSHAKE_TIMEOUT_MS,
      () => this.#refuseAsLegacy(),
      () => this.#channel.fail({ kind: 'broken', sent: true }),
    );
    const method = 'server/discover';
    return {
      body: ownModernBody(HANDSHAKE_ID, method),
      headers: modernHeaders(this.#firstRequest.headers, method, {}),
      failed: (failure) => this.#channel.fail(failure),
    };
  }

  #refuseAsLegacy(): void {
    for (const own of this.#calls.keys()) this.#remove(own)?.answer.result('', 400);
    this.#channel.fail({ kind: 'broken', sent: true });
  }

  #closed(failure: UpstreamFailure): void {
    clearTimeout(this.#handshakeTimer);
    this.#failAll(failure);
  }

  #failAll(failure: UpstreamFailure): void {
    for (const own of this.#calls.keys()) this.#remove(own)?.answer.fail(failure);
  }

  /** Removes a request that has ended; later messages for it are dropped. */
  #remove(own: number): Call | undefined {
    const call = this.#calls.get(own);
    this.#calls.delete(own);
    if (call) this.#channel.hold(call.answer, false);
    return call;
  }

  /** Cancels the request of a client that has disconnected. */
  #left(own: number): void {
    this.#lastUsedAt = Date.now();
    const call = this.#remove(own);
    if (!call) return;
    this.hadStream ||= call.listens !== undefined;
    this.#channel.notify(
      Buffer.from(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: own } })),
      this.#firstRequest.headers,
    );
  }

  #message(text: string): void {
    if (flawOf(text) !== undefined) return this.#unreadable(text);
    const members = membersOf(text);
    const [id, method] = [members.get('id'), members.get('method')];
    // A modern server sends no requests.
    if (method !== undefined)
      return id === undefined ? this.#notified(text, method, members.get('params') ?? '') : undefined;
    if (this.#channel.isHandshaking && Number(id) === HANDSHAKE_ID) return this.#handshakeAnswered(text);
    const call = this.#remove(Number(id));
    call?.answer.result(
      editObject(text, {
        id: setText(call.id),
        ...(call.listens ? { result: (result) => result && inSubscription(result, call) } : {}),
      }),
      statusOf(members.get('error')),
    );
  }

  /** A message that is nested too deep or too large ends the request that it answers; any other is dropped. */
  #unreadable(text: string): void {
    const id = membersOf(text).get('id');
    if (this.#channel.isHandshaking) return this.#refuseAsLegacy();
    this.#remove(Number(id))?.answer.fail({ kind: 'broken', sent: true });
  }

  #handshakeAnswered(text: string): void {
    clearTimeout(this.#handshakeTimer);
    if (showsModern(text)) this.#channel.ready();
    else this.#refuseAsLegacy();
  }

  /** Some servers tell of a change and name no subscription: it is for each that asked for such changes. */
  #changed(change: string, text: string): void {
    for (const call of this.#calls.values()) if (call.listens?.get(change) === 'true') tell(call, text);
  }

  #notified(text: string, method: string, params: string): void {
    const members = membersOf(params);
    const progressing = this.#calls.get(Number(members.get('progressToken') ?? Number.NaN));
    if (progressing)
      return progressing.answer.event(
        editObject(text, { params: editNested({ progressToken: setText(progressing.progressToken) }) }),
      );
    const listening = this.#calls.get(
      Number(membersOf(members.get('_meta') ?? '').get(META.subscriptionId) ?? Number.NaN),
    );
    if (listening) return tell(listening, text);
    const change = CHANGES.get(method);
    if (change !== undefined) return this.#changed(change, text);
    if (method === '"notifications/cancelled"') return this.#remove(Number(members.get('requestId')))?.answer.end();
    // A log message names no request: it most likely belongs to the newest one that asked for log messages.
    return method === '"notifications/message"'
      ? [...this.#calls.values()].findLast(({ logs }) => logs)?.answer.event(text)
      : undefined;
  }
}

const tell = (listening: Call, text: string): void =>
  listening.answer.event(editObject(text, { params: (value) => inSubscription(value ?? '{}', listening) }));

const inSubscription = (object: string, { id }: Call): string =>
  editObject(object, { _meta: editNested({ [META.subscriptionId]: setText(id) }) });
