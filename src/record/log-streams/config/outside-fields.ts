import { X509Certificate, createPrivateKey } from 'node:crypto';
import { shownUrl } from '../../../platform/crypto/hidden-parts.js';
import { isObject } from '../../../platform/json/json-object.js';
import { pointerTo } from '../../../platform/json/pointer.js';
import type { TlsOptions } from '../../../platform/outbound/outbound.js';
import { objectField, optional, SET, textField, type ConfigField, type Wrong } from './config-fields.js';

const readUrl = (value: unknown, at: string, wrong: Wrong): string => {
  const isUrl =
    typeof value === 'string' &&
    value.length <= 2048 &&
    !/[\s\p{Cc}\\]/u.test(value) &&
    /^https?:/i.test(value) &&
    URL.canParse(value);
  if (!isUrl) {
    wrong(at, 'takes an absolute https URL, or an http one into UPSTREAM_ALLOW');
    return 'https://invalid.invalid/';
  }
  const { username, password, hash } = new URL(value);
  if (username !== '' || password !== '') wrong(at, 'must hold no user name or password: give them as headers');
  if (hash !== '' || value.includes('#')) wrong(at, 'must hold no fragment (#)');
  return value;
};

/**
 * The URL of a receiver, for syntax; its address is judged by the guard when the stream is made, and at each
 * connection. Segments of its path that look like secrets, and the values of its query, are shown as `***`.
 */
export const urlField = (): ConfigField<string> => ({
  optional: false,
  read: readUrl,
  show: shownUrl,
  secrets: (value) => {
    const { pathname, search, searchParams } = new URL(value);
    const shown = new URL(shownUrl(value));
    const hidden = pathname.split('/').filter((segment) => !shown.pathname.split('/').includes(segment));
    return [...hidden, ...searchParams.values(), ...(search === '' ? [] : [search])].filter((text) => text.length > 3);
  },
  place: (value) => new URL(value).origin,
});

const MAX_HEADERS = 20;
const MAX_HEADER_BYTES = 8192;

/** Headers that HTTP gives its own meaning on each connection, or that Toolgate writes. */
const isReserved = (name: string): boolean =>
  /^(?:host|content-.*|transfer-encoding|connection|keep-alive|expect|te|trailer|upgrade|proxy-.*|webhook-.*)$/.test(
    name,
  );

const headerProblem = (name: string, value: unknown): string | undefined => {
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/.test(name)) return 'a header name takes letters, digits and hyphens';
  if (isReserved(name.toLowerCase()))
    return 'this header is set by Toolgate or belongs to one connection; leave it out';
  if (typeof value !== 'string' || !/^[\t\x20-\x7e]+$/.test(value))
    return 'a header value takes printable ASCII on one line';
  return value.trim() === value ? undefined : 'a header value must not begin or end with white space';
};

/** Headers of every request, by name. Their values are secrets. */
export const headersField = (): ConfigField<Readonly<Record<string, string>>> => ({
  optional: true,
  read: (value, at, wrong) => {
    const entries = isObject(value) ? Object.entries(value) : [];
    if (!isObject(value)) wrong(at, 'takes an object of header names with their values');
    if (entries.length > MAX_HEADERS) wrong(at, `takes at most ${MAX_HEADERS} headers`);
    const names = new Set<string>();
    let bytes = 0;
    for (const [name, text] of entries.slice(0, MAX_HEADERS)) {
      const isRepeated = names.has(name.toLowerCase());
      const problem = headerProblem(name, text) ?? (isRepeated ? 'this header is given twice' : undefined);
      if (problem !== undefined) wrong(pointerTo(at, name), problem);
      names.add(name.toLowerCase());
      bytes += name.length + String(text).length;
    }
    if (bytes > MAX_HEADER_BYTES) wrong(at, `takes at most ${MAX_HEADER_BYTES / 1024} KiB in all`);
    return Object.fromEntries(entries) as Readonly<Record<string, string>>;
  },
  show: (headers) => Object.fromEntries(Object.keys(headers).map((name) => [name, SET])),
  secrets: (headers) =>
    Object.values(headers)
      // A receiver may repeat what follows the scheme of an `Authorization` alone.
      .flatMap((value) => [value, value.replace(/^\S+ /, '')])
      .filter((text) => text.length > 7),
  place: () => '',
});

const MAX_PEM = 65_536;
const PEM = /-----BEGIN [A-Z0-9 ]+-----[^-]+-----END [A-Z0-9 ]+-----/g;

const pemField = (isValid: (text: string) => unknown, takes: string): ConfigField<string> => ({
  ...textField(),
  optional: true,
  read: (value, at, wrong) => {
    try {
      if (typeof value === 'string' && value.length <= MAX_PEM && PEM.test(value)) {
        PEM.lastIndex = 0;
        isValid(value);
        return value;
      }
    } catch {
      // An invalid one is refused below, without a word of what it holds.
    }
    wrong(at, takes);
    return '';
  },
});

const certificates = (text: string): unknown => (text.match(PEM) ?? []).map((one) => new X509Certificate(one));

const certificateField = pemField(certificates, 'takes certificates as PEM text');
const keyField: ConfigField<string> = {
  ...pemField(createPrivateKey, 'takes a private key as PEM text, without a passphrase'),
  show: () => SET,
  secrets: (value) => [value],
};

const certificateFields = { ca: certificateField, cert: certificateField, key: keyField } as const;

/** Of an https kind: the CA that is trusted instead of the system's, and a certificate of our own. */
export const tlsField = (): ConfigField<TlsOptions> =>
  optional(objectField<Omit<TlsOptions, 'serverName'>>(certificateFields));

/** The same for other protocols, and whom the receiver's certificate has to name. */
export const socketTlsField = (): ConfigField<TlsOptions> =>
  optional(
    objectField<TlsOptions>({
      ...certificateFields,
      serverName: optional(textField({ max: 253, pattern: /^[A-Za-z0-9.-]+$/, takes: 'takes a host name' })),
    }),
  );
