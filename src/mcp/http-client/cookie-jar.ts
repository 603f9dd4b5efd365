/** A cookie as RFC 6265 stores it. `expiresAt` is in ms since the epoch; null for as long as the session lives. */
export type Cookie = Readonly<{
  name: string;
  value: string;
  path: string;
  secure: boolean;
  expiresAt: number | null;
}>;

/** The cookies of a jar, and the host and port that set them. */
export type KeptCookies = Readonly<{ host: string; cookies: readonly Cookie[] }>;

const MAX_COOKIES = 10;
/** Of names, values and paths together. */
const MAX_BYTES = 8 * 1024;
/** Of one name and value (RFC 6265bis, 5.6). */
const MAX_COOKIE_BYTES = 4096;
/** Set-Cookie fields of one answer that are looked at. */
const MAX_FIELDS = 50;

const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const VALUE = /^[\x20-\x3a\x3c-\x7e\x80-\xff]*$/;

const bytesOf = ({ name, value, path }: Cookie): number => name.length + value.length + path.length;

/** The directory of a request's path (RFC 6265, 5.1.4). */
const defaultPath = ({ pathname }: URL): string => {
  const end = pathname.lastIndexOf('/');
  return end <= 0 ? '/' : pathname.slice(0, end);
};

const isWithin = (pathname: string, path: string): boolean =>
  pathname === path || (pathname.startsWith(path) && (path.endsWith('/') || pathname[path.length] === '/'));

type Attributes = ReadonlyMap<string, string>;

const readAttributes = (parts: readonly string[]): Attributes =>
  new Map(
    parts.map((part) => {
      const equals = part.indexOf('=');
      const [name, value] = equals < 0 ? [part, ''] : [part.slice(0, equals), part.slice(equals + 1)];
      return [name.trim().toLowerCase(), value.trim()];
    }),
  );

const readExpiry = (attributes: Attributes, nowMs: number): number | null => {
  const maxAge = attributes.get('max-age');
  if (maxAge !== undefined && /^-?\d{1,12}$/.test(maxAge)) return nowMs + Number(maxAge) * 1000;
  const expires = Date.parse(attributes.get('expires') ?? '');
  return Number.isNaN(expires) ? null : expires;
};

/** A cookie is for the host that set it alone: one that names a domain that the host is not in is not taken. */
const isForHost = ({ hostname }: URL, domain: string | undefined): boolean => {
  const name = domain?.replace(/^\./, '').toLowerCase();
  return name === undefined || name === '' || hostname === name || hostname.endsWith(`.${name}`);
};

/** Reads one Set-Cookie field; undefined where the cookie may not be kept. */
const readCookie = (url: URL, field: string, nowMs: number): Cookie | undefined => {
  const [pair = '', ...parts] = field.split(';');
  const equals = pair.indexOf('=');
  const [name, value] = [pair.slice(0, Math.max(0, equals)).trim(), pair.slice(equals + 1).trim()];
  const attributes = readAttributes(parts);
  const secure = attributes.has('secure');
  const isWellFormed = NAME.test(name) && VALUE.test(value) && name.length + value.length <= MAX_COOKIE_BYTES;
  if (!isWellFormed || !isForHost(url, attributes.get('domain')) || (secure && url.protocol !== 'https:'))
    return undefined;
  const path = attributes.get('path') ?? '';
  return {
    name,
    value,
    path: path.startsWith('/') && VALUE.test(path) ? path : defaultPath(url),
    secure,
    expiresAt: readExpiry(attributes, nowMs),
  };
};

/**
 * The cookies that one server set in one session: a balancer in front of it may know by them which of its machines has
 * the session. They go back to the host and port that set them, and nowhere else.
 */
export class CookieJar {
  #host: string;
  #cookies: readonly Cookie[];

  constructor(kept?: KeptCookies) {
    this.#host = kept?.host ?? '';
    this.#cookies = kept?.cookies ?? [];
  }

  get isEmpty(): boolean {
    return this.#cookies.length === 0;
  }

  /** Takes the Set-Cookie fields of an answer to a request for `url`. What is beyond the bounds is not kept. */
  take(url: URL, fields: string | readonly string[], nowMs = Date.now()): void {
    if (url.host !== this.#host) [this.#host, this.#cookies] = [url.host, []];
    for (const field of (typeof fields === 'string' ? [fields] : fields).slice(0, MAX_FIELDS)) {
      const cookie = readCookie(url, field, nowMs);
      if (cookie) this.#put(cookie, nowMs);
    }
  }

  #put(cookie: Cookie, nowMs: number): void {
    const others = this.#cookies.filter(
      ({ name, path, expiresAt }) =>
        (name !== cookie.name || path !== cookie.path) && (expiresAt === null || expiresAt > nowMs),
    );
    const isLive = cookie.expiresAt === null || cookie.expiresAt > nowMs;
    const fits =
      others.length < MAX_COOKIES && others.reduce((sum, one) => sum + bytesOf(one), bytesOf(cookie)) <= MAX_BYTES;
    this.#cookies = isLive && fits ? [...others, cookie] : others;
  }

  /** The `Cookie` field of a request for `url`; undefined when it has none. */
  headerFor(url: URL, nowMs = Date.now()): string | undefined {
    if (this.isEmpty || url.host !== this.#host) return undefined;
    const sent = this.#cookies
      .filter(
        ({ path, secure, expiresAt }) =>
          isWithin(url.pathname, path) &&
          (!secure || url.protocol === 'https:') &&
          (expiresAt === null || expiresAt > nowMs),
      )
      .toSorted((one, other) => other.path.length - one.path.length)
      .map(({ name, value }) => `${name}=${value}`);
    return sent.length === 0 ? undefined : sent.join('; ');
  }

  /** What `new CookieJar` takes; undefined when there is nothing to keep, so that JSON has no member for it. */
  toJSON(): KeptCookies | undefined {
    return this.isEmpty ? undefined : { host: this.#host, cookies: this.#cookies };
  }
}
