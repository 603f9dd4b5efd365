import { isUtf8 } from 'node:buffer';
import { domainToUnicode } from 'node:url';

/** A text that still changes after so many decodings has no end that a rule could rely on. */
const MAX_DECODINGS = 4;

const ESCAPES = /(?:%[0-9a-f]{2})+/gi;
const SEPARATOR = /[/\\?#&=;]/;
// eslint-disable-next-line no-control-regex -- control characters are what is looked for
const UNREADABLE = /[\u0000-\u001f\u007f-\u009f]|\p{Surrogate}/u;
const HEAD = /^([a-z][a-z0-9+.-]*:)(?:\/\/([^/\\?#]*@)?([^/\\?#@]*))?/i;
const PARTS = /^([a-z][a-z0-9+.-]*:)(\/\/[^/?#]*)?([^?#]*)(\?[^#]*)?(#.*)?$/s;

/** The schemes whose URIs every URL parser reads alike, with the port that they have when a URI names none. */
const DEFAULT_PORTS: ReadonlyMap<string, string> = new Map([
  ['http:', '80'],
  ['https:', '443'],
  ['ws:', '80'],
  ['wss:', '443'],
  ['ftp:', '21'],
  ['file:', ''],
]);

/**
 * The spellings of one resource's URI. `normal` differs from the URI only where RFC 3986 and Unicode say that nothing
 * differs. `texts` are what a rule on `args.uri` judges, the URI itself first; `encoded` are further ones that write
 * the same characters as escapes or decomposed. `plainest` is what is left without everything that some server ignores.
 */
export type Spellings = Readonly<{
  normal: string;
  plainest: readonly string[];
  texts: readonly string[];
  encoded: readonly string[];
}>;

/**
 * Every spelling that a server may take for this URI, a small fixed number of them. Undefined when readers could take
 * it for different resources: control characters and outer spaces, which URL parsers drop, steps `.` and `..`, escapes
 * that are not UTF-8, lone surrogates, and escapes without an end.
 */
export function spellingsOf(uri: string): Spellings | undefined {
  const normal = normalUri(uri);
  const plain = plainUri(uri) === undefined ? undefined : plainUri(normal);
  const bare = plain === undefined ? undefined : plainest(plain, bareOf);
  if (plain === undefined || bare === undefined) return undefined;
  const parsed = [asParsed(normal), asParsed(plain)].filter((one) => one !== undefined);
  const ofBare = [bare, asParsed(bare) ?? bare, bare.replace(/([^/])\/$/, '$1'), withUnicodeHost(bare)];
  const texts = new Set([uri, normal, plain, ...parsed, ...ofBare]);
  const encoded = encodingsOf(bare).filter((one) => !texts.has(one));
  return { normal, plainest: ofBare.slice(0, 2), texts: [...texts], encoded };
}

/**
 * What an entry's name does under another spelling: it `grants` as the written name does, it `tightens` what is
 * granted, or it only `recognises` what a granted spelling stands for.
 */
export type OtherName = Readonly<{ name: string; role: 'grants' | 'tightens' | 'recognises' }>;

/** The other spellings of a name or pattern in `resources`; none for one that is written plainly. */
export function otherNames(name: string): readonly OtherName[] {
  const normal = normalUri(name);
  const plain = plainUri(name);
  const tightening = (plain === undefined ? undefined : plainest(plain, withoutEmptyParts)) ?? normal;
  const recognising = (plain === undefined ? undefined : plainest(plain, bareOf)) ?? tightening;
  const all = [
    { name: normal, role: 'grants' },
    { name: tightening, role: 'tightens' },
    { name: recognising, role: 'recognises' },
  ] as const;
  return all.filter((one, at) => one.name !== name && all.findIndex((other) => other.name === one.name) === at);
}

/**
 * The URI with its escapes undone, in NFC, scheme and host in lower case, `\` as `/` and no empty steps; undefined when
 * it can be read in several ways.
 */
export function plainUri(uri: string): string | undefined {
  const text = unescaped(uri)?.normalize('NFC');
  if (text === undefined || text.trim() !== text || UNREADABLE.test(text) || hasDotSteps(text)) return undefined;
  const host = /^[^:/\\?#]*:[/\\]{2}[^/\\?#]*/.exec(text)?.[0] ?? /^[^:/\\?#]*:/.exec(text)?.[0] ?? '';
  return host.toLowerCase().replaceAll('\\', '/') + text.slice(host.length).replace(/[/\\]+/g, '/');
}

/**
 * The URI as RFC 3986 (6.2.2 and 6.2.3), RFC 8089 and Unicode normalise it: case of scheme, host and escapes, escapes
 * of letters, digits, `-._~` and all that is not ASCII undone, no default port, `file:///a` for `file:/a` and
 * `file://localhost/a`, NFC. It names the same resource for every reader.
 */
export function normalUri(uri: string): string {
  const text = (uri.includes('%') ? uri.replace(ESCAPES, normalEscapes) : uri).normalize('NFC');
  const head = HEAD.exec(text);
  if (head === null) return text;
  const [whole, written = '', userinfo = '', host] = head;
  const scheme = written.toLowerCase();
  const rest = text.slice(whole.length);
  if (host === undefined) return normalAuthorityless(scheme, rest);
  // What is still escaped may be where the host ends for some readers.
  if (host.includes('%')) return scheme + text.slice(scheme.length);
  const isLocalFile = scheme === 'file:' && userinfo === '' && /^(localhost)?$/i.test(host);
  if (isLocalFile && rest.startsWith('/')) return `file://${rest}`;
  return `${scheme}//${userinfo}${withoutPort(scheme, host.toLowerCase())}${rest}`;
}

function normalAuthorityless(scheme: string, rest: string): string {
  return scheme === 'file:' && rest.startsWith('/') ? `file://${rest}` : scheme + rest;
}

/**
 * Undone as often as a careless server might; undefined when there is no end of it, or when an escape is not UTF-8,
 * which servers read in several ways.
 */
function unescaped(uri: string): string | undefined {
  let text = uri;
  for (let times = 0; times < MAX_DECODINGS; times += 1) {
    if (!text.includes('%')) return text;
    let isReadable = true;
    const next = text.replace(ESCAPES, (escapes) => {
      const bytes = bytesOf(escapes);
      isReadable &&= isUtf8(bytes);
      return bytes.toString('utf8');
    });
    if (!isReadable) return undefined;
    if (next === text) return text;
    text = next;
  }
  return undefined;
}

const bytesOf = (escapes: string): Buffer => Buffer.from(escapes.replaceAll('%', ''), 'hex');

function normalEscapes(escapes: string): string {
  const bytes = bytesOf(escapes);
  if (!isUtf8(bytes)) return escapes.toUpperCase();
  return bytes.toString('utf8').replace(/[^\w.~\u0080-\u{10ffff}-]/gu, escapeOf);
}

const escapeOf = (ascii: string): string => `%${ascii.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`;

/** Also when a step is written in characters that some readers fold into dots: `．．`, `‥`. */
const hasDotSteps = (uri: string): boolean =>
  uri
    .normalize('NFKC')
    .replace(/^[^:/\\?#]*:/, '')
    .split(SEPARATOR)
    .some((step) => step === '.' || step === '..');

/** What the WHATWG's URL parser makes of a URI: hosts as it writes them, `https:h` and `https:///h` as `https://h/`. */
function asParsed(uri: string): string | undefined {
  return URL.canParse(uri) ? plainUri(new URL(uri).href) : undefined;
}

type Parts = Readonly<{ scheme: string; authority: string | undefined; path: string; query: string; fragment: string }>;
type Take = (parts: Parts) => Parts;

/** Parses and takes off until nothing changes; undefined when that has no end. */
function plainest(plain: string, take: Take): string | undefined {
  let text = plain;
  for (let times = 0; times < MAX_DECODINGS; times += 1) {
    const next = taken(asParsed(text) ?? text, take);
    if (next === text) return text;
    text = next;
  }
  return undefined;
}

function taken(text: string, take: Take): string {
  const [, scheme, authority, path = '', query = '', fragment = ''] = PARTS.exec(text) ?? [];
  if (scheme === undefined) return text;
  const parts = take({ scheme, authority, path, query, fragment });
  return parts.scheme + (parts.authority ?? '') + parts.path + parts.query + parts.fragment;
}

/** Without userinfo, default port and trailing dots of the host, and without an empty query or fragment. */
function withoutEmptyParts(parts: Parts): Parts {
  const { scheme, authority, query, fragment } = parts;
  const host = authority === undefined ? undefined : `//${plainHost(scheme, authority)}`;
  return { ...parts, authority: host, query: query === '?' ? '' : query, fragment: fragment === '#' ? '' : fragment };
}

function plainHost(scheme: string, authority: string): string {
  const host = withoutPort(scheme, authority.slice(Math.max(2, authority.lastIndexOf('@') + 1)));
  const port = /:\d+$/.exec(host)?.[0] ?? '';
  let end = host.length - port.length;
  while (host[end - 1] === '.') end -= 1;
  return host.slice(0, end) + port;
}

/** Also without what file readers ignore (host, query, fragment) and what no HTTP client sends (fragment). */
function bareOf(parts: Parts): Parts {
  const rest = withoutEmptyParts(parts);
  if (rest.scheme === 'file:') return { ...rest, authority: '//', query: '', fragment: '' };
  return DEFAULT_PORTS.has(rest.scheme) ? { ...rest, fragment: '' } : rest;
}

function withoutPort(scheme: string, host: string): string {
  const port = /:(\d*)$/.exec(host)?.[1];
  return port === undefined || (port !== '' && port !== DEFAULT_PORTS.get(scheme))
    ? host
    : host.slice(0, -port.length - 1);
}

function withUnicodeHost(uri: string): string {
  const [, scheme, , host = ''] = HEAD.exec(uri) ?? [];
  if (!host.includes('xn--')) return uri;
  return `${scheme}//${domainToUnicode(host) || host}${uri.slice((scheme ?? '').length + 2 + host.length)}`;
}

/** The same characters in escapes of either case, composed and decomposed; none where there is nothing to escape. */
function encodingsOf(uri: string): readonly string[] {
  const forms = [uri, uri.normalize('NFD')];
  const upper = forms.map(encodeURI);
  const lower = upper.map((one) => one.replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase()));
  return [...new Set([...forms, ...upper, ...lower])].filter((one) => one !== uri);
}
