import { isObject, type Json } from '../../platform/json/json-object.js';
import { isRevisionOf, REVISIONS, type Era } from '../protocol/era.js';
import { ask, errorCodeOf, type Asked, type AskLimits } from './ask.js';
import type { Forward, UpstreamRequest, UpstreamServer } from './forward.js';
import { headerOf, upstreamHeaders } from '../protocol/headers.js';
import { META, modernHeaders, ownModernBody, OWN_CLIENT_INFO } from '../protocol/modern.js';
import { MODERN_CODES } from '../protocol/codes.js';

/**
 * A server and the way to it. `credential` are the headers that sign in; what the asking keeps open belongs to
 * `grantId`.
 */
export type Reach = Readonly<{
  forward: Forward;
  server: UpstreamServer;
  credential: Readonly<Record<string, string>>;
  grantId: string;
}>;

/** What a server said of itself when it was asked in one era. */
export type Introduction = Readonly<{
  era: Era;
  protocolVersion: string;
  serverInfo: Json | null;
  result: Json;
  session: string | undefined;
}>;

/** A server's name and version, as modern results carry it. */
export const serverInfoOf = (result: Json): Json | null => {
  const info = isObject(result['_meta']) ? result['_meta'][META.serverInfo] : undefined;
  return isObject(info) ? info : null;
};

/** A POST of a JSON-RPC message to a server, with the server's credential as headers unless others are given. */
export const postTo = (
  { server, credential, grantId }: Reach,
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

type Modern = Readonly<{ asked: Asked; introduction: Introduction | undefined }>;

/** Whether a server refused the revision that it was asked in, and named one that can be spoken. */
const namesSpoken = (asked: Asked): boolean => {
  const error =
    asked.kind === 'response' && errorCodeOf(asked.message) === MODERN_CODES.unsupportedVersion
      ? asked.message['error']
      : undefined;
  const supported = isObject(error) && isObject(error['data']) ? error['data']['supported'] : undefined;
  return Array.isArray(supported) && supported.some((version) => isRevisionOf('modern', version));
};

const askDiscover = (reach: Reach, limits: AskLimits): Promise<Asked> => {
  const method = 'server/discover';
  return ask(
    reach.forward,
    postTo(reach, 'modern', ownModernBody('discover', method), modernHeaders(reach.credential, method, {})),
    'discover',
    limits,
  );
};

/**
 * Asks `server/discover` as a modern client does, once more when the server names a revision to ask in. An answer that
 * shows no modern server says nothing more: a server may be down, may want a sign-in, or may speak of the other era
 * only.
 */
export const askModern = async (reach: Reach, limits: AskLimits): Promise<Modern> => {
  const first = await askDiscover(reach, limits);
  const asked = namesSpoken(first) ? await askDiscover(reach, limits) : first;
  const result = asked.kind === 'response' ? asked.message['result'] : undefined;
  const versions: readonly unknown[] =
    isObject(result) && Array.isArray(result['supportedVersions']) ? result['supportedVersions'] : [];
  const spoken = versions.find((version) => isRevisionOf('modern', version));
  return {
    asked,
    introduction:
      isObject(result) && isRevisionOf('modern', spoken)
        ? { era: 'modern', protocolVersion: spoken, serverInfo: serverInfoOf(result), result, session: undefined }
        : undefined,
  };
};

/**
 * Opens a session of the legacy era; the caller ends it. The client that this names is `client`, this gateway unless
 * told.
 */
export const askLegacy = async (
  reach: Reach,
  limits: AskLimits,
  client: Readonly<{ info: unknown; capabilities: unknown }> = { info: OWN_CLIENT_INFO, capabilities: {} },
): Promise<Readonly<{ asked: Asked; introduction: Introduction | undefined }>> => {
  const params = { protocolVersion: REVISIONS.legacy[0], capabilities: client.capabilities, clientInfo: client.info };
  const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 'initialize', method: 'initialize', params }));
  const headers = upstreamHeaders(reach.credential, { upstreamSession: undefined, protocolVersion: undefined });
  const asked = await ask(reach.forward, postTo(reach, 'legacy', body, headers), 'initialize', limits);
  if (asked.kind !== 'response' || !isObject(asked.message['result'])) return { asked, introduction: undefined };
  const result = asked.message['result'];
  if (!isRevisionOf('legacy', result['protocolVersion'])) return { asked, introduction: undefined };
  const introduction: Introduction = {
    era: 'legacy',
    protocolVersion: result['protocolVersion'],
    serverInfo: isObject(result['serverInfo']) ? result['serverInfo'] : null,
    result,
    session: headerOf(asked.headers, 'mcp-session-id'),
  };
  const initialized = Buffer.from(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' }));
  await ask(reach.forward, postTo(reach, 'legacy', initialized, legacyHeaders(reach, introduction)), undefined, limits);
  return { asked, introduction };
};

/** The headers of a request in a legacy session. */
export const legacyHeaders = (
  { credential }: Reach,
  { session, protocolVersion }: Introduction,
): Record<string, string> => upstreamHeaders(credential, { upstreamSession: session, protocolVersion });

/** Ends the process that a server was asked in as a modern one. Over HTTP there is nothing to end. */
export const endModern = async ({ forward, server, credential, grantId }: Reach, limits: AskLimits): Promise<void> => {
  if (server.transport.type !== 'stdio') return;
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
export const endLegacy = async (reach: Reach, introduction: Introduction, limits: AskLimits): Promise<void> => {
  if (introduction.session === undefined) return;
  const { server, grantId } = reach;
  await ask(
    reach.forward,
    {
      server,
      grantId,
      era: 'legacy',
      method: 'DELETE',
      headers: legacyHeaders(reach, introduction),
      body: undefined,
      silenceMs: limits.timeoutMs,
    },
    undefined,
    limits,
  );
};
