import { isObject, type Json } from '../../platform/json/json-object.js';
import type { UpstreamFailure } from '../upstream/forward.js';
import type { ChannelResponse } from './channel-response.js';

export type MessageId = string | number;

/** Whether a value is the id of a JSON-RPC request. */
export const isMessageId = (value: unknown): value is MessageId =>
  typeof value === 'string' || typeof value === 'number';

/** One request of the client that its server has not answered. */
export type ClientExchange = Readonly<{ answer: ChannelResponse; method: string; params: Json | undefined }>;

/** Requests that run something at the server, which may need the client for it. */
const MAY_NEED_CLIENT = new Set(['tools/call', 'prompts/get', 'resources/read', 'completion/complete']);
/** Notifications that belong to a request under way rather than to the standing stream. */
const OF_A_REQUEST = new Set(['notifications/progress', 'notifications/message', 'notifications/cancelled']);

const progressTokenOf = (params: Json | undefined): unknown =>
  isObject(params?.['_meta']) ? params['_meta']['progressToken'] : undefined;

/** The requests of a session's client that are under way, and its standing stream. */
export class Exchanges {
  readonly #pending = new Map<MessageId, ClientExchange>();
  standing: ChannelResponse | undefined;

  get isEmpty(): boolean {
    return this.#pending.size === 0 && this.standing === undefined;
  }

  get hasCalls(): boolean {
    return this.#pending.size > 0;
  }

  get(id: MessageId): ClientExchange | undefined {
    return this.#pending.get(id);
  }

  add(id: MessageId, exchange: ClientExchange): void {
    this.#pending.set(id, exchange);
  }

  remove(id: MessageId): void {
    this.#pending.delete(id);
  }

  failAll(failure: UpstreamFailure): void {
    for (const { answer } of this.#pending.values()) answer.fail(failure);
    this.standing?.end();
  }

  /** Ends all with a status, where nothing was sent to the client before. */
  refuseAll(status: number): void {
    for (const { answer } of this.#pending.values()) answer.result('', status);
    this.standing?.end();
  }

  /**
   * Where a message of the server goes. A progress notification names its request. A request of the server goes to the
   * newest request that may need the client, else to the standing stream, else to any other request: over a channel
   * nothing says which one it belongs to. `initialize` comes last, and takes no notifications.
   */
  streamFor(message: Json): ChannelResponse | undefined {
    const token = isObject(message['params']) ? message['params']['progressToken'] : undefined;
    const open = [...this.#pending.values()].filter(({ method }) => method !== 'initialize');
    const named = token === undefined ? undefined : open.find(({ params }) => progressTokenOf(params) === token);
    if (named) return named.answer;
    if (!('id' in message) && !OF_A_REQUEST.has(String(message['method']))) return this.standing;
    const newest = open.findLast(({ method }) => MAY_NEED_CLIENT.has(method));
    const last = open.at(-1) ?? ('id' in message ? [...this.#pending.values()].at(-1) : undefined);
    return newest?.answer ?? this.standing ?? last?.answer;
  }
}
