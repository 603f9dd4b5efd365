import { inBackground, reportFailure, startTimer } from '../../../platform/runtime/guard.js';
import { isObject, parseObject, type Json } from '../../../platform/json/json-object.js';
import { modernHeaders } from '../../protocol/modern.js';
import { ChannelResponse } from '../../transports/channel-response.js';
import type { Forward, PendingRequest, Sink, UpstreamRequest } from '../../upstream/forward.js';
import { ResponseDeadline } from '../response-deadline.js';
import { toModern } from '../envelope.js';
import { codeOf, errorMessage, toLegacyError } from '../errors.js';
import type { Heartbeat } from '../heartbeat.js';
import { inputRequestsOf, InputRound } from './input-round.js';
import { editObject, elementsOf, membersOf, setText, editNested } from '../../wire/json-text.js';
import type { LegacySession } from './session-id.js';
import { MessageSink, type AnswerEnd } from '../message-sink.js';
import { readArguments } from './read-arguments.js';
import type { ModernServerCache } from './modern-server-cache.js';
import type { PendingClientRequests } from './pending-client-requests.js';
import { isEraRefusal, MISDIRECTED, targetOf } from '../upstream-target.js';
import { MODERN_CODES, OWN_CODES, isImplementationCode } from '../../protocol/codes.js';

/** One request of a legacy client; `id` is the JSON text of its id. */
export type LegacyRequest = Readonly<{ id: string; method: string; params: Json; body: string }>;

export type CallDeps = Readonly<{
  forward: Forward;
  questions: PendingClientRequests;
  heartbeat: Heartbeat;
  facts: ModernServerCache;
  session: LegacySession;
  logLevel: string | undefined;
}>;

/** What a retry adds to the request. */
type Retry = Readonly<{ responses: string | undefined; state: string | undefined }>;

const MAX_ROUNDS = 8;
/** The delay before a retry that the server wants without asking for input. */
const RETRY_DELAY_MS = 250;
const TAKES_INPUT = new Set(['tools/call', 'prompts/get', 'resources/read']);

/**
 * Whether an error may come from a legacy server: it has no code, or one that 2026-07-28 leaves to older revisions.
 */
const mayBeLegacyError = (code: number): boolean => Number.isNaN(code) || isImplementationCode(code);

/**
 * One request of a legacy client at a modern server. Input that the server needs (`input_required`) is requested from
 * the client on the response's stream; the call is then sent again with the input, at most eight times.
 */
export class LegacyClientCall implements PendingRequest {
  readonly #deps: CallDeps;
  readonly #request: UpstreamRequest;
  readonly #message: LegacyRequest;
  readonly #answer: ChannelResponse;
  #upstream: PendingRequest | undefined;
  #deadline: ResponseDeadline | undefined;
  #round: InputRound | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  #rounds = 0;
  #paused = false;
  #over = false;
  #responded = false;
  #headersRelearned = false;

  constructor(
    deps: CallDeps,
    request: UpstreamRequest,
    message: LegacyRequest,
    to: Readonly<{ sink: Sink; left: () => void }>,
  ) {
    this.#deps = deps;
    this.#request = request;
    this.#message = message;
    const left = (): void => {
      this.#leave();
      to.left();
    };
    this.#answer = new ChannelResponse(
      to.sink,
      { left, paused: (_answer, paused) => this.#pause(paused) },
      { silenceMs: 0 },
    );
  }

  start(): void {
    this.#send({ responses: undefined, state: undefined });
  }

  resume(): void {
    this.#answer.resume();
  }

  abort(): void {
    this.#answer.abort();
  }

  #leave(): void {
    this.#over = true;
    clearTimeout(this.#retryTimer);
    this.#deadline?.stop();
    this.#round?.cancel();
    this.#deps.heartbeat.remove(this.#answer);
    // A server that has responded ends its stream itself, which leaves the connection usable.
    if (!this.#responded) this.#upstream?.abort();
  }

  #pause(paused: boolean): void {
    this.#paused = paused;
    if (!paused) this.#upstream?.resume();
  }

  #send(retry: Retry): void {
    this.#prepared(retry)
      .then((request) => {
        if (this.#over) return;
        this.#responded = false;
        // One deadline for each upstream request; none while the client is asked for input.
        const deadline = new ResponseDeadline(request.silenceMs, () =>
          this.#answer.fail({ kind: 'timeout', sent: true }),
        );
        this.#deadline = deadline;
        const sink = new MessageSink(request, {
          head: (_status, _headers, streams) => streams && this.#open(),
          message: (text) => {
            deadline.refresh();
            this.#responded ||= this.#handleMessage(text);
            if (this.#responded) deadline.stop();
          },
          ended: (over) => {
            deadline.stop();
            return this.#responded || this.#ended(over);
          },
          wantsMore: () => {
            if (sink.unreadable) this.#upstream?.abort();
            return !this.#paused;
          },
        });
        this.#upstream = this.#deps.forward(request, sink);
      })
      .catch((cause: unknown) => {
        reportFailure('legacy_call', cause);
        this.#answer.fail({ kind: 'broken', sent: this.#wasSent() });
      });
  }

  async #prepared({ responses, state }: Retry): Promise<UpstreamRequest> {
    const { facts, session, logLevel } = this.#deps;
    const { method, params, body } = this.#message;
    if (!facts.known) await facts.handshake();
    const logs = isObject(facts.known?.result['capabilities']) && 'logging' in facts.known.result['capabilities'];
    const client = {
      info: session.clientInfo,
      capabilities: session.capabilities,
      logLevel: logs ? (logLevel ?? 'info') : undefined,
    };
    const { credential } = targetOf(this.#deps.forward, this.#request);
    const mirrored =
      method === 'tools/call' && typeof params['name'] === 'string'
        ? await facts.headersFor(params['name'], () => readArguments(body))
        : {};
    const text = toModern(body, client, {
      ...(this.#rounds === 0 ? {} : { id: JSON.stringify(`${this.#message.id}/${this.#rounds}`) }),
      params: { inputResponses: setText(responses), requestState: setText(state) },
    });
    return {
      ...this.#request,
      era: 'modern',
      headers: { ...modernHeaders(credential, method, params), ...mirrored },
      body: Buffer.from(text),
    };
  }

  /** Whether an earlier attempt of this call reached the server. */
  #wasSent(): boolean {
    return this.#rounds > 0 || this.#headersRelearned;
  }

  #open(): void {
    this.#answer.open();
    this.#deps.heartbeat.add(this.#answer);
  }

  /** Handles one message of the server; true when it is the response. */
  #handleMessage(text: string): boolean {
    const members = membersOf(text);
    if (members.has('method')) {
      // A modern server sends no requests.
      if (!members.has('id')) this.#answer.event(text);
      return false;
    }
    const [error, result] = [members.get('error'), members.get('result')];
    if (error !== undefined) this.#fails(error);
    else if (result === undefined) return false;
    else if (membersOf(result).get('resultType') === '"input_required"') this.#requestInput(result);
    else this.#answer.result(this.#withOwnId(this.#shown(text, result)));
    return true;
  }

  #ended(over: AnswerEnd): void {
    if (this.#over) return;
    if (over.kind === 'failed')
      return this.#answer.fail({ ...over.failure, sent: over.failure.sent || this.#wasSent() });
    const error = membersOf(over.body).get('error');
    if (over.status < 300) this.#answer.fail({ kind: 'broken', sent: true });
    else if (error === undefined || mayBeLegacyError(codeOf(error)))
      this.#answer.result(over.body, isEraRefusal(over.status) ? MISDIRECTED : over.status);
    else this.#fails(error);
  }

  #fails(error: string): void {
    const { method, id } = this.#message;
    if (
      method === 'tools/call' &&
      codeOf(error) === MODERN_CODES.headerMismatch &&
      !this.#headersRelearned &&
      this.#rounds === 0
    ) {
      this.#headersRelearned = true;
      return inBackground(
        'relearn',
        this.#deps.facts.relearn().then(() => this.#over || this.start()),
        () => this.#answer.fail({ kind: 'broken', sent: true }),
      );
    }
    this.#answer.result(`{"jsonrpc":"2.0","id":${id},"error":${toLegacyError(error, method)}}`);
  }

  /** A tool list without the tools whose `x-mcp-header` declarations are invalid. */
  #shown(text: string, result: string): string {
    const listed = this.#message.method === 'tools/list' ? parseObject(result) : undefined;
    const hidden = listed ? this.#deps.facts.learn(listed) : undefined;
    if (!hidden?.size) return text;
    const isShown = (tool: string): boolean => !hidden.has(String(parseObject(tool)?.['name']));
    return editObject(text, {
      result: editNested({
        tools: (tools) =>
          `[${elementsOf(tools ?? '[]')
            .filter(isShown)
            .join(',')}]`,
      }),
    });
  }

  #withOwnId(text: string): string {
    return this.#rounds === 0 ? text : editObject(text, { id: setText(this.#message.id) });
  }

  #requestInput(result: string): void {
    const state = membersOf(result).get('requestState');
    const requests = inputRequestsOf(result, this.#deps.session.capabilities);
    this.#rounds += 1;
    if (!TAKES_INPUT.has(this.#message.method))
      return this.#withoutInput('the MCP server asked for input for a method that takes none');
    if (this.#rounds > MAX_ROUNDS)
      return this.#withoutInput(`the MCP server asked for input more than ${MAX_ROUNDS} times`);
    if (typeof requests === 'string') return this.#withoutInput(requests);
    if (requests.length === 0 && state === undefined)
      return this.#withoutInput('the MCP server asked for input without saying which');
    if (requests.length === 0) {
      this.#retryTimer = startTimer(
        'legacy_call',
        RETRY_DELAY_MS,
        () => this.#send({ responses: undefined, state }),
        () => this.#answer.abort(),
      );
      return;
    }
    this.#open();
    const { questions, session } = this.#deps;
    const { server, grantId } = this.#request;
    this.#round = new InputRound(
      {
        questions,
        organizationId: server.organizationId,
        grantId,
        sessionId: session.id,
        send: (message) => this.#answer.event(message),
      },
      requests,
      (responses) =>
        responses === undefined
          ? this.#withoutInput('the input that the MCP server asked for was not given')
          : this.#send({ responses, state }),
    );
  }

  /** A tool call gets a result that the model can read. */
  #withoutInput(why: string): void {
    const { id, method } = this.#message;
    if (method !== 'tools/call') return this.#answer.result(errorMessage(id, OWN_CODES.inputMissing, why));
    this.#answer.result(
      `{"jsonrpc":"2.0","id":${id},"result":` +
        `${JSON.stringify({ content: [{ type: 'text', text: why }], isError: true })}}`,
    );
  }
}
