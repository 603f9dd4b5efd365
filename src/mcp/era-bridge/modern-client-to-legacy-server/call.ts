import { inBackground, startTimer } from '../../../platform/runtime/guard.js';
import { isObject, parseObject, type Json } from '../../wire/json-object.js';
import type { Running, UpstreamFailure } from '../../upstream/forward.js';
import { toLegacy } from '../envelope.js';
import { codeOf } from '../errors.js';
import type { Heartbeat } from '../heartbeat.js';
import { membersOf } from '../../wire/json-text.js';
import { isRefusal, MISDIRECTED } from '../reach.js';
import { ClientAnswer, type ClientRequest } from './client-answer.js';
import { isDeclared, neededFor } from '../declared.js';
import { PARKED_MS, type Owner, type ParkedCalls } from './parked-calls.js';
import { inputRequired, resultMessage, toInputParams, toModernResponse, type Said } from './results.js';
import { unopened, type Opened } from './session-pool.js';
import { UpstreamLeg } from './upstream-leg.js';
import type { Question, SessionCall, UpstreamSession } from './upstream-session.js';

/** `session` answers the legacy session that serves this call; another one after the first was lost. */
export type CallParts = Readonly<{
  session: () => Promise<Opened>;
  parked: ParkedCalls<ModernCall>;
  heartbeat: Heartbeat;
  owner: Owner;
  body: string;
}>;

export const TAKES_INPUT = new Set(['tools/call', 'prompts/get', 'resources/read']);
/** Questions that come together are asked together. */
const TOGETHER_MS = 15;
const TOO_MUCH_WAITS = 'too many calls wait for input';
/** What a question takes beside its texts, by and large. */
const QUESTION_BYTES = 256;

const bytesOf = ({ id, params }: Question): number => QUESTION_BYTES + id.length + (params?.length ?? 0);
/** A text by itself: as a part of a longer one it would keep all of that. */
const alone = (text: string): string => Buffer.from(text).toString('utf8');

/**
 * One request of a modern client in a legacy session. When the server asks the client something in the middle of it,
 * the client gets `input_required`, and the call waits here, its connection to the server open, for the retry that
 * brings the answers.
 */
export class ModernCall implements SessionCall {
  readonly #parts: CallParts;
  readonly #open = new Map<string, Question>();
  #answer: ClientAnswer | undefined;
  #session: UpstreamSession | undefined;
  #leg: UpstreamLeg | undefined;
  #id = 0;
  #asked = 0;
  #missing: Json | undefined;
  #timer: NodeJS.Timeout | undefined;
  #handle: string | undefined;
  /** What came to an end while nobody was there to be told. */
  #outcome: ((answer: ClientAnswer) => void) | undefined;
  #paused = false;
  #begunAnew = false;
  #over = false;

  constructor(parts: CallParts) {
    this.#parts = parts;
  }

  /** Begins the call for its client. */
  start(client: ClientRequest): Running {
    const answer = this.#attach(client);
    inBackground('modern_call', this.#begin(), () => this.#fail({ kind: 'broken', sent: this.#session !== undefined }));
    return answer;
  }

  /** Goes on for the retry of a parked call; `responses` is the text of its `inputResponses`. */
  goOn(client: ClientRequest, responses: string): Running {
    clearTimeout(this.#timer);
    [this.#timer, this.#handle] = [undefined, undefined];
    const answer = this.#attach(client);
    for (const [key, response] of membersOf(responses)) {
      const question = this.#open.get(key);
      if (!question || !parseObject(response)) continue;
      this.#open.delete(key);
      this.#session?.post(`{"jsonrpc":"2.0","id":${question.id},"result":${response}}`);
    }
    if (this.#outcome) this.#tell(this.#outcome);
    else if (this.#open.size > 0) this.#park();
    return answer;
  }

  ask(question: Question): void {
    const { owner } = this.#parts;
    if (!TAKES_INPUT.has(owner.method))
      return this.#session?.refuse(question.id, 'no input can be asked for during this request');
    if (!isDeclared(this.#session?.capabilities ?? {}, question.method, question.params)) {
      this.#missing = { ...this.#missing, ...neededFor(question.method, question.params) };
      return this.#session?.refuse(question.id, 'the client did not declare the capability for that');
    }
    if (!this.#mayHold(bytesOf(question))) return this.#session?.refuse(question.id, TOO_MUCH_WAITS);
    this.#asked += 1;
    this.#open.set(`input-${this.#asked}`, {
      id: alone(question.id),
      method: question.method,
      params: question.params && alone(question.params),
    });
    // Whoever is not there now is asked when it comes back.
    if (this.#answer && !this.#timer)
      this.#timer = startTimer(
        'modern_call',
        TOGETHER_MS,
        () => this.#park(),
        () => this.abandon(),
      );
  }

  withdraw(questionId: string): void {
    for (const [key, { id }] of this.#open) if (id === questionId) this.#open.delete(key);
  }

  progress(text: string): void {
    this.#answer?.progress(text);
  }

  log(text: string, level: unknown): void {
    this.#answer?.log(text, level);
  }

  tell(text: string): void {
    this.#answer?.event(text);
  }

  /** The server's response to the call. */
  respond(text: string): void {
    const session = this.#session;
    if (!session) return;
    this.#leg?.responded();
    if (!this.#mayHold(text.length)) return this.#fail({ kind: 'broken', sent: true });
    const { method, params } = this.#parts.owner;
    const response = this.#answer ? text : alone(text);
    this.#finish((answer) => {
      const { serverInfo } = session.introduction;
      answer.say(
        toModernResponse(response, {
          id: answer.client.id,
          method,
          params,
          serverInfo,
          capabilities: session.capabilities,
          missing: this.#missing,
        }),
      );
    });
  }

  abandon(): void {
    this.#fail({ kind: 'broken', sent: true });
  }

  async #begin(): Promise<void> {
    const opened = await this.#parts.session();
    if (this.#over) return;
    if (!('session' in opened))
      return this.#finish((answer) => answer.say(this.#inAll(unopened(opened, answer.client.id))));
    const { session } = opened;
    this.#session = session;
    this.#id = session.begin(this);
    const logLevel = this.#answer?.client.logLevel;
    const capabilities = session.introduction.result['capabilities'];
    if (logLevel !== undefined && isObject(capabilities) && 'logging' in capabilities) await session.wantLogs(logLevel);
    if (this.#over) return session.finish(this.#id);
    this.#leg = new UpstreamLeg(session, {
      timeoutMs: this.#answer?.client.silenceMs ?? 0,
      streams: () => this.#answer?.streams(),
      heard: () => this.#answer?.heard(),
      message: (text) => session.dispatch(text, this),
      failed: (failure) => this.#fail(failure),
      refused: (status, body) => this.#refused(session, status, body),
      more: () => !this.#paused,
    });
    this.#leg.send(
      toLegacy(this.#parts.body, {
        id: this.#id,
        progressToken: this.#answer?.client.progressToken === undefined ? undefined : this.#id,
      }),
    );
  }

  /** A server that has forgotten the session did nothing: the call is made once more in a new one. */
  #refused(session: UpstreamSession, status: number, body: string): void {
    const error = membersOf(body).get('error');
    const code = error === undefined ? Number.NaN : codeOf(error);
    const forgotten = status === 404 || (status === 400 && code <= -32_000 && code > -32_020);
    session.finish(this.#id);
    if (forgotten && session.introduction.session !== undefined && !this.#begunAnew) {
      this.#begunAnew = true;
      session.lose();
      return inBackground('modern_call', this.#begin(), () => this.#fail({ kind: 'broken', sent: true }));
    }
    if (error !== undefined) return this.respond(body);
    return this.#finish((answer) => answer.say({ text: body, status: isRefusal(status) ? MISDIRECTED : status }));
  }

  #attach(client: ClientRequest): ClientAnswer {
    const answer: ClientAnswer = new ClientAnswer(
      client,
      {
        paused: (paused) => this.#pause(paused),
        left: () => this.#answer === answer && this.#cancel('the client closed its stream'),
        silent: () => {
          this.#answer = undefined;
          this.#cancel('no answer in time');
          answer.say({ kind: 'timeout', sent: true });
        },
      },
      this.#parts.heartbeat,
    );
    this.#answer = answer;
    return answer;
  }

  #pause(paused: boolean): void {
    this.#paused = paused;
    if (!paused) this.#leg?.resume();
  }

  /** Whether so much more may be kept until the client is back; anything may as long as it is there. */
  #mayHold(bytes: number): boolean {
    return this.#answer !== undefined || this.#handle === undefined || this.#parts.parked.grow(this.#handle, bytes);
  }

  /** Asks the client all open questions, and waits. */
  #park(): void {
    const { parked, owner, body } = this.#parts;
    this.#timer = undefined;
    if (this.#over || this.#open.size === 0 || !this.#answer) return;
    this.#handle = parked.park(
      this,
      owner,
      [...this.#open.values()].reduce((sum, question) => sum + bytesOf(question), body.length),
    );
    if (this.#handle === undefined) {
      for (const { id } of this.#open.values()) this.#session?.refuse(id, TOO_MUCH_WAITS);
      return this.#open.clear();
    }
    const requests = new Map(
      [...this.#open].map(([key, { method, params }]) => [
        key,
        { method, params: params === undefined ? undefined : toInputParams(params) },
      ]),
    );
    this.#timer = startTimer('modern_call', PARKED_MS, () => this.#cancel('no input in time'));
    this.#pause(false);
    this.#tell((answer) =>
      answer.say({ text: resultMessage(answer.client.id, inputRequired(requests, this.#handle)), status: 200 }),
    );
  }

  #fail(failure: UpstreamFailure): void {
    this.#finish((answer) => answer.say(this.#inAll(failure)));
  }

  /** What ends the call, with what was sent before it was begun anew. */
  #inAll(outcome: Said | UpstreamFailure): Said | UpstreamFailure {
    return 'text' in outcome || !this.#begunAnew ? outcome : { ...outcome, sent: true };
  }

  #finish(outcome: (answer: ClientAnswer) => void): void {
    if (this.#over) return;
    this.#end();
    this.#outcome = outcome;
    if (this.#answer) this.#tell(outcome);
    // A parked call keeps its outcome for the retry, as long as that may come.
    else if (this.#handle !== undefined) this.#timer = startTimer('modern_call', PARKED_MS, () => this.#forget());
  }

  /** Gives the client what ends its answer; from then on it is not there any more. */
  #tell(outcome: (answer: ClientAnswer) => void): void {
    const answer = this.#answer;
    this.#answer = undefined;
    if (answer) outcome(answer);
  }

  #cancel(reason: string): void {
    if (!this.#over && this.#leg)
      this.#session?.post(
        JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: this.#id, reason } }),
      );
    this.#end();
    this.#forget();
  }

  #end(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#leg?.abort();
    this.#session?.finish(this.#id);
  }

  #forget(): void {
    if (this.#handle !== undefined) this.#parts.parked.forget(this.#handle);
  }
}
