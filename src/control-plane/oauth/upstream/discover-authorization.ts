import type { Json } from '../../../platform/json/json-object.js';
import type { Outbound } from '../../../platform/outbound/outbound.js';
import { Problem } from '../../../platform/runtime/problems.js';
import { askJson, textOf, textsOf } from './ask-json.js';

/** Where an upstream's tokens come from, and what they are for. */
export type UpstreamAuthorization = Readonly<{
  issuer: string;
  authorizationEndpoint: string;
  tokenEndpoint: string;
  registrationEndpoint: string | undefined;
  resource: string | undefined;
  scopes: readonly string[];
  /** Whether its answers name their issuer (RFC 9207). */
  namesIssuer: boolean;
}>;

type Way = Pick<Outbound, 'fetch'>;

const unsupported = (detail: string): Problem => new Problem('unsupported', detail);

const inserted = (url: URL, name: string): string => {
  const path = url.pathname.replace(/\/$/, '');
  return `${url.origin}/.well-known/${name}${path}`;
};

/** The first document that is there: a host without any answers with an error or a page. */
const firstOf = async (way: Way, urls: readonly string[]): Promise<Json | undefined> => {
  for (const url of new Set(urls)) {
    const answer = await askJson(way, url).catch(() => undefined);
    if (answer?.status === 200 && answer.body) return answer.body;
  }
  return undefined;
};

/** What the 401 of a server says about where its metadata is, and which scopes it wants. */
const challengeOf = async (way: Way, url: URL): Promise<Readonly<{ metadata?: string; scope?: string }>> => {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'ping' });
  const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
  const answer = await askJson(way, url.href, { method: 'POST', headers, body }).catch(() => undefined);
  const challenge = answer?.headers.get('www-authenticate') ?? '';
  const metadata = /resource_metadata="([^"]{1,2048})"/i.exec(challenge)?.[1];
  const scope = /\bscope="([^"]{1,2048})"/i.exec(challenge)?.[1];
  return { ...(metadata === undefined ? {} : { metadata }), ...(scope === undefined ? {} : { scope }) };
};

/** The metadata of an issuer (RFC 8414, OpenID Connect Discovery). One that names another issuer is not believed. */
const metadataOf = async (way: Way, issuer: string): Promise<Json> => {
  if (!URL.canParse(issuer)) throw unsupported('The server names an authorization server that is no URL.');
  const url = new URL(issuer);
  const appended = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const found = await firstOf(way, [
    inserted(url, 'oauth-authorization-server'),
    inserted(url, 'openid-configuration'),
    appended,
  ]);
  if (!found) throw unsupported(`No metadata of the authorization server ${url.host} was found.`);
  if (textOf(found, 'issuer') !== issuer) throw unsupported(`The metadata of ${url.host} names another issuer.`);
  return found;
};

/** A resource that a server names for itself must be of its own origin: a token for another must not reach it. */
const resourceIn = (metadata: Json | undefined, url: URL): string | undefined => {
  const resource = textOf(metadata, 'resource');
  if (resource === undefined) return undefined;
  if (!URL.canParse(resource) || new URL(resource).origin !== url.origin)
    throw unsupported('The metadata of the server is for a resource of another origin.');
  return resource;
};

/**
 * Finds where to sign in to a server, from its 401 (RFC 9728), or at its own origin for servers of before that. All of
 * it goes through the guard of outside addresses. `issuer`: told by an admin. @throws Problem unsupported
 */
export const discoverAuthorization = async (
  way: Way,
  url: URL,
  issuer: string | undefined,
): Promise<UpstreamAuthorization> => {
  const challenge = await challengeOf(way, url);
  const named = challenge.metadata === undefined ? [] : [challenge.metadata];
  const resource = await firstOf(way, [
    ...named,
    inserted(url, 'oauth-protected-resource'),
    `${url.origin}/.well-known/oauth-protected-resource`,
  ]);
  const found = issuer ?? textsOf(resource, 'authorization_servers')[0] ?? url.origin;
  const server = await metadataOf(way, found);
  const authorizationEndpoint = textOf(server, 'authorization_endpoint');
  const tokenEndpoint = textOf(server, 'token_endpoint');
  if (authorizationEndpoint === undefined || tokenEndpoint === undefined)
    throw unsupported('The authorization server names no endpoints.');
  if (!textsOf(server, 'code_challenge_methods_supported').includes('S256') && issuer === undefined)
    throw unsupported('The authorization server does not say that it takes PKCE with S256.');
  return {
    issuer: found,
    authorizationEndpoint,
    tokenEndpoint,
    registrationEndpoint: textOf(server, 'registration_endpoint'),
    resource: resourceIn(resource, url),
    scopes: challenge.scope?.split(' ') ?? textsOf(resource, 'scopes_supported'),
    namesIssuer: server['authorization_response_iss_parameter_supported'] === true,
  };
};
