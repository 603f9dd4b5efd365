import { isObject, parseObject, type Json } from '../../platform/json/json-object.js';
import { elementsOf } from '../wire/json-text.js';

/** What a JSON-RPC response says. */
export type ResponseContent =
  Readonly<{ kind: 'result'; result: Json }> | Readonly<{ kind: 'error'; error: Json; code: number | undefined }>;

/**
 * Reads a message as a response, by the values of its members and not by their presence: many serializers write
 * `"error": null` beside a result, and `"result": null` beside an error. An error counts more than a result beside it.
 * Undefined for a request, a notification and everything else that is neither a result nor an error.
 */
export const readResponse = (message: unknown): ResponseContent | undefined => {
  if (!isObject(message) || (message['method'] ?? null) !== null) return undefined;
  const { error = null, result } = message;
  if (isObject(error))
    return { kind: 'error', error, code: Number.isSafeInteger(error['code']) ? (error['code'] as number) : undefined };
  return error === null && isObject(result) ? { kind: 'result', result } : undefined;
};

/**
 * Reads a message as the response to the request `id`. An error without an id counts too: it is one of a request that
 * the server could not read.
 */
export const readResponseTo = (id: unknown, message: unknown): ResponseContent | undefined => {
  const response = readResponse(message);
  if (!response) return undefined;
  const given = (message as Json)['id'] ?? null;
  return given === id || (given === null && response.kind === 'error') ? response : undefined;
};

/** The error code of a message; undefined when it is no error response, or its code no integer. */
export const errorCodeOf = (message: unknown): number | undefined => {
  const response = readResponse(message);
  return response?.kind === 'error' ? response.code : undefined;
};

/**
 * The text of the message that a server sent, without the dresses that clients take: a byte order mark before it, or a
 * batch around it alone.
 */
export const serverMessageText = (text: string): string => {
  const bare = text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  const [only, ...others] = /^\s*\[/.test(bare) ? elementsOf(bare) : [];
  return only === undefined || others.length > 0 ? bare : only;
};

/**
 * The message that a server sent as this text, in the dresses that clients take: with a byte order mark or blank lines
 * around it, or as the only one of a batch. Undefined when it is no JSON object, or a batch of several.
 */
export const parseServerMessage = (text: string): Json | undefined => parseObject(serverMessageText(text));
