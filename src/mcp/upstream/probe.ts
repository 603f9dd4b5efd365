import { isObject, type Json } from '../../platform/json/json-object.js';
import { CookieJar } from '../http-client/cookie-jar.js';
import { inBackground } from '../../platform/runtime/guard.js';
import { findNamedRevision, isRevisionOf, REVISIONS, type Era } from '../protocol/era.js';
import { ask, errorOf, resultOf, type AnswerLimits, type ServerRequest, type UpstreamAnswer } from './ask.js';
import type { Forward, UpstreamRequest, UpstreamServer } from './forward.js';
import { headerOf, upstreamHeaders } from '../protocol/headers.js';
import { META, modernHeaders, ownModernBody, OWN_CLIENT_INFO } from '../protocol/modern.js';
import { JSON_RPC_CODES, MODERN_CODES } from '../protocol/codes.js';

/**
 * A server and the way to it. `credential` are the headers that sign in; what the asking keeps open belongs to
 * `grantId`.
 */
export type UpstreamTarget = Readonly<{
  forward: Forward;
  server: UpstreamServer;
  credential: Readonly<Record<string, string>>;
  grantId: string;
}>;

/** What a server said of itself when it was answer in one era. */
export type Handshake = Readonly<{
  era: Era;
  protocolVersion: string;
  serverInfo: Json | null;
  result: Json;
  session: string | undefined;
  cookies?: CookieJar | undefined;
}>;

/** Finds a session that a client of this process has open at a server, with which discovery can list tools. */
export type FindOpenSession = (
  server: UpstreamServer,
) => Readonly<{ target: UpstreamTarget; handshake: Handshake }> | undefined;

/** Keeps a session that discovery began, for a client: the server has no other. False when there is no room for it. */
export type KeepOnlySession = (server: UpstreamServer, handshake: Handshake) => boolean;

/** A server's name and version, as modern results carry it. */
export const serverInfoOf = (result: Json): Json | null => {
  const info = isObject(result['_meta']) ? result['_meta'][META.serverInfo] : undefined;
  return isObject(info) ? info : null;
};

/** A POST of a JSON-RPC message to a server, with the server's credential as headers unless others are given. */
export const postTo = (
  { server, credential, grantId }: UpstreamTarget,
  era: Era,
  body: Buffer,
  headers: Readonly<Record<string, string>> = credential,
): UpstreamRequest => ({
  server,
  grantId,
  era,
  method: 'POST',
  headers,
  body,
  silenceMs: 0,
});

/**
 * How long the head of an answer to a notification is waited for: most servers take notifications in order of arrival,
 * and some never answer one.
 */
const NOTIFICATION_TIMEOUT_MS = 2000;

const NO_BODY = Buffer.alloc(0);

type Modern = Readonly<{ answer: UpstreamAnswer; handshake: Handshake | undefined }>;

/** Whether a server refused the revision that it was asked in, and named one that can be spoken. */
const namesSupportedRevision = (answer: UpstreamAnswer): boolean => {
  const refused = errorOf(answer);
  const data = refused?.code === MODERN_CODES.unsupportedVersion ? refused.error['data'] : undefined;
  const supported = isObject(data) ? data['supported'] : undefined;
  return Array.isArray(supported) && supported.some((version) => isRevisionOf('modern', version));
};

const askDiscover = (target: UpstreamTarget, limits: AnswerLimits): Promise<UpstreamAnswer> => {
  const method = 'server/discover';
  return ask(
    target.forward,
    postTo(target, 'modern', ownModernBody('discover', method), modernHeaders(target.credential, method, {})),
    'discover',
    limits,
  );
};

/**
 * Asks `server/discover` as a modern client does, once more when the server names a revision to ask in. An answer that
 * shows no modern server says nothing more: a server may be down, may want a sign-in, or may speak of the other era
 * only.
 */
export const discoverModern = async (target: UpstreamTarget, limits: AnswerLimits): Promise<Modern> => {
  const first = await askDiscover(target, limits);
  const answer = namesSupportedRevision(first) ? await askDiscover(target, limits) : first;
  const result = resultOf(answer);
  const versions: readonly unknown[] =
    result && Array.isArray(result['supportedVersions']) ? result['supportedVersions'] : [];
  const spoken = versions.find((version) => isRevisionOf('modern', version));
  return {
    answer,
    handshake:
      result && isRevisionOf('modern', spoken)
        ? {
            era: 'modern',
            protocolVersion: spoken,
            serverInfo: serverInfoOf(result),
            result,
            session: undefined,
          }
        : undefined,
  };
};

/** How a client names itself when it opens a session. */
export type ClientIdentity = Readonly<{ info: unknown; capabilities: unknown }>;

const OWN_IDENTITY: ClientIdentity = { info: OWN_CLIENT_INFO, capabilities: {} };

/** What of a session is known while it is being opened. */
type OpeningSession = Pick<Handshake, 'session' | 'cookies'> & Readonly<{ protocolVersion: string | undefined }>;

/**
 * Answers what a server asks while it answers a request of ours: some servers wait for the answer. Ping is all that we
 * can answer; everything else is refused, as no capability for it was declared.
 */
export const answerServerRequest =
  (target: UpstreamTarget, opening: OpeningSession) =>
  ({ id, method, headers }: ServerRequest): void => {
    const content =
      method === 'ping'
        ? { result: {} }
        : { error: { code: JSON_RPC_CODES.methodNotFound, message: 'only ping is answered here' } };
    const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, ...content }));
    const session = opening.session ?? headerOf(headers, 'mcp-session-id');
    inBackground(
      'server_request',
      ask(target.forward, postInSession(target, { ...opening, session }, body), undefined, {
        timeoutMs: NOTIFICATION_TIMEOUT_MS,
        maxBytes: 0,
      }),
    );
  };

type Initialize = Readonly<{ client: ClientIdentity; protocolVersion: string; cookies: CookieJar }>;

const initialize = (
  target: UpstreamTarget,
  limits: AnswerLimits,
  { client, protocolVersion, cookies }: Initialize,
): Promise<UpstreamAnswer> => {
  const params = { protocolVersion, capabilities: client.capabilities, clientInfo: client.info };
  const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 'initialize', method: 'initialize', params }));
  const opening = { session: undefined, protocolVersion: undefined, cookies };
  return ask(target.forward, postInSession(target, opening, body), 'initialize', {
    ...limits,
    onServerRequest: answerServerRequest(target, opening),
  });
};

/**
 * Opens a session of the legacy era, once more when the server refuses the newest revision and names another that we
 * speak; the caller ends it. The client that this names is `client`, this gateway unless told.
 */
export const openLegacySession = async (
  target: UpstreamTarget,
  limits: AnswerLimits,
  client = OWN_IDENTITY,
): Promise<Readonly<{ answer: UpstreamAnswer; handshake: Handshake | undefined }>> => {
  const [newest] = REVISIONS.legacy;
  const endsAt = performance.now() + limits.timeoutMs;
  const left = (): AnswerLimits => ({ ...limits, timeoutMs: Math.max(1, endsAt - performance.now()) });
  const cookies = new CookieJar();
  const first = await initialize(target, limits, { client, protocolVersion: newest, cookies });
  const error = errorOf(first)?.error;
  const named = error && findNamedRevision('legacy', error, newest);
  const answer =
    named === undefined ? first : await initialize(target, left(), { client, protocolVersion: named, cookies });
  const result = resultOf(answer);
  if (answer.kind !== 'response' || !result || !isRevisionOf('legacy', result['protocolVersion']))
    return { answer, handshake: undefined };
  const handshake: Handshake = {
    era: 'legacy',
    protocolVersion: result['protocolVersion'],
    serverInfo: isObject(result['serverInfo']) ? result['serverInfo'] : null,
    result,
    session: headerOf(answer.headers, 'mcp-session-id'),
    cookies,
  };
  const initialized = Buffer.from(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' }));
  await ask(target.forward, postInSession(target, handshake, initialized), undefined, {
    ...limits,
    timeoutMs: Math.min(left().timeoutMs, NOTIFICATION_TIMEOUT_MS),
  });
  return { answer, handshake };
};

/** A POST in a legacy session. */
export const postInSession = (
  target: UpstreamTarget,
  { session, protocolVersion, cookies }: OpeningSession,
  body: Buffer,
): UpstreamRequest => ({
  ...postTo(target, 'legacy', body, upstreamHeaders(target.credential, { upstreamSession: session, protocolVersion })),
  cookies,
});

/** Ends the process or connection that a server was asked in as a modern one. Over HTTP there is nothing to end. */
export const closeModernChannel = async (
  { forward, server, credential, grantId }: UpstreamTarget,
  limits: AnswerLimits,
): Promise<void> => {
  if (server.transport.type === 'streamable-http') return;
  await ask(
    forward,
    {
      server,
      grantId,
      era: 'modern',
      method: 'DELETE',
      headers: credential,
      body: undefined,
      silenceMs: limits.timeoutMs,
    },
    undefined,
    limits,
  );
};

/** Ends a legacy session as far as the server lets clients do that. */
export const closeLegacySession = async (
  target: UpstreamTarget,
  handshake: Handshake,
  limits: AnswerLimits,
): Promise<void> => {
  if (handshake.session === undefined) return;
  const post = postInSession(target, handshake, NO_BODY);
  const request = { ...post, method: 'DELETE', body: undefined, silenceMs: limits.timeoutMs } as const;
  await ask(target.forward, request, undefined, limits);
};
