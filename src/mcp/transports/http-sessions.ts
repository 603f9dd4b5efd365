import { isDeepStrictEqual } from 'node:util';
import { headerOf } from '../protocol/headers.js';
import { decorateSink, type Sink, type UpstreamRequest } from '../upstream/forward.js';
import type { FindSession } from './open-sessions.js';

type HttpSession = Readonly<{
  server: UpstreamRequest['server'];
  grantId: string;
  credential: UpstreamRequest['headers'];
  session: string;
  protocolVersion: string;
}>;

const MAX_SESSIONS = 10_000;
const MAX_LOOKED_AT = 16_384;
/** Of what `REVISION` finds, with some white space. */
const MAX_REVISION_LENGTH = 64;
const REVISION = /"protocolVersion"\s*:\s*"(\d{4}-\d{2}-\d{2})"/;
const OF_PROTOCOL = /^(?:mcp-|content-type$|accept$|user-agent$|last-event-id$)/;

/**
 * The newest session that a client has at each Streamable HTTP server, learnt from its `initialize` and its standing
 * stream, so that no call costs more. A session that has ended since is found out when it is used.
 */
export class HttpSessions {
  readonly #sessions = new Map<string, HttpSession>();

  readonly find: FindSession = (server) => {
    const found = this.#sessions.get(server.id);
    if (!found || !isDeepStrictEqual(found.server.transport, server.transport)) return undefined;
    const { grantId, credential, session, protocolVersion } = found;
    return {
      grantId,
      credential,
      handshake: { era: 'legacy', protocolVersion, serverInfo: null, result: {}, session },
    };
  };

  /** Watches the requests that begin, carry or end a session. */
  watch(request: UpstreamRequest, sink: Sink): Sink {
    const session = request.headers['mcp-session-id'];
    if (request.era !== 'legacy') return sink;
    const version = request.headers['mcp-protocol-version'];
    if (request.method === 'GET' && session !== undefined && version !== undefined)
      this.#add(request, session, version);
    if (request.method === 'DELETE' && this.#sessions.get(request.server.id)?.session === session)
      this.#sessions.delete(request.server.id);
    // Only an `initialize` has neither.
    return request.method === 'POST' && session === undefined && version === undefined
      ? this.#watchInitialize(request, sink)
      : sink;
  }

  /** The session stands in the head of the response, its revision in the body. */
  #watchInitialize(request: UpstreamRequest, sink: Sink): Sink {
    let session: string | undefined;
    let [text, lookedAt] = ['', 0];
    return decorateSink(sink, {
      head: (status, headers) => {
        session = status < 300 ? headerOf(headers, 'mcp-session-id') : undefined;
        sink.head(status, headers);
      },
      data: (chunk) => {
        if (session !== undefined && lookedAt < MAX_LOOKED_AT) {
          // However small the chunks are, each byte is looked at a fixed number of times.
          text = text.slice(-MAX_REVISION_LENGTH) + chunk.toString('latin1');
          lookedAt += chunk.length;
          const version = REVISION.exec(text)?.[1];
          if (version !== undefined) {
            this.#add(request, session, version);
            session = undefined;
          }
        }
        return sink.data(chunk);
      },
    });
  }

  #add({ server, grantId, headers, cookies }: UpstreamRequest, session: string, protocolVersion: string): void {
    // Discovery has sessions of its own, which end at once. Cookies go back for their client's requests alone.
    if (!grantId.startsWith('grt_') || cookies?.isEmpty === false) return;
    const credential = Object.fromEntries(Object.entries(headers).filter(([name]) => !OF_PROTOCOL.test(name)));
    this.#sessions.delete(server.id);
    const [oldest] = this.#sessions.keys();
    if (oldest !== undefined && this.#sessions.size >= MAX_SESSIONS) this.#sessions.delete(oldest);
    this.#sessions.set(server.id, { server, grantId, credential, session, protocolVersion });
  }
}
