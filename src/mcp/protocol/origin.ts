import type { IncomingMessage, ServerResponse } from 'node:http';
import { sendStatus } from './answers.js';

/** Where this gateway is reached, and which web origins may call it. */
type OriginRule = Readonly<{ publicUrl: () => string; allowedOrigins: readonly string[] }>;

let own = { url: '', origin: '' };

/** The origin of our own URL: known once we listen, and then the same for every request. */
const ownOrigin = (url: string): string => {
  if (own.url !== url) own = { url, origin: new URL(url).origin };
  return own.origin;
};

/**
 * Whether a request comes from a web origin that may not call (MCP transports, "DNS rebinding"). Clients that are no
 * browsers send no Origin.
 */
export const isForbiddenOrigin = (parts: OriginRule, request: IncomingMessage): boolean => {
  const { origin } = request.headers;
  return origin !== undefined && origin !== ownOrigin(parts.publicUrl()) && !parts.allowedOrigins.includes(origin);
};

const HEADERS = [
  'Authorization',
  'Content-Type',
  'Accept',
  'Mcp-Session-Id',
  'MCP-Protocol-Version',
  'Mcp-Method',
  'Mcp-Name',
  'Last-Event-ID',
];

/** Headers that mirror parameters have the names that a tool gave them. */
const requestedParamHeaders = ({ headers }: IncomingMessage): readonly string[] =>
  String(headers['access-control-request-headers'] ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => /^mcp-param-[\w!#$%&'*+.^`|~-]{1,128}$/i.test(name));

/**
 * Tells a browser of an accepted origin that it may read the answer; true when that was all the request wanted (a
 * preflight).
 */
export const allowOrigin = (request: IncomingMessage, response: ServerResponse): boolean => {
  const { origin } = request.headers;
  if (origin === undefined) return false;
  response.setHeader('access-control-allow-origin', origin);
  response.setHeader('access-control-expose-headers', 'Mcp-Session-Id, MCP-Protocol-Version, WWW-Authenticate');
  response.setHeader('vary', 'Origin');
  if (request.method !== 'OPTIONS') return false;
  sendStatus(response, 204, {
    'access-control-allow-methods': 'POST, GET, DELETE',
    'access-control-allow-headers': [...HEADERS, ...requestedParamHeaders(request)].join(', '),
    'access-control-max-age': '600',
  });
  return true;
};
