import { isObject, type Json } from '../../platform/json/json-object.js';
import type { Handshake } from '../upstream/probe.js';
import { digestOf, type SessionSnapshot } from './session-store.js';
import { isToolPage, ToolListDigest } from './tool-list-digest.js';

const MAX_SUBSCRIPTIONS = 1000;
/** What a client says is kept for as long as the session may be started again: longer texts than these are not. */
const MAX_INITIALIZE_LENGTH = 64 * 1024;
const MAX_SUBSCRIPTIONS_LENGTH = 128 * 1024;
const MAX_LEVEL_LENGTH = 64;

type LearnedRequest = Readonly<{ method: string; params: Json | undefined }>;

/** What is learnt of a session from its requests and their results, as far as a restart needs it. */
export class SessionState {
  readonly initialize: string;
  /** The result of `initialize` on this channel. */
  result: Json | undefined;
  /** Whether the client, or a restart, has said that the session is initialized. */
  isReady = false;
  /** Whether the session is kept beyond this process. */
  isSaved: boolean;
  #resultDigest: string | undefined;
  #toolsDigest: string | undefined;
  #logLevel: string | undefined;
  readonly #subscriptions: Set<string>;
  #subscriptionsLength = 0;
  readonly #tools = new ToolListDigest();

  /** A new session, or one of a snapshot. `discoveredTools` stands for a list that the client has not read. */
  constructor(from: Readonly<{ initialize: string; discoveredTools: string | undefined }> | SessionSnapshot) {
    const saved = 'resultDigest' in from ? from : undefined;
    this.initialize = from.initialize.length <= MAX_INITIALIZE_LENGTH ? from.initialize : '';
    this.isSaved = saved !== undefined;
    this.#resultDigest = saved?.resultDigest;
    this.#toolsDigest = 'discoveredTools' in from ? from.discoveredTools : from.toolsDigest;
    this.#logLevel = saved?.logLevel;
    this.#subscriptions = new Set(saved?.subscriptions);
    for (const uri of this.#subscriptions) this.#subscriptionsLength += uri.length;
  }

  /** Undefined before `initialize` was answered, and for one that is too long to be kept. */
  get snapshot(): SessionSnapshot | undefined {
    if (this.#resultDigest === undefined || this.initialize === '') return undefined;
    return {
      initialize: this.initialize,
      resultDigest: this.#resultDigest,
      toolsDigest: this.#toolsDigest,
      logLevel: this.#logLevel,
      subscriptions: [...this.#subscriptions],
    };
  }

  /** What the server said of itself; undefined before the session is ready. */
  get handshake(): Omit<Handshake, 'session'> | undefined {
    if (!this.isReady || !this.result) return undefined;
    const { protocolVersion, serverInfo } = this.result;
    return {
      era: 'legacy',
      protocolVersion: String(protocolVersion),
      serverInfo: isObject(serverInfo) ? serverInfo : null,
      result: this.result,
    };
  }

  /**
   * Learns from the result of a client's request, in this message; true when that changed the snapshot of a session
   * that has begun.
   */
  learn({ method, params }: LearnedRequest, result: Json, message: string): boolean {
    switch (method) {
      case 'initialize':
        this.result = result;
        this.#resultDigest = digestOf(result);
        return false;
      case 'tools/list':
        return isToolPage(result) && this.#learnTools(this.#tools.page(params, result, message));
      case 'logging/setLevel':
        return this.#learnLevel(params?.['level']);
      case 'resources/subscribe':
        return this.#subscribe(params?.['uri']);
      case 'resources/unsubscribe':
        return this.#unsubscribe(String(params?.['uri']));
      default:
        return false;
    }
  }

  #learnTools(digest: string | undefined): boolean {
    if (digest === undefined || digest === this.#toolsDigest) return false;
    this.#toolsDigest = digest;
    return true;
  }

  #learnLevel(level: unknown): boolean {
    if (typeof level !== 'string' || level.length > MAX_LEVEL_LENGTH || level === this.#logLevel) return false;
    this.#logLevel = level;
    return true;
  }

  #subscribe(uri: unknown): boolean {
    if (typeof uri !== 'string' || this.#subscriptions.has(uri) || this.#subscriptions.size >= MAX_SUBSCRIPTIONS)
      return false;
    if (this.#subscriptionsLength + uri.length > MAX_SUBSCRIPTIONS_LENGTH) return false;
    this.#subscriptions.add(uri);
    this.#subscriptionsLength += uri.length;
    return true;
  }

  #unsubscribe(uri: string): boolean {
    if (!this.#subscriptions.delete(uri)) return false;
    this.#subscriptionsLength -= uri.length;
    return true;
  }
}
