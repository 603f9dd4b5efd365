import type { Json } from '../../platform/json/json-object.js';
import { parsedJson } from '../../platform/json/parsed-json.js';
import { isRevisionOf } from './era.js';
import { parseServerMessage, readResponse } from './response.js';

const MEDIA_TYPE = /^[\w.+-]{1,40}\/[\w.+-]{1,60}$/;

/** A Content-Type as it may be shown: texts of a server are shown nowhere. */
const typeOf = (contentType: string | undefined): string => {
  const type = contentType?.split(';')[0]?.trim().toLowerCase() ?? '';
  return MEDIA_TYPE.test(type) ? type : 'no usable Content-Type';
};

const whyNoMessage = (text: string, contentType: string | undefined): string => {
  if (text.trim() === '') return 'with an empty body';
  const value = parsedJson(text.replace(/^\uFEFF/, ''));
  if (value === undefined) return `with text that is not JSON (${typeOf(contentType)})`;
  if (Array.isArray(value)) return value.length === 0 ? 'with an empty batch' : 'with a batch of several messages';
  return 'with JSON that is not a message';
};

/** What a message is that is not the response which was asked for, to be read behind "the server answered". */
export const whyNotResponse = (message: Json): string => {
  if (readResponse(message)) return 'with a response to another request (its id differs)';
  return (message['method'] ?? null) === null
    ? 'with a message that has neither a result nor an error'
    : 'with a request or notification and no response';
};

/**
 * What a text has in the place of the response that was asked for, to be read behind "the server answered". Quotes
 * nothing of it.
 */
export const whyUnreadable = (text: string, contentType: string | undefined): string => {
  const message = parseServerMessage(text);
  return message ? whyNotResponse(message) : whyNoMessage(text, contentType);
};

/** Why the revision in the result of an initialize can't be used; undefined when it can. */
export const whyNotSpoken = (version: unknown): string | undefined => {
  if (isRevisionOf('legacy', version)) return undefined;
  if (version === undefined || version === null) return 'its result of initialize names no protocolVersion';
  const named = typeof version === 'string' && /^[\d-]{1,10}$/.test(version) ? `, ${version}` : '';
  return `it speaks a protocol revision that this gateway does not speak${named}`;
};
