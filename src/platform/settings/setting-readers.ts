import { isIP, isIPv6 } from 'node:net';
import { isRange } from '../outbound/outbound-address.js';

/** Reads a whole number from `min` to `max`, of at most nine digits. */
export const whole =
  (min: number, max: number) =>
  (text: string): number | undefined => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    return value >= min && value <= max ? value : undefined;
  };

/** Reads a comma-separated list: each part is trimmed and read by `item`; one that is not valid refuses all. */
export const list =
  (item: (text: string) => string | undefined) =>
  (text: string): readonly string[] | undefined => {
    const items = text.split(',').map((part) => item(part.trim()));
    return items.every((part) => part !== undefined && part !== '') ? (items as string[]) : undefined;
  };

/** Reads one of these words. */
export const oneOf =
  <T extends string>(...words: readonly T[]) =>
  (text: string): T | undefined =>
    words.find((word) => word === text);

/** Reads a text that matches a pattern, as it is. */
export const matching =
  (pattern: RegExp) =>
  (text: string): string | undefined =>
    pattern.test(text) ? text : undefined;

/** Reads an address or a CIDR range, an address as the range that holds it alone. */
export const cidr = (text: string): string | undefined => {
  if (!isRange(text)) return undefined;
  return text.includes('/') ? text : `${text}/${isIPv6(text) ? 128 : 32}`;
};

/** A name whose last label is a number is an address or nothing (WHATWG URL, "ends in a number"). */
export const host = (text: string): string | undefined => {
  if (isIP(text) !== 0) return text;
  return /^[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*$/.test(text) && text.length <= 253 && !/(^|\.)\d+$/.test(text)
    ? text
    : undefined;
};

/** kafkajs takes what is before the first colon for the host, so an IPv6 address has no form that works. */
export const broker = (text: string): string | undefined => {
  const [name = '', port = '', ...more] = text.split(':');
  return host(name) !== undefined && whole(1, 65_535)(port) !== undefined && more.length === 0 ? text : undefined;
};

/** `all` beside other roles says two things at once. */
export const roles = (text: string): readonly string[] | undefined =>
  text === 'all' ? [text] : list(oneOf('api', 'gateway', 'projector', 'streams'))(text);

/**
 * The parser mends and trims; what it would have to mend is refused, so that every reader of the text sees the same.
 */
export const origin = (text: string): string | undefined =>
  /^https?:\/\/[^\s\\/?#@*]+\/?$/i.test(text) && URL.canParse(text) ? new URL(text).origin : undefined;

/**
 * A web origin. Those of desktop apps (`tauri://localhost`, `vscode-webview://…`) are compared as written, as browsers
 * don't change their hosts.
 */
export const webOrigin = (text: string): string | undefined =>
  origin(text) ?? (/^(?!https?:)[a-z][a-z0-9+.-]{0,30}:\/\/[^\s\\/?#@*,]{1,253}$/.test(text) ? text : undefined);

/** Reads as `read` does, in lower case. */
export const lowerCase =
  (read: (text: string) => string | undefined) =>
  (text: string): string | undefined =>
    read(text)?.toLowerCase();

/**
 * A user and a group; alone, the user's id is also the group's. 65534 is whom PostgreSQL may run as when root starts
 * it.
 */
export const userId = (text: string): Readonly<{ uid: number; gid: number }> | undefined => {
  const [, uid, gid = uid] = /^([1-9]\d{0,8})(?::([1-9]\d{0,8}))?$/.exec(text) ?? [];
  return uid === undefined || uid === '65534' || gid === '65534' ? undefined : { uid: Number(uid), gid: Number(gid) };
};

/** Reads a postgres:// URL with a host and without start-up options. */
export const postgresUrl = (text: string): string | undefined => {
  if (!/^postgres(ql)?:\/\/\S+$/.test(text) || !URL.canParse(text)) return undefined;
  const parsed = new URL(text);
  // Start-up options in the URL would take the place of ours, which say as which role we connect.
  if (parsed.searchParams.has('options')) return undefined;
  return parsed.hostname !== '' || parsed.searchParams.has('host') ? text : undefined;
};

/** Reads an http:// or https:// URL of a proxy, which has no path of its own. */
export const proxyUrl = (text: string): string | undefined => {
  if (!/^https?:\/\/[^\s\\/?#]+\/?$/i.test(text) || !URL.canParse(text)) return undefined;
  return new URL(text).hostname === '' ? undefined : text;
};

/** Reads an smtp:// or smtps:// URL with a host. */
export const smtpUrl = (text: string): string | undefined => {
  if (!/^smtps?:\/\/\S+$/.test(text) || !URL.canParse(text)) return undefined;
  return new URL(text).hostname === '' ? undefined : text;
};

/** Reads an e-mail address, or a name and an address in angle brackets. */
export const mailbox = matching(/^([^<>"@\p{Cc}]+ <[^\s<>"@,;]+@[^\s<>"@,;]+>|[^\s<>"@,;]+@[^\s<>"@,;]+)$/u);

/** Reads 32 bytes in base64 and gives back the text. */
export const key32 = (text: string): string | undefined =>
  /^[A-Za-z0-9+/_-]{43}=?$/.test(text) && Buffer.from(text, 'base64').length === 32 ? text : undefined;
