import { MAX_JSON_DEPTH } from '../json/foreign-json.js';
import { isObject, type Json } from '../json/json-object.js';
import { MAX_STRICT_KEYS, readStrictJson, type StrictJsonFault } from '../json/strict-json.js';
import { guarded } from '../runtime/guard.js';
import type { Request } from 'express';
import { Problem } from '../runtime/problems.js';
import type { AllowedTo } from './allowed.js';

const MAX_BODY_BYTES = 1024 * 1024;
const MAX_ANONYMOUS_BODY_BYTES = 16 * 1024;
/** Twice the keys that a body may have. Two MiB of empty lists would hold the process for a quarter of a second. */
const MAX_BODY_VALUES = 2 * MAX_STRICT_KEYS;
const JSON_TYPE = /^\s*application\/json\s*(;|$)/i;
const OTHER_CHARSET = /;\s*charset\s*=\s*(?!"?utf-8"?\s*(;|$))/i;

const unreadable = (detail: string): Problem => new Problem('invalid_body', detail);
const NOT_JSON = 'Send well-formed JSON with Content-Type: application/json.';
const notJson = (): Problem => unreadable(NOT_JSON);

/** How many bytes the body of a route may have: who needs no credential for it gets little of our processor time. */
export const maxBodyBytes = (who: readonly AllowedTo[]): number =>
  who.includes('anyone') ? MAX_ANONYMOUS_BODY_BYTES : MAX_BODY_BYTES;

const REFUSALS: Readonly<Partial<Record<StrictJsonFault, string>>> = {
  too_deep: `Send JSON of at most ${MAX_JSON_DEPTH} levels.`,
  too_many_keys: `Send at most ${MAX_STRICT_KEYS} members.`,
  inexact_number: 'Send numbers that a double holds exactly, and longer ones as text.',
  repeated_key: 'Send each member of an object once: of two with one name, only one would count.',
  lone_surrogate: 'Send text without half of a surrogate pair.',
};

const [QUOTE, BACKSLASH, COMMA, COLON, OPENING_BRACKET, OPENING_BRACE] = Buffer.from('"\\,:[{');

/**
 * Parsing costs about as much for each small value of a list as for each member of an object. Too many members are
 * found by the strict reader, also before it parses.
 */
const hasTooManyValues = (body: Buffer): boolean => {
  let values = 0;
  let members = 0;
  let inString = false;
  for (let at = 0; at < body.length; at += 1) {
    const byte = body[at];
    if (inString && byte === BACKSLASH) at += 1;
    else if (byte === QUOTE) inString = !inString;
    else if (inString) continue;
    else if (byte === COLON) members += 1;
    else if (byte === COMMA || byte === OPENING_BRACKET || byte === OPENING_BRACE) values += 1;
  }
  return values > MAX_BODY_VALUES && members <= MAX_STRICT_KEYS;
};

/**
 * Parses the body of a request in time linear in its bytes.
 * @throws Problem `invalid_body` for what is not one JSON object that all parsers read alike.
 */
export const parseJsonBody = (body: Buffer, contentType = ''): Json => {
  if (!JSON_TYPE.test(contentType) || OTHER_CHARSET.test(contentType)) throw notJson();
  if (hasTooManyValues(body)) throw unreadable(`Send at most ${MAX_BODY_VALUES} values.`);
  const read = readStrictJson(body, 'doubles', 'plain');
  if (!read.ok) throw unreadable(REFUSALS[read.fault] ?? NOT_JSON);
  if (!isObject(read.value)) throw unreadable('Send a JSON object.');
  return read.value;
};

const endedEarly = (): Problem => unreadable('The request ended before its body did.');
const tooLarge = (maxBytes: number): Problem => new Problem('too_large', `Send at most ${maxBytes / 1024} KiB.`);

/**
 * Reads the body of a request. @throws Problem `too_large` as soon as more than `maxBytes` are announced or have come,
 * `invalid_body` when the request ends before its body does
 */
export const readBytes = (request: Request, maxBytes: number): Promise<Buffer> =>
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
