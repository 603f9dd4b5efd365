import type { HeaderFields } from './sink.js';

/** How long a body is: `none`, a number of bytes, `chunked`, or until the connection ends. */
export type Framing = 'none' | number | 'chunked' | 'until_close';

/**
 * `reusable`: whether the connection may carry another request afterwards; `idleMs`: for how long it may lie idle until
 * then, where the server says so.
 */
export type AnswerHead = Readonly<{
  status: number;
  headers: HeaderFields;
  framing: Framing;
  reusable: boolean;
  idleMs: number | undefined;
}>;

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/;

const readFields = (lines: readonly string[]): HeaderFields | undefined => {
  const fields: Record<string, string | string[]> = Object.create(null) as Record<string, string | string[]>;
  for (let at = 1; at < lines.length; at += 1) {
    const [, name, text] = FIELD.exec(lines[at] ?? '') ?? [];
    if (name === undefined || text === undefined) return undefined;
    const key = name.toLowerCase();
    const value = text.trimEnd();
    const known = fields[key];
    if (known === undefined) fields[key] = value;
    else if (typeof known === 'string') fields[key] = [known, value];
    else known.push(value);
  }
  return fields;
};

const isChunked = (coding: HeaderFields[string], minor: string): boolean =>
  minor === '1' && typeof coding === 'string' && coding.toLowerCase() === 'chunked';
const isLength = (length: HeaderFields[string]): length is string =>
  typeof length === 'string' && /^\d{1,15}$/.test(length);

/**
 * RFC 9112, section 6.3. Undefined where two readers could see two lengths: both fields, one of them twice, another
 * coding than chunked.
 */
const framingOf = (status: number, minor: string, fields: HeaderFields): Framing | undefined => {
  const { 'transfer-encoding': coding, 'content-length': length } = fields;
  if (coding !== undefined && (length !== undefined || !isChunked(coding, minor))) return undefined;
  if (length !== undefined && !isLength(length)) return undefined;
  if (status < 200 || status === 204 || status === 304) return 'none';
  if (coding !== undefined) return 'chunked';
  return length === undefined ? 'until_close' : Number(length);
};

const tokensOf = (value: string | string[] | undefined): readonly string[] =>
  String(value ?? '')
    .toLowerCase()
    .split(',')
    .map((token) => token.trim());

/** We give a connection up before the server does, lest a request meets its end. */
const IDLE_MARGIN_MS = 2000;
const MAX_IDLE_MS = 600_000;

const idleMsOf = (value: string | string[] | undefined): number | undefined => {
  const seconds = /(?:^|[\s,])timeout=(\d{1,6})/i.exec(String(value ?? ''))?.[1];
  return seconds === undefined ? undefined : Math.min(Number(seconds) * 1000 - IDLE_MARGIN_MS, MAX_IDLE_MS);
};

/**
 * Reads the head of an HTTP/1 answer, without the empty line that ends it, as Latin-1. Strict, as what follows it on
 * the connection depends on it: anything but CRLF between lines, a folded line, white space before a colon, a control
 * character or an unclear length makes it undefined. Never throws.
 */
export const readAnswerHead = (text: string): AnswerHead | undefined => {
  const lines = text.split('\r\n');
  const [, minor, code] = STATUS_LINE.exec(lines[0] ?? '') ?? [];
  if (minor === undefined || code === undefined) return undefined;
  const headers = readFields(lines);
  if (!headers) return undefined;
  const status = Number(code);
  const framing = framingOf(status, minor, headers);
  if (framing === undefined || status === 101) return undefined;
  const reusable = minor === '1' && framing !== 'until_close' && !tokensOf(headers['connection']).includes('close');
  return { status, headers, framing, reusable, idleMs: idleMsOf(headers['keep-alive']) };
};
