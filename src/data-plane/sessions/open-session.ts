import { isObject, type Json } from '../../platform/json/json-object.js';
import { clip } from '../../platform/runtime/clip.js';
import { isId, newId } from '../../platform/crypto/ids.js';
import { headerOf, upstreamHeaders } from '../../mcp/protocol/headers.js';
import { jsonRpcError } from '../../mcp/protocol/answers.js';
import { offered } from '../../mcp/protocol/capabilities.js';
import type { Request } from '../../mcp/protocol/read-message.js';
import { isRevisionOf, REVISIONS } from '../../mcp/protocol/era.js';
import { OWN_CODES } from '../../mcp/protocol/codes.js';
import { readResponse } from '../../mcp/protocol/response.js';
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

/** A client that asks for a revision that is not spoken here is offered the newest one (MCP, "Version Negotiation"). */
const withSpokenRevision = (request: Request, body: Buffer): Buffer => {
  const asked = revisionAskedFor(request);
  if (request.params?.['protocolVersion'] === asked) return body;
  return Buffer.from(editObject(body.toString('utf8'), { params: editNested({ protocolVersion: set(asked) }) }));
};

/** A session over a channel has an id of ours, by which its restarts are recorded. */
const sessionIdFor = ({ server }: AuthenticatedRequest['who'], upstreamSession = ''): string =>
  server.transport.type !== 'streamable-http' && isId('ses', upstreamSession) ? upstreamSession : newId('ses');

const sessionOf = (
  { who }: AuthenticatedRequest,
  { params }: Request,
  upstream: Readonly<{ session: string | undefined; version: string }>,
): SessionContent => {
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
    clientCapabilities: params?.['capabilities'] ?? {},
    ...(clientName === undefined ? {} : { clientName }),
    ...(clientVersion === undefined ? {} : { clientVersion }),
    expiresAt: Date.now() + SESSION_LIFETIME_MS,
  };
};

type Opening = AuthenticatedRequest & Readonly<{ body: Buffer }>;

const askUpstream = (
  deps: SessionDeps,
  { who, response, body }: Opening,
  request: Request,
  opening: OpeningSession,
): ReturnType<typeof collectAnswer> =>
  collectAnswer(
    deps,
    {
      server: who.server,
      grantId: who.grant.id,
      era: 'legacy',
      method: 'POST',
      headers: upstreamHeaders(who.server.headers, { upstreamSession: undefined, protocolVersion: undefined }),
      body: withSpokenRevision(request, body),
      silenceMs: deps.upstreamTimeoutMs,
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
  const result = content?.kind === 'result' ? content.result : {};
  const version = result['protocolVersion'];
  if (!isRevisionOf('legacy', version))
    return { refusal: ownError(id, 'the MCP server speaks no protocol revision that this gateway speaks') };
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
  const opening = new OpeningSession(deps, exchange, (headers, version = revisionAskedFor(request)) =>
    sessionOf(exchange, request, { session: headerOf(headers, 'mcp-session-id'), version }),
  );
  const { id } = request;
  const collected = await askUpstream(deps, exchange, request, opening);
  if (isUpstreamFailure(collected))
    return opening.refuse({ status: 200, text: JSON.stringify(failureResponse(id, collected)), headers: {} });
  const answer = readAnswer(collected, request);
  if ('refusal' in answer) return opening.refuse(answer.refusal);
  const why = opening.open(collected.headers, answer);
  return why === undefined ? undefined : opening.refuse(ownError(id, why));
};
