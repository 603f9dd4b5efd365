import { inBackground, startTimer } from '../../../platform/runtime/guard.js';
import { isObject, parseObject, type Json } from '../../../platform/json/json-object.js';
import type { PendingRequest, UpstreamFailure } from '../../upstream/forward.js';
import { toLegacy } from '../envelope.js';
import { codeOf } from '../errors.js';
import type { Heartbeat } from '../heartbeat.js';
import { membersOf } from '../../wire/json-text.js';
import { isEraRefusal, MISDIRECTED } from '../upstream-target.js';
import { ClientResponse, type ClientRequest } from './client-response.js';
import { isDeclared, requiredCapabilities } from '../client-capabilities.js';
import { PARKED_TIMEOUT_MS, type CallOwner, type ParkedCalls } from './parked-calls.js';
import { inputRequired, resultMessage, toInputParams, toModernResponse, type HttpResponse } from './results.js';
import { explainUnopened, type OpenResult } from './session-pool.js';
import { UpstreamExchange } from './upstream-exchange.js';
import type { ServerRequest, SessionCall, UpstreamSession } from './upstream-session.js';
import { isImplementationCode } from '../../protocol/codes.js';

/** `session` opens the legacy session for this call, and another one after the first was lost. */
export type CallDeps = Readonly<{
  session: () => Promise<OpenResult>;
  parked: ParkedCalls<ModernClientCall>;
  heartbeat: Heartbeat;
  owner: CallOwner;
  body: string;
}>;

export const TAKES_INPUT = new Set(['tools/call', 'prompts/get', 'resources/read']);
/** Requests that come together are passed on together. */
const BATCH_DELAY_MS = 15;
const TOO_MANY_WAITING = 'too many calls wait for input';
/** Roughly what a request takes beside its texts. */
const REQUEST_OVERHEAD_BYTES = 256;

const bytesOf = ({ id, params }: ServerRequest): number => REQUEST_OVERHEAD_BYTES + id.length + (params?.length ?? 0);
/** A slice of a long string would keep all of it in memory. */
const copyOf = (text: string): string => Buffer.from(text).toString('utf8');

/**
 * One request of a modern client in a legacy session. When the server sends the client a request during it, the client
 * gets `input_required`, and the call waits here with its upstream connection open for the retry that brings the input.
 */
export class ModernClientCall implements SessionCall {
  readonly #deps: CallDeps;
  readonly #openRequests = new Map<string, ServerRequest>();
  #response: ClientResponse | undefined;
  #session: UpstreamSession | undefined;
  #exchange: UpstreamExchange | undefined;
  #id = 0;
  #requestCount = 0;
  #missingCapabilities: Json | undefined;
  #timer: NodeJS.Timeout | undefined;
  #handle: string | undefined;
  /** How a parked call ended; the retry gets it. */
  #outcome: ((answer: ClientResponse) => void) | undefined;
  #paused = false;
  #restarted = false;
  #over = false;

  constructor(deps: CallDeps) {
    this.#deps = deps;
  }

  start(client: ClientRequest): PendingRequest {
    const answer = this.#attach(client);
    inBackground('modern_call', this.#begin(), () => this.#fail({ kind: 'broken', sent: this.#session !== undefined }));
    return answer;
  }

  /** Continues a parked call for its retry; `responses` is the text of the retry's `inputResponses`. */
  continueWith(client: ClientRequest, responses: string): PendingRequest {
    clearTimeout(this.#timer);
    [this.#timer, this.#handle] = [undefined, undefined];
    const answer = this.#attach(client);
    for (const [key, response] of membersOf(responses)) {
      const request = this.#openRequests.get(key);
      if (!request || !parseObject(response)) continue;
      this.#openRequests.delete(key);
      this.#session?.post(`{"jsonrpc":"2.0","id":${request.id},"result":${response}}`);
    }
    if (this.#outcome) this.#deliver(this.#outcome);
    else if (this.#openRequests.size > 0) this.#park();
    return answer;
  }

  serverRequest(request: ServerRequest): void {
    const { owner } = this.#deps;
    if (!TAKES_INPUT.has(owner.method))
      return this.#session?.refuse(request.id, 'no input can be asked for during this request');
    if (!isDeclared(this.#session?.capabilities ?? {}, request.method, request.params)) {
      const required = requiredCapabilities(request.method, request.params);
      this.#missingCapabilities = { ...this.#missingCapabilities, ...required };
      return this.#session?.refuse(request.id, 'the client did not declare the capability for that');
    }
    if (!this.#mayHold(bytesOf(request))) return this.#session?.refuse(request.id, TOO_MANY_WAITING);
    this.#requestCount += 1;
    this.#openRequests.set(`input-${this.#requestCount}`, {
      id: copyOf(request.id),
      method: request.method,
      params: request.params && copyOf(request.params),
    });
    // Without a client, the requests wait for the retry.
    if (this.#response && !this.#timer)
      this.#timer = startTimer(
        'modern_call',
        BATCH_DELAY_MS,
        () => this.#park(),
        () => this.abandon(),
      );
  }

  cancelServerRequest(questionId: string): void {
    for (const [key, { id }] of this.#openRequests) if (id === questionId) this.#openRequests.delete(key);
  }

  progress(text: string): void {
    this.#response?.progress(text);
  }

  log(text: string, level: unknown): void {
    this.#response?.log(text, level);
  }

  notify(text: string): void {
    this.#response?.event(text);
  }

  respond(text: string): void {
    const session = this.#session;
    if (!session) return;
    this.#exchange?.responded();
    if (!this.#mayHold(text.length)) return this.#fail({ kind: 'broken', sent: true });
    const { method, params } = this.#deps.owner;
    const response = this.#response ? text : copyOf(text);
    this.#finish((answer) => {
      const { serverInfo } = session.handshake;
      answer.finish(
        toModernResponse(response, {
          id: answer.client.id,
          method,
          params,
          serverInfo,
          capabilities: session.capabilities,
          missing: this.#missingCapabilities,
        }),
      );
    });
  }

  abandon(): void {
    this.#fail({ kind: 'broken', sent: true });
  }

  async #begin(): Promise<void> {
    const opened = await this.#deps.session();
    if (this.#over) return;
    if (!('session' in opened))
      return this.#finish((answer) => answer.finish(this.#markSent(explainUnopened(opened, answer.client.id))));
    const { session } = opened;
    this.#session = session;
    this.#id = session.startCall(this);
    const logLevel = this.#response?.client.logLevel;
    const capabilities = session.handshake.result['capabilities'];
    if (logLevel !== undefined && isObject(capabilities) && 'logging' in capabilities)
      await session.setLogLevel(logLevel);
    if (this.#over) return session.finishCall(this.#id);
    this.#exchange = new UpstreamExchange(session, {
      timeoutMs: this.#response?.client.silenceMs ?? 0,
      streaming: () => this.#response?.expectStream(),
      progressed: () => this.#response?.refresh(),
      message: (text) => session.dispatch(text, this),
      failed: (failure) => this.#fail(failure),
      refused: (status, body) => this.#refused(session, status, body),
      wantsMore: () => !this.#paused,
    });
    this.#exchange.send(
      toLegacy(this.#deps.body, {
        id: this.#id,
        progressToken: this.#response?.client.progressToken === undefined ? undefined : this.#id,
      }),
    );
  }

  /** A server that no longer knows the session did nothing: the call is sent once more in a new session. */
  #refused(session: UpstreamSession, status: number, body: string): void {
    const error = membersOf(body).get('error');
    const code = error === undefined ? Number.NaN : codeOf(error);
    const forgotten = status === 404 || (status === 400 && isImplementationCode(code));
    session.finishCall(this.#id);
    if (forgotten && session.handshake.session !== undefined && !this.#restarted) {
      this.#restarted = true;
      session.markLost();
      return inBackground('modern_call', this.#begin(), () => this.#fail({ kind: 'broken', sent: true }));
    }
    if (error !== undefined) return this.respond(body);
    return this.#finish((answer) => answer.finish({ text: body, status: isEraRefusal(status) ? MISDIRECTED : status }));
  }

  #attach(client: ClientRequest): ClientResponse {
    const answer: ClientResponse = new ClientResponse(
      client,
      {
        paused: (paused) => this.#pause(paused),
        left: () => this.#response === answer && this.#cancel('the client closed its stream'),
        timedOut: () => {
          this.#response = undefined;
          this.#cancel('no answer in time');
          answer.finish({ kind: 'timeout', sent: true });
        },
      },
      this.#deps.heartbeat,
    );
    this.#response = answer;
    return answer;
  }

  #pause(paused: boolean): void {
    this.#paused = paused;
    if (!paused) this.#exchange?.resume();
  }

  /** Whether a parked call may hold so many bytes more; with its client connected it always may. */
  #mayHold(bytes: number): boolean {
    return this.#response !== undefined || this.#handle === undefined || this.#deps.parked.grow(this.#handle, bytes);
  }

  /** Sends the client all open requests as `input_required`, and waits for the retry. */
  #park(): void {
    const { parked, owner, body } = this.#deps;
    this.#timer = undefined;
    if (this.#over || this.#openRequests.size === 0 || !this.#response) return;
    this.#handle = parked.park(
      this,
      owner,
      [...this.#openRequests.values()].reduce((sum, request) => sum + bytesOf(request), body.length),
    );
    if (this.#handle === undefined) {
      for (const { id } of this.#openRequests.values()) this.#session?.refuse(id, TOO_MANY_WAITING);
      return this.#openRequests.clear();
    }
    const requests = new Map(
      [...this.#openRequests].map(([key, { method, params }]) => [
        key,
        { method, params: params === undefined ? undefined : toInputParams(params) },
      ]),
    );
    this.#timer = startTimer('modern_call', PARKED_TIMEOUT_MS, () => this.#cancel('no input in time'));
    this.#pause(false);
    this.#deliver((answer) =>
      answer.finish({ text: resultMessage(answer.client.id, inputRequired(requests, this.#handle)), status: 200 }),
    );
  }

  #fail(failure: UpstreamFailure): void {
    this.#finish((answer) => answer.finish(this.#markSent(failure)));
  }

  /** A call that was restarted has already been sent once. */
  #markSent(outcome: HttpResponse | UpstreamFailure): HttpResponse | UpstreamFailure {
    return 'text' in outcome || !this.#restarted ? outcome : { ...outcome, sent: true };
  }

  #finish(outcome: (answer: ClientResponse) => void): void {
    if (this.#over) return;
    this.#end();
    this.#outcome = outcome;
    if (this.#response) this.#deliver(outcome);
    // A parked call keeps its outcome for as long as the retry may come.
    else if (this.#handle !== undefined)
      this.#timer = startTimer('modern_call', PARKED_TIMEOUT_MS, () => this.#forget());
  }

  /** Ends the client's response and detaches the client. */
  #deliver(outcome: (answer: ClientResponse) => void): void {
    const answer = this.#response;
    this.#response = undefined;
    if (answer) outcome(answer);
  }

  #cancel(reason: string): void {
    if (!this.#over && this.#exchange)
      this.#session?.post(
        JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: this.#id, reason } }),
      );
    this.#end();
    this.#forget();
  }

  #end(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#exchange?.abort();
    this.#session?.finishCall(this.#id);
  }

  #forget(): void {
    if (this.#handle !== undefined) this.#deps.parked.forget(this.#handle);
  }
}
