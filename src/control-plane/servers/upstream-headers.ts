import { isObject } from '../../platform/json/json-object.js';
import type { ProblemDetail } from '../../platform/runtime/problems.js';
import { pointerTo } from '../../platform/json/pointer.js';

/** Values that go to a server, by name: headers with every request, or a command's environment. All are secret. */
export type SecretValues = Readonly<Record<string, string>>;

const MAX_HEADERS = 20;
const MAX_HEADER_BYTES = 8 * 1024;

/**
 * Headers that HTTP or MCP gives its own meaning on each hop, or that say who the client is: Toolgate writes them, or
 * nobody does.
 */
const RESERVED_HEADERS: ReadonlySet<string> = new Set([
  'accept',
  'accept-encoding',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'cookie',
  'expect',
  'forwarded',
  'host',
  'http2-settings',
  'keep-alive',
  'last-event-id',
  'origin',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'via',
]);

const isOurs = (name: string): boolean =>
  RESERVED_HEADERS.has(name) || name.startsWith('mcp-') || name.startsWith('x-forwarded-');

/** What is wrong with one header, without its value. Token characters are those of RFC 9110 5.6.2. */
const headerProblem = (name: string, value: unknown): string | undefined => {
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/.test(name))
    return "a header name takes 1 to 128 letters, digits and -_.!#$%&'*+^`|~";
  if (isOurs(name.toLowerCase())) return 'this header is set by Toolgate or belongs to one connection; leave it out';
  if (typeof value !== 'string' || value === '') return 'a header value must be a text that is not empty';
  if (!/^[\t\x20-\x7e]*$/.test(value)) return 'a header value takes printable ASCII on one line';
  return value.trim() === value ? undefined : 'a header value must not begin or end with white space';
};

/** Reads the headers of `auth`; everything that is wrong goes to `wrong`, by name and never with a value. */
export const readHeaders = (value: unknown, at: string, wrong: ProblemDetail[]): SecretValues => {
  const entries = isObject(value) ? Object.entries(value) : [];
  const refuse = (pointer: string, message: string): void => void wrong.push({ pointer, code: 'invalid', message });
  if (entries.length === 0) refuse(at, 'headers takes an object of at least one header name with its value');
  if (entries.length > MAX_HEADERS) refuse(at, `takes at most ${MAX_HEADERS} headers`);
  const seen = new Set<string>();
  for (const [name, text] of entries) {
    const problem =
      headerProblem(name, text) ?? (seen.has(name.toLowerCase()) ? 'this header is given twice' : undefined);
    if (problem !== undefined) refuse(pointerTo(at, name), problem);
    seen.add(name.toLowerCase());
  }
  const bytes = entries.reduce(
    (sum, [name, text]) => sum + name.length + (typeof text === 'string' ? text.length : 0),
    0,
  );
  if (bytes > MAX_HEADER_BYTES) refuse(at, `takes at most ${MAX_HEADER_BYTES / 1024} KiB in all`);
  return Object.fromEntries(entries) as SecretValues;
};
