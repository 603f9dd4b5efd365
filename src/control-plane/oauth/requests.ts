import { Readable } from 'node:stream';
import type { IncomingMessage } from 'node:http';
import type { RequestLike } from 'oidc-provider/lib/provider.js';
import { SCOPE, serverOfResource } from './metadata.js';

/** What the library is to read: a request of ours, with what it may see of the one that came. */
export type Rewritten = Readonly<{ method: string; url: string; body?: Buffer; contentType?: string }>;

/** Cookies of the library's own sessions. It is to see none: who is signed in is known by our own. */
const LIBRARY_SESSION = /^_toolgate_oauth_session(?:\.sig)?=/;

const cookiesOf = (cookie: string | undefined): Readonly<Record<string, string>> => {
  const kept = (cookie ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair !== '' && !LIBRARY_SESSION.test(pair));
  return kept.length === 0 ? {} : { cookie: kept.join('; ') };
};

/**
 * A request for the library: its URLs are made of `publicUrl`, its body is read already, and it sees only the headers
 * that it needs.
 */
export const requestFor = (
  { headers, socket }: IncomingMessage,
  publicUrl: string,
  { method, url, body = Buffer.alloc(0), contentType }: Rewritten,
): RequestLike => {
  const { host, protocol } = new URL(publicUrl);
  const own = {
    host,
    'x-forwarded-proto': protocol.slice(0, -1),
    'content-length': String(body.length),
    accept: headers.accept ?? '*/*',
    ...(contentType === undefined ? {} : { 'content-type': contentType }),
    ...(headers.authorization === undefined ? {} : { authorization: headers.authorization }),
    ...cookiesOf(headers.cookie),
  };
  // A Readable, not an IncomingMessage: one of those closes the connection when it is dropped.
  const stream = new Readable({ read: () => undefined });
  if (body.length > 0) stream.push(body);
  stream.push(null);
  return Object.assign(stream, { method, url, headers: own, socket });
};

/** What of an authorization request counts. The rest is of OpenID Connect, and would be refused without its scope. */
const AUTHORIZATION_PARAMETERS: ReadonlySet<string> = new Set([
  'client_id',
  'redirect_uri',
  'response_type',
  'response_mode',
  'state',
  'code_challenge',
  'code_challenge_method',
  'resource',
]);

/** A resource indicator in the one spelling of the gateway; what names no server of ours stays as it is. */
const canonicalResource = (issuer: string, value: string): string => {
  const serverId = serverOfResource(issuer, value);
  return serverId === undefined ? value : `${issuer}/mcp/${serverId}`;
};

/**
 * The query of an authorization request as the library reads it: one scope, whatever was asked for, as a client gets
 * the part of it that there is; the resource in one spelling. A parameter that comes twice stays twice, to be refused.
 */
export const authorizationQuery = (issuer: string, query: string): string => {
  const kept = [...new URLSearchParams(query)].filter(([name]) => AUTHORIZATION_PARAMETERS.has(name));
  const written = kept.map(([name, value]): [string, string] =>
    name === 'resource' ? [name, canonicalResource(issuer, value)] : [name, value],
  );
  const read = new URLSearchParams([...written, ['scope', SCOPE]]);
  if (new URLSearchParams(query).get('prompt') === 'none') read.set('prompt', 'none');
  return read.toString();
};

/** The form of a token request as the library reads it. */
export const tokenForm = (issuer: string, form: string): string => {
  const kept = [...new URLSearchParams(form)].filter(([name]) => name !== 'scope');
  return new URLSearchParams(
    kept.map(([name, value]): [string, string] =>
      name === 'resource' ? [name, canonicalResource(issuer, value)] : [name, value],
    ),
  ).toString();
};
