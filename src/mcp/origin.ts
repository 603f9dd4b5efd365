import type { IncomingMessage, ServerResponse } from 'node:http';
import { isLoopback } from '../platform/config.js';
import { sendStatus } from './answers.js';

/** Where this gateway is reached, and which web origins may call it. */
type Place = Readonly<{ publicUrl: () => string; allowedOrigins: readonly string[]; loopback: boolean }>;

const hostNameOf = (host: string): string => (host.startsWith('[') ? host.slice(1, host.indexOf(']')) : host.replace(/:\d+$/, ''));

let own: { url: string; origin: string; hostname: string; host: string | undefined } = { url: '', origin: '', hostname: '', host: undefined };

/** The parts of our own URL: known once we listen, and then the same for every request. */
const ownParts = (url: string): typeof own => {
  if (own.url !== url) {
    const { origin, hostname } = new URL(url);
    own = { url, origin, hostname, host: undefined };
  }
  return own;
};

/**
 * Whether a request comes from a web origin that may not call, or, on a loopback installation, names another host: a page that rebinds its name to
 * 127.0.0.1 does both (MCP transports, "DNS rebinding"). Clients that are no browsers send no Origin.
 */
export const isForeign = (parts: Place, request: IncomingMessage): boolean => {
  const { origin, host } = request.headers;
  const own = ownParts(parts.publicUrl());
  if (origin !== undefined && origin !== own.origin && !parts.allowedOrigins.includes(origin)) return true;
  if (!parts.loopback) return false;
  if (host !== undefined && host === own.host) return false;
  const name = hostNameOf(host ?? '');
  const foreign = !isLoopback(name) && name !== own.hostname;
  // The last one that was good: nearly every request names the same.
  if (!foreign) own.host = host;
  return foreign;
};

const HEADERS = ['Authorization', 'Content-Type', 'Accept', 'Mcp-Session-Id', 'MCP-Protocol-Version', 'Mcp-Method', 'Mcp-Name', 'Last-Event-ID'];

/** Headers that mirror parameters have the names that a tool gave them. */
const paramHeadersAskedFor = ({ headers }: IncomingMessage): readonly string[] =>
  String(headers['access-control-request-headers'] ?? '').split(',').map((name) => name.trim()).filter((name) => /^mcp-param-[\w!#$%&'*+.^`|~-]{1,128}$/i.test(name));

/** Tells a browser of an accepted origin that it may read the answer; true when that was all the request wanted (a preflight). */
export const allowOrigin = (request: IncomingMessage, response: ServerResponse): boolean => {
  const { origin } = request.headers;
  if (origin === undefined) return false;
  response.setHeader('access-control-allow-origin', origin);
  response.setHeader('access-control-expose-headers', 'Mcp-Session-Id, MCP-Protocol-Version, WWW-Authenticate');
  response.setHeader('vary', 'Origin');
  if (request.method !== 'OPTIONS') return false;
  sendStatus(response, 204, {
    'access-control-allow-methods': 'POST, GET, DELETE',
    'access-control-allow-headers': [...HEADERS, ...paramHeadersAskedFor(request)].join(', '),
    'access-control-max-age': '600',
  });
  return true;
};
