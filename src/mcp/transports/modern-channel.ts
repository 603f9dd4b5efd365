import { flawOf } from '../wire/foreign-json.js';
import { startTimer } from '../../platform/runtime/guard.js';
import { isObject, parseObject } from '../wire/json-object.js';
import { editObject, membersOf, set, setText, within } from '../wire/json-text.js';
import { META, modernHeaders, ownModernBody } from '../protocol/modern.js';
import { isRevisionOf } from '../protocol/era.js';
import { errorCodeOf } from '../upstream/ask.js';
import { ChannelAnswer, answerStatus } from './channel-answer.js';
import type { OpenChannel } from './channel.js';
import type { Running, Sink, UpstreamFailure, UpstreamRequest } from '../upstream/forward.js';
import { LastingChannel, type Sending } from './lasting-channel.js';

/** A request under way: the client's id and progress token as texts, and whether it asked for log messages. */
type Call = Readonly<{
  answer: ChannelAnswer;
  id: string;
  progressToken: string | undefined;
  listens: boolean;
  logs: boolean;
}>;

const GREETING_ID = 0;
const GREETING_MS = 30_000;
const METHOD_NOT_FOUND = -32_601;
/** Errors of the modern era that are HTTP 400 on Streamable HTTP; only a modern server has them. */
const REFUSALS: ReadonlySet<unknown> = new Set([-32_020, -32_021, -32_022]);

const statusOf = (error: string | undefined): number => {
  const code = Number(membersOf(error ?? '').get('code'));
  if (code === METHOD_NOT_FOUND) return 404;
  return REFUSALS.has(code) ? 400 : 200;
};

/** Whether an answer to `server/discover` shows a modern server (stdio, "Backward Compatibility"). */
const showsModern = (text: string): boolean => {
  const { result, ...message } = parseObject(text) ?? {};
  const versions: readonly unknown[] =
    isObject(result) && Array.isArray(result['supportedVersions']) ? result['supportedVersions'] : [];
  return versions.some((version) => isRevisionOf('modern', version)) || REFUSALS.has(errorCodeOf(message));
};

/**
 * One modern server over a channel, in the terms of Streamable HTTP: the requests of one grant share it, each under an
 * id of ours, and whoever leaves one cancels it. A channel is asked `server/discover` first, so that a server of the
 * other era carries nothing out: its requests are refused with a 400.
 */
export class ModernChannel {
  readonly grantId: string;
  readonly serverId: string;
  readonly #first: UpstreamRequest;
  readonly #calls = new Map<number, Call>();
  readonly #line: LastingChannel;
  #patience: NodeJS.Timeout | undefined;
  #ids = GREETING_ID;
  #usedAt = Date.now();

  constructor(first: UpstreamRequest, open: OpenChannel) {
    this.grantId = first.grantId;
    this.serverId = first.server.id;
    this.#first = first;
    this.#line = new LastingChannel((events) => open(first, events), {
      message: (text) => this.#message(text),
      closed: (failure) => this.#closed(failure),
    });
  }

  /** When it was last used; now while a request is under way. */
  usedAt(): number {
    return this.#calls.size > 0 ? Date.now() : this.#usedAt;
  }

  post(request: UpstreamRequest, sink: Sink): Running {
    this.#usedAt = Date.now();
    const text = request.body?.toString('utf8') ?? '';
    const members = membersOf(text);
    const id = members.get('id');
    if (id === undefined) return answerStatus(sink, 202);
    this.#ids += 1;
    const own = this.#ids;
    const meta = membersOf(membersOf(members.get('params') ?? '').get('_meta') ?? '');
    const answer = new ChannelAnswer(
      sink,
      { left: () => this.#left(own), paused: (one, paused) => this.#line.hold(one, paused) },
      { silenceMs: request.silenceMs },
    );
    const progressToken = meta.get('progressToken');
    this.#calls.set(own, {
      answer,
      id,
      progressToken,
      listens: members.get('method') === '"subscriptions/listen"',
      logs: meta.has(META.logLevel),
    });
    const body = editObject(text, {
      id: set(own),
      ...(progressToken === undefined ? {} : { params: within({ _meta: within({ progressToken: set(own) }) }) }),
    });
    const failed = (failure: UpstreamFailure): void => answer.fail(failure);
    this.#line.send(
      { body: Buffer.from(body), headers: request.headers, failed, wanted: () => this.#calls.has(own) },
      () => this.#greeting(),
    );
    return answer;
  }

  /** Ends the channel; requests under way end with it. */
  end(): void {
    clearTimeout(this.#patience);
    this.#line.end();
    this.#failAll({ kind: 'broken', sent: true });
  }

  #greeting(): Sending {
    this.#patience = startTimer(
      'modern_channel',
      GREETING_MS,
      () => this.#isNotModern(),
      () => this.#line.fail({ kind: 'broken', sent: true }),
    );
    const method = 'server/discover';
    return {
      body: ownModernBody(GREETING_ID, method),
      headers: modernHeaders(this.#first.headers, method, {}),
      failed: (failure) => this.#line.fail(failure),
    };
  }

  #isNotModern(): void {
    for (const own of this.#calls.keys()) this.#take(own)?.answer.result('', 400);
    this.#line.fail({ kind: 'broken', sent: true });
  }

  #closed(failure: UpstreamFailure): void {
    clearTimeout(this.#patience);
    this.#failAll(failure);
  }

  #failAll(failure: UpstreamFailure): void {
    for (const own of this.#calls.keys()) this.#take(own)?.answer.fail(failure);
  }

  /** A request that is over: nothing that comes for it later matters. */
  #take(own: number): Call | undefined {
    const call = this.#calls.get(own);
    this.#calls.delete(own);
    if (call) this.#line.hold(call.answer, false);
    return call;
  }

  /** One whose client is not there any more is cancelled. */
  #left(own: number): void {
    this.#usedAt = Date.now();
    if (!this.#take(own)) return;
    this.#line.tell(
      Buffer.from(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: own } })),
      this.#first.headers,
    );
  }

  #message(text: string): void {
    if (flawOf(text) !== undefined) return this.#unreadable(text);
    const members = membersOf(text);
    const [id, method] = [members.get('id'), members.get('method')];
    // A modern server has no requests of its own to send.
    if (method !== undefined)
      return id === undefined ? this.#notified(text, method, members.get('params') ?? '') : undefined;
    if (this.#line.greets && Number(id) === GREETING_ID) return this.#greeted(text);
    const call = this.#take(Number(id));
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
    if (this.#line.greets) return this.#isNotModern();
    this.#take(Number(id))?.answer.fail({ kind: 'broken', sent: true });
  }

  #greeted(text: string): void {
    clearTimeout(this.#patience);
    if (showsModern(text)) this.#line.ready();
    else this.#isNotModern();
  }

  #notified(text: string, method: string, params: string): void {
    const members = membersOf(params);
    const progressing = this.#calls.get(Number(members.get('progressToken') ?? Number.NaN));
    if (progressing)
      return progressing.answer.event(
        editObject(text, { params: within({ progressToken: setText(progressing.progressToken) }) }),
      );
    const listening = this.#calls.get(
      Number(membersOf(members.get('_meta') ?? '').get(META.subscriptionId) ?? Number.NaN),
    );
    if (listening)
      return listening.answer.event(editObject(text, { params: (value) => inSubscription(value ?? '{}', listening) }));
    if (method === '"notifications/cancelled"') return this.#take(Number(members.get('requestId')))?.answer.end();
    // It says of no request that it is for it: of those that asked for log messages it is most likely the newest.
    return method === '"notifications/message"'
      ? [...this.#calls.values()].findLast(({ logs }) => logs)?.answer.event(text)
      : undefined;
  }
}

const inSubscription = (object: string, { id }: Call): string =>
  editObject(object, { _meta: within({ [META.subscriptionId]: setText(id) }) });
