import { isObject, type Json } from '../../platform/json/json-object.js';
import { editObject, set, editNested } from '../../mcp/wire/json-text.js';
import { clip } from '../../platform/runtime/clip.js';
import { newId } from '../../platform/crypto/ids.js';
import { headerOf, upstreamHeaders } from '../../mcp/protocol/headers.js';
import { jsonRpcError, sendJson } from '../../mcp/protocol/answers.js';
import { offered } from '../../mcp/protocol/capabilities.js';
import type { Request } from '../../mcp/protocol/read-message.js';
import { collectAnswer, isUpstreamFailure, messageIn, type Collected } from '../relay/collect-answer.js';
import { failureResponse } from '../relay/relayed.js';
import type { AuthenticatedRequest } from '../relay/exchange.js';
import { isRevisionOf, REVISIONS } from '../../mcp/protocol/era.js';
import type { SessionParts } from './session-parts.js';
import { sealSession, type SessionContent } from './sealed-session.js';
import { OWN_CODES } from '../../mcp/protocol/codes.js';

const SESSION_LIFETIME_MS = 24 * 60 * 60 * 1000;
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

const asObject = (value: unknown): Json => (isObject(value) ? value : {});
const asText = (value: unknown): string | undefined => (typeof value === 'string' ? clip(value, 128) : undefined);

/** A client that asks for a revision that is not spoken here is offered the newest one, as the lifecycle rules want. */
const withSpokenRevision = (request: Request, body: Buffer): Buffer =>
  isRevisionOf('legacy', request.params?.['protocolVersion'])
    ? body
    : Buffer.from(
        editObject(body.toString('utf8'), { params: editNested({ protocolVersion: set(REVISIONS.legacy[0]) }) }),
      );

const sessionOf = (
  exchange: AuthenticatedRequest,
  request: Request,
  upstream: Readonly<{ session: string | undefined; version: string }>,
): SessionContent => {
  const client = asObject(request.params?.['clientInfo']);
  const [clientName, clientVersion] = [asText(client['name']), asText(client['version'])];
  return {
    era: 'legacy',
    sessionId: newId('ses'),
    organizationId: exchange.who.organization.id,
    grantId: exchange.who.grant.id,
    serverId: exchange.who.server.id,
    upstreamSession: upstream.session,
    protocolVersion: upstream.version,
    clientCapabilities: request.params?.['capabilities'] ?? {},
    ...(clientName === undefined ? {} : { clientName }),
    ...(clientVersion === undefined ? {} : { clientVersion }),
    expiresAt: Date.now() + SESSION_LIFETIME_MS,
  };
};

/** Why an initialize was not answered by the upstream in a way that can be passed on; undefined when it was. */
const findRefusal = (collected: Collected, answer: Json): string | undefined => {
  const refuses = collected.status === 400 && 'error' in answer;
  if (!refuses && (collected.status < 200 || collected.status > 299))
    return `the MCP server answered with HTTP status ${collected.status}`;
  if ('error' in answer) return undefined;
  const version = asObject(answer['result'])['protocolVersion'];
  return isRevisionOf('legacy', version)
    ? undefined
    : 'the MCP server speaks no protocol revision that this gateway speaks';
};

const askUpstream = (
  parts: SessionParts,
  { who, response, body }: AuthenticatedRequest & Readonly<{ body: Buffer }>,
  request: Request,
): ReturnType<typeof collectAnswer> => {
  const headers = upstreamHeaders(who.server.headers, { upstreamSession: undefined, protocolVersion: undefined });
  return collectAnswer(
    parts,
    {
      server: who.server,
      grantId: who.grant.id,
      era: 'legacy',
      method: 'POST',
      headers,
      body: withSpokenRevision(request, body),
      silenceMs: parts.upstreamTimeoutMs,
    },
    { maxBytes: MAX_ANSWER_BYTES, id: request.id, until: response },
  );
};

/**
 * initialize: forwarded, and answered with a session id of ours that seals the upstream's, the grant, the server, the
 * negotiated version and the client's capabilities. The upstream's own session id never reaches the client.
 */
export const openUpstreamSession = async (
  parts: SessionParts,
  exchange: AuthenticatedRequest & Readonly<{ body: Buffer }>,
  request: Request,
): Promise<void> => {
  const { response } = exchange;
  const collected = await askUpstream(parts, exchange, request);
  if (isUpstreamFailure(collected)) return sendJson(response, 200, failureResponse(request.id, collected));
  const answer = messageIn(collected, request.id);
  const refusal = findRefusal(collected, answer);
  if (refusal) return sendJson(response, 200, jsonRpcError(request.id, OWN_CODES.upstreamError, refusal));
  if ('error' in answer) return sendJson(response, 200, answer);
  const result = asObject(answer['result']);
  const session = sessionOf(exchange, request, {
    session: headerOf(collected.headers, 'mcp-session-id'),
    version: String(result['protocolVersion']),
  });
  const sealed = sealSession(parts.sessionKey, session);
  if (!sealed)
    return sendJson(
      response,
      200,
      jsonRpcError(request.id, OWN_CODES.upstreamError, "the client's capabilities are too large"),
    );
  sendJson(
    response,
    200,
    { ...answer, result: { ...result, capabilities: offered(result['capabilities']) } },
    { 'mcp-session-id': sealed },
  );
};
