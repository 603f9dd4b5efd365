export type RequestHeaders = Readonly<Record<string, string>>;
export type Method = 'GET' | 'POST' | 'DELETE';

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

/** The head of a request, empty line and all. */
export const requestHead = (
  url: URL,
  method: Method,
  headers: RequestHeaders,
  body: Buffer | undefined,
): string | undefined => {
  const head = headOf(url, method, headers);
  if (head === undefined) return undefined;
  return body === undefined && method !== 'POST'
    ? `${head}\r\n`
    : `${head}content-length: ${body?.length ?? 0}\r\n\r\n`;
};
