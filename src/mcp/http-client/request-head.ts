import type { CookieJar } from './cookie-jar.js';

export type RequestHeaders = Readonly<Record<string, string>>;
export type Method = 'GET' | 'POST' | 'DELETE';

/**
 * `silenceMs`: how long the other side may send nothing, to the nearest quarter of a second above; 0 is for ever. What
 * the answer takes of memory counts for the organization and the grant. `cookies` are those of the session, if it has
 * any: the request sends them, and the answer sets them.
 */
export type HttpRequest = Readonly<{
  url: URL;
  method: Method;
  headers: RequestHeaders;
  body: Buffer | undefined;
  silenceMs: number;
  organizationId: string;
  grantId: string;
  cookies?: CookieJar | undefined;
}>;

const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** What this client writes itself: framing and the life of the connection are not its caller's. */
const RESERVED_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
]);

type Heads = { method: Method; url: URL; text: string | undefined };
const heads = new WeakMap<RequestHeaders, Heads>();

const writeHead = (url: URL, method: Method, headers: RequestHeaders): string | undefined => {
  const lines = [`${method} ${url.pathname}${url.search} HTTP/1.1\r\nhost: ${url.host}\r\nconnection: keep-alive\r\n`];
  // Without the field a server may choose any coding (RFC 9110, 12.5.3).
  if (!Object.keys(headers).some((name) => name.toLowerCase() === 'accept-encoding'))
    lines.push('accept-encoding: identity\r\n');
  for (const [name, value] of Object.entries(headers)) {
    if (!NAME.test(name) || !VALUE.test(value) || RESERVED_HEADERS.has(name.toLowerCase())) return undefined;
    lines.push(`${name}: ${value}\r\n`);
  }
  // In one piece: a text that was added up would be kept as all its pieces.
  return lines.join('');
};

/**
 * The head of a request up to its length, as Latin-1: undefined when a header can't be sent. Remembered with the object
 * of its headers, as callers that send the same to the same place again keep that.
 */
const headOf = (url: URL, method: Method, headers: RequestHeaders): string | undefined => {
  const known = heads.get(headers);
  if (known?.url === url && known.method === method) return known.text;
  const text = writeHead(url, method, headers);
  heads.set(headers, { method, url, text });
  return text;
};

/** The request's own cookies and those of the session in one field, as only one may be sent (RFC 6265, 5.4). */
const withCookies = (headers: RequestHeaders, cookies: string): RequestHeaders => {
  const own = Object.entries(headers).filter(([name]) => name.toLowerCase() === 'cookie');
  const others = Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'cookie');
  return { ...Object.fromEntries(others), cookie: [...own.map(([, value]) => value), cookies].join('; ') };
};

/** The head of a request, empty line and all. */
export const requestHead = ({ url, method, headers, body, cookies }: HttpRequest): string | undefined => {
  const cookie = cookies?.headerFor(url);
  const head = headOf(url, method, cookie === undefined ? headers : withCookies(headers, cookie));
  if (head === undefined) return undefined;
  return body === undefined && method !== 'POST'
    ? `${head}\r\n`
    : `${head}content-length: ${body?.length ?? 0}\r\n\r\n`;
};
