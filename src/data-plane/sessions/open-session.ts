import { isUtf8 } from 'node:buffer';
import { isObject, type Json } from '../../platform/json/json-object.js';
import { clip } from '../../platform/runtime/clip.js';
import { isId, newId } from '../../platform/crypto/ids.js';
import { headerOf, upstreamHeaders } from '../../mcp/protocol/headers.js';
import { jsonRpcError } from '../../mcp/protocol/answers.js';
import { offered } from '../../mcp/protocol/capabilities.js';
import type { Request } from '../../mcp/protocol/read-message.js';
import { findNamedRevision, isRevisionOf, REVISIONS } from '../../mcp/protocol/era.js';
import { OWN_CODES } from '../../mcp/protocol/codes.js';
import { parseServerMessage, readResponse } from '../../mcp/protocol/response.js';
import { whyNotSpoken, whyUnreadable } from '../../mcp/protocol/unreadable.js';
import { CookieJar } from '../../mcp/http-client/cookie-jar.js';
import type { UpstreamFailure } from '../../mcp/upstream/forward.js';
import { editObject, set, editNested } from '../../mcp/wire/json-text.js';
import { collectAnswer, isUpstreamFailure, type Collected } from '../relay/collect-answer.js';
import type { AuthenticatedRequest } from '../relay/exchange.js';
import { passableText } from '../relay/passable-message.js';
import { failureResponse } from '../relay/relayed.js';
import { errorUnderId, refusalOf, type Refusal } from '../relay/upstream-refusal.js';
import { OpeningSession } from './opening-session.js';
import { type SessionContent } from './sealed-session.js';
import type { SessionDeps } from './session-deps.js';

const SESSION_LIFETIME_MS = 24 * 60 * 60 * 1000;
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

const asObject = (value: unknown): Json => (isObject(value) ? value : {});
const asText = (value: unknown): string | undefined => (typeof value === 'string' ? clip(value, 128) : undefined);

/** The revision that the upstream is asked for: the client's, or the newest when that is not spoken here. */
const revisionAskedFor = ({ params }: Request): string => {
  const asked = params?.['protocolVersion'];
  return isRevisionOf('legacy', asked) ? asked : REVISIONS.legacy[0];
};

/** The client's initialize, asking for this revision whatever the client asked for. */
const withRevision = (request: Request, body: Buffer, revision: string): Buffer => {
  if (request.params?.['protocolVersion'] === revision) return body;
  return Buffer.from(editObject(body.toString('utf8'), { params: editNested({ protocolVersion: set(revision) }) }));
};

/** A session over a channel has an id of ours, by which its restarts are recorded. */
const sessionIdFor = ({ server }: AuthenticatedRequest['who'], upstreamSession = ''): string =>
  server.transport.type !== 'streamable-http' && isId('ses', upstreamSession) ? upstreamSession : newId('ses');

type UpstreamSession = Readonly<{ session: string | undefined; version: string; cookies: CookieJar }>;

const sessionOf = ({ who }: AuthenticatedRequest, { params }: Request, upstream: UpstreamSession): SessionContent => {
  const client = asObject(params?.['clientInfo']);
  const [clientName, clientVersion] = [asText(client['name']), asText(client['version'])];
  return {
    era: 'legacy',
    sessionId: sessionIdFor(who, upstream.session),
    organizationId: who.organization.id,
    grantId: who.grant.id,
    serverId: who.server.id,
    upstreamSession: upstream.session,
    protocolVersion: upstream.version,
    cookies: upstream.cookies,
    clientCapabilities: params?.['capabilities'] ?? {},
    ...(clientName === undefined ? {} : { clientName }),
    ...(clientVersion === undefined ? {} : { clientVersion }),
    expiresAt: Date.now() + SESSION_LIFETIME_MS,
  };
};

type Opening = AuthenticatedRequest & Readonly<{ body: Buffer }>;

/** An initialize on its way: in which revision, and the cookies of the session that it opens. */
type Attempt = Readonly<{ revision: string; cookies: CookieJar; opening: OpeningSession }>;

const askUpstream = (
  deps: SessionDeps,
  { who, response, body }: Opening,
  request: Request,
  { revision, cookies, opening }: Attempt,
): ReturnType<typeof collectAnswer> =>
  collectAnswer(
    deps,
    {
      server: who.server,
      grantId: who.grant.id,
      era: 'legacy',
      method: 'POST',
      headers: upstreamHeaders(who.server.headers, { upstreamSession: undefined, protocolVersion: undefined }),
      body: withRevision(request, body, revision),
      silenceMs: deps.upstreamTimeoutMs,
      cookies,
    },
    {
      maxBytes: MAX_ANSWER_BYTES,
      id: request.id,
      until: response,
      onInterim: (interim) => opening.pass(interim),
    },
  );

const ownError = (id: Request['id'], reason: string): Refusal => ({
  status: 200,
  text: JSON.stringify(jsonRpcError(id, OWN_CODES.upstreamError, reason)),
  headers: {},
});

/** What a success has in the place of a result. */
const whyUnusable = ({ body, headers, isStream }: Collected): string => {
  if (isStream && body.length === 0) return 'with an event stream that holds no response';
  if (!isUtf8(body)) return 'with bytes that are not UTF-8';
  const text = body.toString('utf8');
  return readResponse(parseServerMessage(text))
    ? 'with a response that may not be passed on'
    : whyUnreadable(text, headerOf(headers, 'content-type'));
};

/** Another revision that the server named when it refused the one that it was asked for. */
const namedRevision = (answer: Collected | UpstreamFailure, requested: string): string | undefined => {
  const content = isUpstreamFailure(answer)
    ? undefined
    : readResponse(parseServerMessage(answer.body.toString('utf8')));
  return content?.kind === 'error' ? findNamedRevision('legacy', content.error, requested) : undefined;
};

/** The result of an initialize that can be passed on, as it goes to the client; else what the client gets instead. */
const readAnswer = (
  collected: Collected,
  { id }: Request,
): Readonly<{ text: string; version: string }> | Readonly<{ refusal: Refusal }> => {
  if (collected.status < 200 || collected.status > 299)
    return { refusal: refusalOf(collected, { id, session: undefined }) };
  const { text, message } = passableText(collected.body);
  const content = readResponse(message);
  const error = content?.kind === 'error' ? errorUnderId(text, id) : undefined;
  if (error !== undefined) return { refusal: { status: 200, text: error, headers: {} } };
  if (content?.kind !== 'result') return { refusal: ownError(id, `the MCP server answered ${whyUnusable(collected)}`) };
  const { result } = content;
  const version = result['protocolVersion'];
  if (!isRevisionOf('legacy', version))
    return { refusal: ownError(id, `the MCP server can't be used: ${whyNotSpoken(version)}`) };
  return {
    text: editObject(text, { result: editNested({ capabilities: set(offered(result['capabilities'])) }) }),
    version,
  };
};

/**
 * initialize: forwarded, and answered with a session id that seals the upstream's, the grant, the server, the
 * negotiated version and the client's capabilities. The upstream's own session id never reaches the client.
 */
export const openUpstreamSession = async (deps: SessionDeps, exchange: Opening, request: Request): Promise<void> => {
  const { id } = request;
  const cookies = new CookieJar();
  const revision = revisionAskedFor(request);
  const opening = new OpeningSession(deps, exchange, (headers, version = revision) =>
    sessionOf(exchange, request, { session: headerOf(headers, 'mcp-session-id'), version, cookies }),
  );
  const first = await askUpstream(deps, exchange, request, { revision, cookies, opening });
  const named = namedRevision(first, revision);
  const collected =
    named === undefined ? first : await askUpstream(deps, exchange, request, { revision: named, cookies, opening });
  if (isUpstreamFailure(collected))
    return opening.refuse({ status: 200, text: JSON.stringify(failureResponse(id, collected)), headers: {} });
  const answer = readAnswer(collected, request);
  if ('refusal' in answer) return opening.refuse(answer.refusal);
  const why = opening.open(collected.headers, answer);
  return why === undefined ? undefined : opening.refuse(ownError(id, why));
};
