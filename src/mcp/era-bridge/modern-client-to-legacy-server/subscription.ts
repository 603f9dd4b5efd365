import { isObject, type Json } from '../../../platform/json/json-object.js';
import { ChannelResponse } from '../../transports/channel-response.js';
import type { PendingRequest, Sink } from '../../upstream/forward.js';
import type { Heartbeat } from '../heartbeat.js';
import { acknowledgement, withSubscriptionId } from './results.js';
import type { SessionListener, UpstreamSession } from './upstream-session.js';

const MAX_URIS = 1000;

const LIST_KINDS = {
  toolsListChanged: 'tools',
  promptsListChanged: 'prompts',
  resourcesListChanged: 'resources',
} as const;
const FLAGS: Readonly<Record<string, keyof typeof LIST_KINDS>> = {
  'notifications/tools/list_changed': 'toolsListChanged',
  'notifications/prompts/list_changed': 'promptsListChanged',
  'notifications/resources/list_changed': 'resourcesListChanged',
};

/** Many servers send list_changed without having declared it: whoever has a kind is listened to for its changes. */
const has = (capabilities: unknown, kind: string, feature?: string): boolean =>
  isObject(capabilities) &&
  isObject(capabilities[kind]) &&
  (feature === undefined || capabilities[kind][feature] === true);

/**
 * One `subscriptions/listen` of a modern client: the list changes and resource updates of a legacy session that the
 * client asked for, each with the subscription's id, which is the id of the request. It ends with the session.
 */
export class ModernSubscription implements PendingRequest, SessionListener {
  readonly #id: string;
  readonly #session: UpstreamSession;
  readonly #heartbeat: Heartbeat;
  readonly #answer: ChannelResponse;
  #filter: Json = {};
  #uris: readonly string[] = [];
  readonly #waiting = new Map<string, string>();
  #paused = false;
  #acknowledged = false;
  #over = false;

  constructor(id: string, session: UpstreamSession, to: Readonly<{ heartbeat: Heartbeat; sink: Sink }>) {
    this.#id = id;
    this.#session = session;
    this.#heartbeat = to.heartbeat;
    const left = (): void => {
      this.#over = true;
      this.#heartbeat.remove(this.#answer);
      session.unlisten(this, this.#uris);
    };
    this.#answer = new ChannelResponse(
      to.sink,
      { left, paused: (_answer, paused) => this.#pause(paused) },
      { silenceMs: 0 },
    );
  }

  async start(wanted: Json): Promise<void> {
    const { capabilities } = this.#session.handshake.result;
    const flags = Object.entries(LIST_KINDS).filter(([flag, kind]) => wanted[flag] === true && has(capabilities, kind));
    const named: readonly unknown[] =
      Array.isArray(wanted['resourceSubscriptions']) && has(capabilities, 'resources', 'subscribe')
        ? wanted['resourceSubscriptions']
        : [];
    const uris = await this.#session.listen(
      this,
      [...new Set(named.filter((uri) => typeof uri === 'string'))].slice(0, MAX_URIS),
    );
    if (this.#over) return this.#session.unlisten(this, uris);
    this.#uris = uris;
    this.#filter = {
      ...Object.fromEntries(flags.map(([flag]) => [flag, true])),
      ...(uris.length > 0 ? { resourceSubscriptions: uris } : {}),
    };
    this.#acknowledged = true;
    this.#answer.event(acknowledgement(this.#id, this.#filter));
    this.#heartbeat.add(this.#answer);
  }

  /** Passes on a change notification of the server; nothing goes out before the acknowledgement. */
  notify(method: string, text: string, uri: unknown): void {
    if (!this.#acknowledged) return;
    const flag = FLAGS[method];
    if (flag === undefined ? !this.#uris.includes(String(uri)) : this.#filter[flag] !== true) return;
    if (this.#paused) this.#waiting.set(flag ?? String(uri), text);
    else this.#answer.event(withSubscriptionId(text, this.#id));
  }

  /** The session ended. The stream ends without a result, as only that makes clients subscribe again. */
  close(): void {
    if (this.#acknowledged) this.#answer.end();
    else this.#answer.fail({ kind: 'broken', sent: true });
  }

  resume(): void {
    this.#answer.resume();
  }

  abort(): void {
    this.#answer.abort();
  }

  /** The session is shared and can't wait for a slow reader, which gets one notification for all changes meanwhile. */
  #pause(paused: boolean): void {
    this.#paused = paused;
    for (const [key, text] of this.#waiting) {
      if (this.#paused || this.#over) return;
      this.#waiting.delete(key);
      this.#answer.event(withSubscriptionId(text, this.#id));
    }
  }
}
