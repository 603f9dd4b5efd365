import { isObject, type Json } from '../../../platform/json/json-object.js';
import { modernHeaders, ownModernBody } from '../../protocol/modern.js';
import { ask, resultOf, type UpstreamAnswer, type AnswerLimits } from '../../upstream/ask.js';
import { discoverModern, postTo, type Handshake, type UpstreamTarget } from '../../upstream/probe.js';
import { mirroredHeaders, paramHeadersOf, type ParamHeader } from '../../protocol/param-headers.js';

const REQUEST_TIMEOUT_MS = 30_000;
const MAX_BYTES = 32 * 2 ** 20;
const LIST_TIMEOUT_MS = 60_000;
const MAX_PAGES = 100;
const MAX_TOOLS = 20_000;
const MAX_TTL_MS = 5 * 60_000;
/** How long after a list another unknown tool does not cause a new one. */
const LIST_RETRY_DELAY_MS = 30_000;

type Tool = Readonly<{ name: string; headers: readonly ParamHeader[] | undefined }>;

const toolsIn = (result: Json): readonly Tool[] =>
  (Array.isArray(result['tools']) ? (result['tools'] as readonly unknown[]) : []).flatMap((tool) =>
    isObject(tool) && typeof tool['name'] === 'string'
      ? [{ name: tool['name'], headers: paramHeadersOf(tool['inputSchema']) }]
      : [],
  );

/** The result of `server/discover`, or the failure. */
export type HandshakeResult = Awaited<ReturnType<typeof discoverModern>>;

/**
 * What is known of a modern server for its legacy clients: its handshake, cached for its TTL (five minutes at most),
 * and which arguments its tools mirror in headers, learned from every list that passes and from a list of our own when
 * an unknown tool is called.
 */
export class ModernServerCache {
  readonly #reach: UpstreamTarget;
  readonly #headers = new Map<string, readonly ParamHeader[]>();
  #handshake: Promise<HandshakeResult> | undefined;
  #freshUntil = 0;
  #known: Handshake | undefined;
  #listing: Promise<void> | undefined;
  #listedAt = Number.NEGATIVE_INFINITY;

  constructor(reach: UpstreamTarget) {
    this.#reach = reach;
  }

  /** The newest handshake, even if expired; undefined before the first. */
  get known(): Handshake | undefined {
    return this.#known;
  }

  handshake(): Promise<HandshakeResult> {
    if (this.#handshake && performance.now() < this.#freshUntil) return this.#handshake;
    this.#freshUntil = Number.POSITIVE_INFINITY;
    this.#handshake = discoverModern(this.#reach, { timeoutMs: REQUEST_TIMEOUT_MS, maxBytes: MAX_BYTES }).then(
      (introduced) => {
        const ttl = introduced.handshake?.result['ttlMs'];
        this.#freshUntil = performance.now() + (typeof ttl === 'number' && ttl > 0 ? Math.min(ttl, MAX_TTL_MS) : 0);
        this.#known = introduced.handshake ?? this.#known;
        return introduced;
      },
    );
    return this.#handshake;
  }

  /**
   * The headers that a call of this tool needs; an unknown tool causes a list request. `readArguments` is called for
   * tools that mirror arguments.
   */
  async headersFor(tool: string, readArguments: () => unknown): Promise<Record<string, string>> {
    if (!this.#headers.has(tool)) await this.#list();
    const params = this.#headers.get(tool) ?? [];
    return params.length === 0 ? {} : mirroredHeaders(params, readArguments());
  }

  /** Lists the tools again after the server refused the headers of a call. */
  relearn(): Promise<void> {
    this.#headers.clear();
    this.#listedAt = Number.NEGATIVE_INFINITY;
    return this.#list();
  }

  /** Learns the tools of a list and returns the names of those that must be hidden. */
  learn(result: Json): ReadonlySet<string> {
    const tools = toolsIn(result);
    if (this.#headers.size > MAX_TOOLS) this.#headers.clear();
    for (const { name, headers } of tools) this.#headers.set(name, headers ?? []);
    return new Set(tools.flatMap(({ name, headers }) => (headers === undefined ? [name] : [])));
  }

  #list(): Promise<void> {
    if (!this.#listing && performance.now() - this.#listedAt < LIST_RETRY_DELAY_MS) return Promise.resolve();
    this.#listing ??= this.#listAll().finally(() => {
      this.#listing = undefined;
      this.#listedAt = performance.now();
    });
    return this.#listing;
  }

  async #listAll(): Promise<void> {
    let cursor: unknown;
    let maxBytes = MAX_BYTES;
    const endsAt = performance.now() + LIST_TIMEOUT_MS;
    for (let page = 1; page <= MAX_PAGES && performance.now() < endsAt && maxBytes > 0; page += 1) {
      const answer = await this.#page(page, cursor, {
        timeoutMs: Math.min(REQUEST_TIMEOUT_MS, endsAt - performance.now()),
        maxBytes,
      });
      if (answer.kind === 'response') maxBytes -= answer.bytes;
      const result = resultOf(answer);
      if (!result) return;
      this.learn(result);
      cursor = result['nextCursor'];
      if (typeof cursor !== 'string' || cursor === '') return;
    }
  }

  #page(page: number, cursor: unknown, limits: AnswerLimits): Promise<UpstreamAnswer> {
    const params = cursor === undefined ? {} : { cursor };
    const request = postTo(
      this.#reach,
      'modern',
      ownModernBody(page, 'tools/list', params),
      modernHeaders(this.#reach.credential, 'tools/list', params),
    );
    return ask(this.#reach.forward, request, page, limits);
  }
}
