import { eventStreamReader } from '../wire/event-reader.js';
import { CookieJar } from '../http-client/cookie-jar.js';
import type { HttpClient } from '../http-client/http-client.js';
import { startTimer } from '../../platform/runtime/guard.js';
import { holdBytes } from '../../platform/fair-shares/held-bytes.js';
import type { ChannelEvents, OpenChannel } from './channel.js';
import type { PendingRequest, UpstreamFailure, UpstreamRequest } from '../upstream/forward.js';
import { headerOf, isEventStream } from '../protocol/headers.js';
import { errorFor, PostAnswer } from './post-answer.js';

const ENDPOINT_TIMEOUT_MS = 15_000;
const MAX_EVENT_BYTES = 64 * 1024 * 1024;
/** How long a POST may stay unanswered where its request has no timeout. */
const POST_TIMEOUT_MS = 300_000;
/** POSTs that may be unanswered at once: a server may answer them late, or never. The oldest gives way to a new one. */
const MAX_OPEN_POSTS = 100;
/** Statuses by which a server says that it does not know the connection any more. */
const UNKNOWN_SESSION = new Set([404, 410]);

type Post = Parameters<ReturnType<OpenChannel>['send']>;

/** The URL that the server names for messages; only one of the server's own origin is accepted. */
const endpointOf = (data: string, base: URL): URL | undefined => {
  const url = URL.canParse(data, base.href) ? new URL(data, base) : undefined;
  return url?.origin === base.origin ? url : undefined;
};

const withoutSession = ({
  'mcp-session-id': _session,
  ...headers
}: UpstreamRequest['headers']): Record<string, string> => headers;

/**
 * Opens channels over HTTP+SSE, the transport of 2024-11-05: one GET stream carries all messages of the server, and its
 * first event names the URL that messages are posted to. Messages sent before that wait.
 */
export const sseChannels =
  (http: HttpClient): OpenChannel =>
  (request, events) => {
    const { transport } = request.server;
    if (transport.type !== 'sse') throw new Error('not an SSE server');
    const channel = new SseChannel(http, transport.url, request, events);
    channel.open(request);
    return channel;
  };

class SseChannel {
  readonly #http: HttpClient;
  readonly #url: URL;
  readonly #events: ChannelEvents;
  /** Every request of the channel counts for one owner, and belongs to one session. */
  readonly #owner: Readonly<{ organizationId: string; grantId: string; cookies: CookieJar }>;
  readonly #waiting: Post[] = [];
  readonly #endpointTimer: NodeJS.Timeout;
  readonly #posts = new Set<PendingRequest>();
  #stream: PendingRequest | undefined;
  #endpoint: URL | undefined;
  #paused = false;
  #release = (): void => undefined;
  #over = false;

  constructor(http: HttpClient, url: URL, { server, grantId }: UpstreamRequest, events: ChannelEvents) {
    this.#owner = { organizationId: server.organizationId, grantId, cookies: new CookieJar() };
    this.#http = http;
    this.#url = url;
    this.#events = events;
    this.#endpointTimer = startTimer('sse_channel', ENDPOINT_TIMEOUT_MS, () => this.#closed('timeout'));
  }

  open(request: UpstreamRequest): void {
    const { headers } = request;
    const reader = eventStreamReader(({ event, data }) => this.#over || this.#event(event, data), MAX_EVENT_BYTES);
    const held = holdBytes(request);
    const read = (chunk: Buffer): boolean =>
      held.hold(reader.held() + chunk.length) && reader.read(chunk) && held.hold(reader.held());
    this.#release = () => held.release();
    this.#stream = this.#http(
      {
        url: this.#url,
        method: 'GET',
        headers: { ...withoutSession(headers), accept: 'text/event-stream' },
        body: undefined,
        silenceMs: 0,
        ...this.#owner,
      },
      {
        head: (status, fields) => {
          if (status !== 200 || !isEventStream(headerOf(fields, 'content-type'))) this.#closed('broken');
        },
        data: (chunk) => {
          if (!this.#over && !read(chunk)) this.#closed('broken');
          return !this.#paused;
        },
        end: () => this.#closed('broken'),
        fail: ({ kind, cause }) => this.#closed(kind, cause),
      },
    );
  }

  readonly send = (...post: Post): void => {
    if (this.#endpoint) this.#post(this.#endpoint, post);
    else this.#waiting.push(post);
  };

  readonly pause = (): void => {
    this.#paused = true;
  };

  readonly resume = (): void => {
    this.#paused = false;
    this.#stream?.resume();
  };

  readonly close = (): void => {
    this.#over = true;
    clearTimeout(this.#endpointTimer);
    this.#release();
    this.#stream?.abort();
    for (const post of this.#posts) post.abort();
  };

  #event(event: string | undefined, data: string): void {
    if (event !== 'endpoint') return this.#events.message(data);
    clearTimeout(this.#endpointTimer);
    const endpoint = endpointOf(data, this.#url);
    if (!endpoint) return this.#closed('broken');
    this.#endpoint = endpoint;
    for (const post of this.#waiting.splice(0)) this.#post(endpoint, post);
  }

  /**
   * Posts a message. The response comes on the stream, so that the end of the POST does not matter: the server may
   * answer it late, or its connection may break after the message has arrived. A refusal does matter.
   */
  #post(endpoint: URL, [body, { headers, silenceMs }, failed]: Post): void {
    let running: PendingRequest | undefined;
    let isOver = false;
    const ended = (): void => {
      isOver = true;
      if (running) this.#posts.delete(running);
    };
    const answer = new PostAnswer({
      accepted: ended,
      refused: (status, text) => {
        ended();
        const error = errorFor(body, text);
        if (error === undefined) failed({ kind: 'broken', sent: true });
        else this.#events.message(error);
        if (UNKNOWN_SESSION.has(status)) this.#closed('broken');
      },
      failed: (failure) => {
        ended();
        if (!failure.sent) failed(failure);
      },
    });
    const timeoutMs = silenceMs > 0 ? silenceMs : POST_TIMEOUT_MS;
    running = this.#http(
      { url: endpoint, method: 'POST', headers: withoutSession(headers), body, silenceMs: timeoutMs, ...this.#owner },
      answer,
    );
    if (isOver) return;
    this.#posts.add(running);
    const [oldest] = this.#posts;
    if (this.#posts.size > MAX_OPEN_POSTS) oldest?.abort();
  }

  /**
   * Ends the channel by itself. Whether requests may have reached the server goes by the endpoint alone: nothing is
   * posted before the server has named one, and everything is posted at once after that, so what the server says later
   * (another endpoint, for example) cannot turn a posted request into an unsent one.
   */
  #closed(kind: UpstreamFailure['kind'], cause?: unknown): void {
    if (this.#over) return;
    this.close();
    this.#events.closed({ kind, sent: this.#endpoint !== undefined, ...(cause === undefined ? {} : { cause }) });
  }
}
