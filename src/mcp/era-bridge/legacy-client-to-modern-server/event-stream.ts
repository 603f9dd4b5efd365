import { setTimeout as sleep } from 'node:timers/promises';
import { startTimer } from '../../../platform/runtime/guard.js';
import { isObject, parseObject, type Json } from '../../../platform/json/json-object.js';
import { META, modernHeaders } from '../../protocol/modern.js';
import { ChannelResponse } from '../../transports/channel-response.js';
import type { Forward, PendingRequest, Sink, UpstreamRequest } from '../../upstream/forward.js';
import { toModern } from '../envelope.js';
import type { Heartbeat } from '../heartbeat.js';
import { drop, editObject, membersOf, editNested } from '../../wire/json-text.js';
import type { LegacySession } from './session-id.js';
import { MessageSink } from '../message-sink.js';
import { targetOf } from '../upstream-target.js';

const METHOD = 'subscriptions/listen';
const CHANGE_DELAY_MS = 10;
const ACKNOWLEDGEMENT_TIMEOUT_MS = 30_000;

export type EventStreamDeps = Readonly<{
  forward: Forward;
  heartbeat: Heartbeat;
  session: LegacySession;
  subscriptions: ReadonlySet<string>;
}>;

const has = (capabilities: Json, kind: string, feature: string): boolean =>
  isObject(capabilities[kind]) && capabilities[kind][feature] === true;

/** The subscription of a session's GET stream; undefined when the server offers no notifications. */
const filterOf = (capabilities: Json, subscriptions: ReadonlySet<string>): Json | undefined => {
  const filter = {
    ...(has(capabilities, 'tools', 'listChanged') ? { toolsListChanged: true } : {}),
    ...(has(capabilities, 'prompts', 'listChanged') ? { promptsListChanged: true } : {}),
    ...(has(capabilities, 'resources', 'listChanged') ? { resourcesListChanged: true } : {}),
    ...(has(capabilities, 'resources', 'subscribe') && subscriptions.size > 0
      ? { resourceSubscriptions: [...subscriptions] }
      : {}),
  };
  return Object.keys(filter).length > 0 || has(capabilities, 'resources', 'subscribe') ? filter : undefined;
};

/**
 * The GET stream of a legacy session over `subscriptions/listen` of its modern server: list changes and updates of the
 * resources that the session subscribed to. It ends with the server's stream; the client then opens another. When the
 * subscriptions change, a new subscription is opened before the old one is closed.
 */
export class LegacyEventStream implements PendingRequest {
  readonly #deps: EventStreamDeps;
  readonly #request: UpstreamRequest;
  readonly #answer: ChannelResponse;
  readonly #capabilities: () => Promise<Json>;
  #current: PendingRequest | undefined;
  #count = 0;
  #newest = 0;
  #paused = false;
  #over = false;
  #change: Promise<void> | undefined;

  constructor(
    deps: EventStreamDeps,
    request: UpstreamRequest,
    to: Readonly<{ capabilities: () => Promise<Json>; sink: Sink; left: () => void }>,
  ) {
    this.#deps = deps;
    this.#request = request;
    this.#capabilities = to.capabilities;
    const left = (): void => {
      this.#over = true;
      deps.heartbeat.remove(this.#answer);
      this.#current?.abort();
      to.left();
    };
    this.#answer = new ChannelResponse(
      to.sink,
      { left, paused: (_answer, paused) => this.#pause(paused) },
      { silenceMs: 0 },
    );
  }

  /** Opens the subscription. A server without notifications has no stream (405). */
  async start(): Promise<void> {
    const listening = await this.#listen();
    if (this.#over) return;
    if (!listening) return this.#answer.result('', 405);
    this.#answer.open();
    this.#deps.heartbeat.add(this.#answer);
  }

  /**
   * The session's subscriptions changed; resolves when the new subscription is open or has failed. Changes close to
   * each other share one subscription.
   */
  subscriptionsChanged(): Promise<void> {
    this.#change ??= sleep(CHANGE_DELAY_MS).then(async () => {
      this.#change = undefined;
      if (!this.#over) await this.#listen();
    });
    return this.#change;
  }

  resume(): void {
    this.#answer.resume();
  }

  abort(): void {
    this.#answer.abort();
  }

  close(): void {
    this.#answer.end();
  }

  #pause(paused: boolean): void {
    this.#paused = paused;
    if (!paused) this.#current?.resume();
  }

  /**
   * Opens a subscription and, once the server has acknowledged it, closes the previous one. False when it was not
   * acknowledged.
   */
  async #listen(): Promise<boolean> {
    const filter = filterOf(await this.#capabilities(), this.#deps.subscriptions);
    if (!filter || this.#over) return false;
    this.#count += 1;
    return this.#open(this.#count, this.#listenRequest(`listen-${this.#count}`, filter));
  }

  #open(number: number, request: UpstreamRequest): Promise<boolean> {
    return new Promise((resolve) => {
      let opened: PendingRequest | undefined;
      let acknowledged = false;
      const timer = startTimer('legacy_listen', ACKNOWLEDGEMENT_TIMEOUT_MS, () => opened?.abort());
      const acknowledge = (): void => {
        clearTimeout(timer);
        resolve(true);
        // A newer subscription already covers this one.
        if (number < this.#newest) return opened?.abort();
        const before = this.#current;
        [this.#current, this.#newest] = [opened, number];
        before?.abort();
      };
      const sink = new MessageSink(request, {
        head: () => undefined,
        message: (text) => {
          if (membersOf(text).get('method') !== '"notifications/subscriptions/acknowledged"')
            return this.#forwardNotification(text);
          acknowledged = true;
          if (opened) acknowledge();
        },
        ended: () => {
          clearTimeout(timer);
          resolve(false);
          if (opened && this.#current === opened) this.#answer.end();
        },
        wantsMore: () => {
          if (sink.unreadable) opened?.abort();
          return !this.#paused;
        },
      });
      opened = this.#deps.forward(request, sink);
      if (acknowledged) acknowledge();
      if (this.#over) opened.abort();
    });
  }

  #listenRequest(id: string, notifications: Json): UpstreamRequest {
    const { forward, session } = this.#deps;
    const body = JSON.stringify({ jsonrpc: '2.0', id, method: METHOD, params: { notifications } });
    const text = toModern(body, { info: session.clientInfo, capabilities: session.capabilities, logLevel: undefined });
    return {
      ...this.#request,
      method: 'POST',
      era: 'modern',
      headers: modernHeaders(targetOf(forward, this.#request).credential, METHOD, {}),
      body: Buffer.from(text),
      silenceMs: 0,
    };
  }

  #forwardNotification(text: string): void {
    const message = parseObject(text);
    if (typeof message?.['method'] !== 'string' || 'id' in message) return;
    const _meta = (value: string | undefined): string | undefined => {
      const kept = editObject(value ?? '{}', { [META.subscriptionId]: drop });
      return kept === '{}' ? undefined : kept;
    };
    this.#answer.event(editObject(text, isObject(message['params']) ? { params: editNested({ _meta }) } : {}));
  }
}
