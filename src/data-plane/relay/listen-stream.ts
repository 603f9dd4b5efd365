import { isObject, type Json } from '../../platform/json/json-object.js';
import { guarded } from '../../platform/runtime/guard.js';
import { beginEventStream, jsonRpcError, sendJson, sendJsonText, type RequestId } from '../../mcp/protocol/answers.js';
import { JSON_RPC_CODES, OWN_CODES } from '../../mcp/protocol/codes.js';
import { EventSplitter } from '../../mcp/wire/event-splitter.js';
import { headerOf, isEventStream } from '../../mcp/protocol/headers.js';
import { META } from '../../mcp/protocol/modern.js';
import { readEvent, type DropReason } from './event-reading.js';
import { TASK_MARKER, withTaskIds } from '../../mcp/protocol/task-messages.js';
import type { Kind } from '../../policy-engine/facts.js';
import type {
  PendingRequest,
  Sink,
  UpstreamFailure,
  UpstreamHeaders,
  UpstreamRequest,
} from '../../mcp/upstream/forward.js';
import type { Exchange, RelayDeps } from './exchange.js';
import { ClientWriter } from './client-writer.js';
import { rewriteEvent } from './rewrite-messages.js';
import { passableMessage } from './passable-message.js';
import { describeFailure, type Relayed } from './relayed.js';
import { refusalOf } from './upstream-refusal.js';
import { LIST_CHANGED } from './standing-stream.js';
import { UpstreamNotices } from './upstream-notices.js';

const MAX_EVENT_BYTES = 1024 * 1024;

/** The members of a client's filter that ask for list_changed. */
export const FILTER_MEMBERS: Readonly<Record<Kind, string>> = {
  tool: 'toolsListChanged',
  resource: 'resourcesListChanged',
  prompt: 'promptsListChanged',
};

/**
 * `filter` is sent upstream; `clientsTaskId` returns the client's id of a task; `done` is called once, when the
 * subscription is over.
 */
export type Subscription = Readonly<{
  id: RequestId;
  filter: Json;
  clientsTaskId: (taskId: string) => string;
  done: (relayed: Relayed) => void;
}>;

/**
 * A `subscriptions/listen` of a modern client: the upstream's events and Toolgate's. Toolgate promises every
 * list_changed that was asked for, as a change of grant or policy changes lists whatever the upstream does. Where the
 * upstream has no subscriptions, the stream is Toolgate's alone.
 */
class ListenStream implements Sink {
  readonly #deps: RelayDeps;
  readonly #exchange: Exchange;
  readonly #subscription: Subscription;
  readonly #taskIds: Parameters<typeof rewriteEvent>[1];
  readonly #splitter = new EventSplitter();
  readonly #kinds: readonly Kind[];
  readonly #writer: ClientWriter;
  readonly #upstreamNotices = new UpstreamNotices();
  #running: PendingRequest | undefined;
  #status = 0;
  #headers: UpstreamHeaders = {};
  #mode: 'waiting' | 'events' | 'own' | 'over' = 'waiting';
  #acknowledged = false;
  #body: Buffer[] = [];
  #bytes = 0;

  constructor(deps: RelayDeps, exchange: Exchange, listening: Subscription) {
    this.#deps = deps;
    this.#exchange = exchange;
    this.#subscription = listening;
    this.#taskIds = { marker: TASK_MARKER, rewrite: (text) => withTaskIds(text, listening.clientsTaskId) };
    this.#writer = new ClientWriter(exchange.response, () => this.#running?.resume());
    this.#kinds = (['tool', 'resource', 'prompt'] as const).filter(
      (kind) => listening.filter[FILTER_MEMBERS[kind]] === true,
    );
  }

  start(running: PendingRequest): void {
    this.#running = running;
    const left = (): void => {
      // A client ends a subscription by leaving.
      this.#finish(this.#mode === 'waiting' ? 'cancelled' : 'ok', true);
      running.abort();
    };
    this.#exchange.response.once('close', guarded('relay', left));
  }

  head(status: number, headers: UpstreamHeaders): void {
    this.#status = status;
    this.#headers = headers;
    if (status === 200 && isEventStream(headerOf(headers, 'content-type'))) this.#begin('events');
  }

  data(chunk: Buffer): boolean {
    this.#bytes += chunk.length;
    if (this.#mode === 'waiting' && this.#bytes <= MAX_EVENT_BYTES) this.#body.push(chunk);
    if (this.#mode !== 'events') return true;
    const events = this.#splitter
      .feed(chunk)
      .map((event) => (event.length > MAX_EVENT_BYTES ? this.#drop('too_long') : this.#screen(event)));
    if (this.#splitter.held > MAX_EVENT_BYTES) {
      this.#splitter.skip();
      this.#drop('too_long');
    }
    return this.#writer.write(Buffer.concat(events));
  }

  end(): void {
    if (this.#mode === 'events') this.#exchange.response.end();
    if (this.#mode !== 'waiting') return this.#mode === 'events' ? this.#finish('ok', true) : undefined;
    const answer = { status: this.#status, headers: this.#headers, body: Buffer.concat(this.#body) };
    const error = passableMessage(answer.body)?.['error'];
    if (isObject(error) && error['code'] === JSON_RPC_CODES.methodNotFound) return this.#serveOwnStream();
    const { id } = this.#subscription;
    if (isObject(error) || this.#status < 200 || this.#status > 299) {
      const { status, text, headers } = refusalOf(answer, { id, session: this.#exchange.session });
      sendJsonText(this.#exchange.response, status, text, headers);
    } else this.#refuse(OWN_CODES.upstreamError, 'the MCP server gave no subscription');
    return this.#finish('upstream_error', true);
  }

  fail(failure: UpstreamFailure): void {
    const { status, code, message } = describeFailure(failure);
    if (this.#mode === 'waiting') this.#refuse(code, message);
    else if (this.#mode === 'events') this.#exchange.response.end();
    this.#finish(status, failure.sent);
  }

  #refuse(code: number, message: string): void {
    sendJson(this.#exchange.response, 200, jsonRpcError(this.#subscription.id, code, message));
  }

  /** The upstream has no subscriptions. */
  #serveOwnStream(): void {
    this.#begin('own');
    this.#send('notifications/subscriptions/acknowledged', { notifications: this.#promised({}) });
    this.#acknowledged = true;
  }

  #begin(mode: 'events' | 'own'): void {
    const { response, who } = this.#exchange;
    this.#mode = mode;
    if (response.destroyed) return;
    beginEventStream(response);
    this.#deps.streams.add(
      response,
      who,
      { sessionId: null, standing: true, tool: null },
      {
        listsChanged: (kinds) => this.#sendListsChanged(kinds),
        toolsChanged: () => {
          if (this.#upstreamNotices.isNews()) this.#sendListsChanged(['tool']);
        },
        keepAlive: () => void this.#writer.write(Buffer.from(':\n\n')),
        close: () => this.#close(),
      },
    );
  }

  #sendListsChanged(kinds: readonly Kind[]): void {
    for (const kind of this.#acknowledged ? kinds : [])
      if (this.#kinds.includes(kind)) this.#send(LIST_CHANGED[kind], {});
  }

  /**
   * An event as it came, except for the acknowledgement, which also names what Toolgate promises. Requests are dropped:
   * they have no place on a stream of this era.
   */
  #screen(event: Buffer): Buffer {
    const { organization, server } = this.#exchange.who;
    if (event.includes(LIST_CHANGED.tool)) {
      this.#upstreamNotices.passed();
      this.#deps.toolsChanged({ organizationId: organization.id, serverId: server.id });
    }
    const read = readEvent(event, () => false);
    if ('dropped' in read) return this.#drop(read.dropped);
    const { message, bytes } = read;
    if (!message) return bytes;
    if ('method' in message && 'id' in message) return this.#drop('not_declared');
    if (message['method'] === 'notifications/subscriptions/acknowledged') return this.#acknowledgement(message);
    return rewriteEvent(bytes, this.#taskIds);
  }

  #drop(reason: DropReason): Buffer {
    this.#deps.eventDropped(reason);
    return Buffer.alloc(0);
  }

  #acknowledgement(message: Json): Buffer {
    const params = isObject(message['params']) ? message['params'] : {};
    this.#acknowledged = true;
    return eventOf({
      ...message,
      params: {
        ...params,
        notifications: this.#promised(isObject(params['notifications']) ? params['notifications'] : {}),
      },
    });
  }

  #promised({ taskIds, ...byUpstream }: Json): Json {
    const tasks = Array.isArray(taskIds)
      ? { taskIds: taskIds.map((id) => this.#subscription.clientsTaskId(String(id))) }
      : {};
    return { ...byUpstream, ...tasks, ...Object.fromEntries(this.#kinds.map((kind) => [FILTER_MEMBERS[kind], true])) };
  }

  #send(method: string, params: Json): void {
    this.#writer.write(
      eventOf({
        jsonrpc: '2.0',
        method,
        params: { ...params, _meta: { [META.subscriptionId]: this.#subscription.id } },
      }),
    );
  }

  /** The graceful end: the response to the request. */
  #close(): void {
    const { id } = this.#subscription;
    this.#exchange.response.end(
      eventOf({ jsonrpc: '2.0', id, result: { resultType: 'complete', _meta: { [META.subscriptionId]: id } } }),
    );
  }

  #finish(status: Relayed['status'], sent: boolean): void {
    if (this.#mode === 'over') return;
    this.#mode = 'over';
    this.#subscription.done({
      status,
      upstreamStatus: this.#status === 0 ? null : this.#status,
      responseBytes: this.#bytes,
      sent,
    });
  }
}

const eventOf = (message: unknown): Buffer => Buffer.from(`data: ${JSON.stringify(message)}\n\n`);

/** Opens a subscription upstream and serves it until either side ends it. */
export const relayListen = (
  deps: RelayDeps,
  exchange: Exchange,
  request: UpstreamRequest,
  listening: Subscription,
): void => {
  const stream = new ListenStream(deps, exchange, listening);
  stream.start(deps.forward({ ...request, silenceMs: 0 }, stream));
};
