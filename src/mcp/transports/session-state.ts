import { isObject, type Json } from '../../platform/json/json-object.js';
import type { Handshake } from '../upstream/probe.js';
import { digestOf, type SessionSnapshot } from './session-store.js';
import { isToolPage, ToolListDigest } from './tool-list-digest.js';

const MAX_SUBSCRIPTIONS = 1000;

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
  readonly #tools = new ToolListDigest();

  /** A new session, or one of a snapshot. `discoveredTools` stands for a list that the client has not read. */
  constructor(from: Readonly<{ initialize: string; discoveredTools: string | undefined }> | SessionSnapshot) {
    const saved = 'resultDigest' in from ? from : undefined;
    this.initialize = from.initialize;
    this.isSaved = saved !== undefined;
    this.#resultDigest = saved?.resultDigest;
    this.#toolsDigest = 'discoveredTools' in from ? from.discoveredTools : from.toolsDigest;
    this.#logLevel = saved?.logLevel;
    this.#subscriptions = new Set(saved?.subscriptions);
  }

  /** Undefined before `initialize` was answered. */
  get snapshot(): SessionSnapshot | undefined {
    if (this.#resultDigest === undefined) return undefined;
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
        return this.#subscriptions.delete(String(params?.['uri']));
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
    if (typeof level !== 'string' || level === this.#logLevel) return false;
    this.#logLevel = level;
    return true;
  }

  #subscribe(uri: unknown): boolean {
    if (typeof uri !== 'string' || this.#subscriptions.has(uri) || this.#subscriptions.size >= MAX_SUBSCRIPTIONS)
      return false;
    this.#subscriptions.add(uri);
    return true;
  }
}
