import { REVISIONS } from './era.js';
import { upstreamHeaders } from './headers.js';

/**
 * What every modern request says of itself, and every result of its server, by the key in `_meta` (2026-07-28, "General
 * fields").
 */
export const META = {
  protocolVersion: 'io.modelcontextprotocol/protocolVersion',
  clientInfo: 'io.modelcontextprotocol/clientInfo',
  clientCapabilities: 'io.modelcontextprotocol/clientCapabilities',
  logLevel: 'io.modelcontextprotocol/logLevel',
  subscriptionId: 'io.modelcontextprotocol/subscriptionId',
  serverInfo: 'io.modelcontextprotocol/serverInfo',
} as const;

export const MODERN_REVISION = REVISIONS.modern[0];
export const OWN_CLIENT_INFO = { name: 'toolgate', version: '1' } as const;

const UNSAFE = /^[\t ]|[\t ]$|[^\t\x20-\x7e]|^=\?base64\?.*\?=$/s;

/**
 * A value as a header carries it (Streamable HTTP, "Value Encoding"): as it is, or in Base64 when a header could not
 * give it back.
 */
export const headerValue = (value: string): string =>
  UNSAFE.test(value) ? `=?base64?${Buffer.from(value, 'utf8').toString('base64')}?=` : value;

/** The member of `params` that `Mcp-Name` mirrors, by method. */
const NAMED: ReadonlyMap<string, 'name' | 'uri' | 'taskId'> = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
  ['tasks/get', 'taskId'],
  ['tasks/update', 'taskId'],
  ['tasks/cancel', 'taskId'],
] as const);

/** What `Mcp-Name` says for a request; undefined where it is not sent. */
export const mirroredName = (method: string, params: Readonly<Record<string, unknown>>): string | undefined => {
  const member = NAMED.get(method);
  const name = member === undefined ? undefined : params[member];
  return typeof name === 'string' ? name : undefined;
};

/** The headers of a modern request: the upstream's credential and what mirrors the body. */
export const modernHeaders = (
  credential: Readonly<Record<string, string>>,
  method: string,
  params: Readonly<Record<string, unknown>>,
): Record<string, string> => {
  const name = mirroredName(method, params);
  return {
    ...upstreamHeaders(credential, { upstreamSession: undefined, protocolVersion: MODERN_REVISION }),
    'mcp-method': headerValue(method),
    ...(name === undefined ? {} : { 'mcp-name': headerValue(name) }),
  };
};

type Headers = Readonly<Record<string, string>>;
const ofCredentials = new WeakMap<Headers, Map<string, Headers>>();
/** Of one credential: names are the client's to choose. */
const MAX_CACHED_HEADERS = 256;

/**
 * `modernHeaders`, one object for the same credential, method and name, so that the HTTP client needs to write them
 * only once.
 */
export const cachedModernHeaders = (
  credential: Headers,
  method: string,
  params: Readonly<Record<string, unknown>>,
): Headers => {
  let kept = ofCredentials.get(credential);
  if (!kept) ofCredentials.set(credential, (kept = new Map<string, Headers>()));
  const name = mirroredName(method, params);
  const key = name === undefined ? method : `${method}\n${name}`;
  const known = kept.get(key);
  if (known) return known;
  if (kept.size >= MAX_CACHED_HEADERS) kept.clear();
  const headers = modernHeaders(credential, method, params);
  kept.set(key, headers);
  return headers;
};

/** A request of our own: what this gateway asks a server for itself, with no capability declared. */
export const ownModernBody = (
  id: number | string,
  method: string,
  params: Readonly<Record<string, unknown>> = {},
): Buffer => {
  const _meta = {
    [META.protocolVersion]: MODERN_REVISION,
    [META.clientInfo]: OWN_CLIENT_INFO,
    [META.clientCapabilities]: {},
  };
  return Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, method, params: { ...params, _meta } }));
};
