import { guarded } from '../runtime/guard.js';
import type { Request } from 'express';
import { Problem } from '../runtime/problems.js';
import type { AllowedTo } from './allowed.js';

const MAX_BODY_BYTES = 1024 * 1024;
const MAX_ANONYMOUS_BODY_BYTES = 16 * 1024;
const MAX_DEPTH = 64;
const MAX_MEMBERS = 100_000;
const JSON_TYPE = /^\s*application\/json\s*(;|$)/i;
const OTHER_CHARSET = /;\s*charset\s*=\s*(?!"?utf-8"?\s*(;|$))/i;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;

const unreadable = (detail: string): Problem => new Problem('invalid_body', detail);
const notJson = (): Problem => unreadable('Send well-formed JSON with Content-Type: application/json.');

/** How many bytes the body of a route may have: who needs no credential for it gets little of our processor time. */
export const maxBodyBytes = (who: readonly AllowedTo[]): number =>
  who.includes('anyone') ? MAX_ANONYMOUS_BODY_BYTES : MAX_BODY_BYTES;

/** Where the string ends whose opening quote is before `from`. */
const endOfString = (text: string, from: number): number => {
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at + 1;
    if (code === BACKSLASH) at += 1;
  }
  return text.length;
};

/** How a structural character changes the depth: `{` and `[` add a level, `}` and `]` end one. */
const levelChange = (code: number): number => {
  if (code === 0x7b || code === 0x5b) return 1;
  return code === 0x7d || code === 0x5d ? -1 : 0;
};

/**
 * Counts the members that a JSON text writes, in one pass. @throws Problem `invalid_body` for too many levels or
 * members
 */
const countWrittenMembers = (text: string): number => {
  let members = 0;
  let depth = 0;
  for (let at = 0; at < text.length;) {
    const code = text.charCodeAt(at);
    at = code === QUOTE ? endOfString(text, at + 1) : at + 1;
    depth += levelChange(code);
    if (code === COLON) members += 1;
    if (depth > MAX_DEPTH) throw unreadable(`Send JSON of at most ${MAX_DEPTH} levels.`);
    if (members > MAX_MEMBERS) throw unreadable(`Send at most ${MAX_MEMBERS} members.`);
  }
  return members;
};

/** How many members the objects of a parsed value have, all together. The text's depth was checked before. */
const countParsedMembers = (value: unknown): number => {
  if (typeof value !== 'object' || value === null) return 0;
  const children: readonly unknown[] = Object.values(value);
  return children.reduce(
    (sum: number, child) => sum + countParsedMembers(child),
    Array.isArray(value) ? 0 : children.length,
  );
};

/**
 * Parses the body of a request in time linear in its bytes.
 * @throws Problem `invalid_body` for what is not one JSON object that all parsers read alike.
 */
export const parseJsonBody = (body: Buffer, contentType = ''): object => {
  if (!JSON_TYPE.test(contentType) || OTHER_CHARSET.test(contentType)) throw notJson();
  const text = body.toString();
  const written = countWrittenMembers(text);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw notJson();
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw unreadable('Send a JSON object.');
  // Of two members with one name the parser keeps the last.
  if (countParsedMembers(value) !== written) {
    throw unreadable('Send each member of an object once: of two with one name, only one would count.');
  }
  return value;
};

const endedEarly = (): Problem => unreadable('The request ended before its body did.');
const tooLarge = (maxBytes: number): Problem => new Problem('too_large', `Send at most ${maxBytes / 1024} KiB.`);

const readBytes = (request: Request, maxBytes: number): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    if (Number(request.headers['content-length'] ?? 0) > maxBytes) return reject(tooLarge(maxBytes));
    if (request.destroyed) return reject(endedEarly());
    const chunks: Buffer[] = [];
    let bytes = 0;
    const onData = guarded(
      'json_body',
      (chunk: Buffer): void => {
        bytes += chunk.length;
        if (bytes <= maxBytes) return void chunks.push(chunk);
        request.off('data', onData).pause();
        reject(tooLarge(maxBytes));
      },
      reject,
    );
    request.on('data', onData);
    request.once(
      'end',
      guarded('json_body', () => resolve(Buffer.concat(chunks)), reject),
    );
    // A client that leaves has nobody to read the refusal; what waits for the body must end all the same.
    request.once(
      'close',
      guarded('json_body', () => reject(endedEarly())),
    );
    request.once(
      'error',
      guarded('json_body', () => reject(endedEarly())),
    );
  });

/**
 * Reads the JSON object that a request carries; undefined when it carries nothing.
 * @throws Problem `too_large` as soon as more than `maxBytes` are announced or have come; `invalid_body` for what is
 * not one JSON object.
 */
export const readJsonBody = async (request: Request, maxBytes: number): Promise<object | undefined> => {
  const { 'content-length': length, 'transfer-encoding': coding, 'content-encoding': encoding } = request.headers;
  if (coding === undefined && (length === undefined || length === '0')) return undefined;
  const bytes = await readBytes(request, maxBytes);
  if (bytes.length === 0) return undefined;
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity')
    throw unreadable('Send the body without Content-Encoding.');
  return parseJsonBody(bytes, request.headers['content-type']);
};
