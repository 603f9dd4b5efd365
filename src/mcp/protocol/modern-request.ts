import { isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders } from 'node:http';
import { isExactNumber } from '../../platform/json/exact-number.js';
import { isObject, type Json } from '../../platform/json/json-object.js';
import { clip } from '../../platform/runtime/clip.js';
import { isRevisionOf, PUBLISHED_REVISIONS } from './era.js';
import type { ModernCaller } from './caller.js';
import { META, mirroredName } from './modern.js';
import { mirroredValue, type ParamHeader } from './param-headers.js';
import type { Message, Request } from './read-message.js';
import { JSON_RPC_CODES, MODERN_CODES } from './codes.js';

/** Why a modern request is not served; `status` is HTTP's. */
export type ModernRefusal = Readonly<{ status: 400 | 404; code: number; message: string; data?: Json }>;

const metaOf = (params: Json | undefined): Json => {
  const meta = params?.['_meta'];
  return isObject(meta) ? meta : {};
};

/**
 * Whether a message is written in the modern era: a request by the revision in its `_meta`, which counts more than the
 * header; what names none there by the header. `initialize` without such a `_meta` opens a session, whatever the header
 * says.
 */
export const isModern = (headers: IncomingHttpHeaders, message: Message): boolean => {
  const claimed = message.kind === 'response' ? undefined : metaOf(message.params)[META.protocolVersion];
  if (claimed !== undefined) return !isRevisionOf('legacy', claimed);
  if (message.kind === 'request' && message.method === 'initialize') return false;
  return isRevisionOf('modern', headers['mcp-protocol-version']);
};

const ENCODED = /^=\?base64\?(.*)\?=$/s;

/** What a header says (Streamable HTTP, "Value Encoding"); undefined when it is not well-formed. */
const decoded = (header: string): string | undefined => {
  const encoded = ENCODED.exec(header)?.[1];
  if (encoded === undefined) return /^[\t\x20-\x7e]*$/.test(header) ? header : undefined;
  const bytes = Buffer.from(encoded, 'base64');
  return bytes.toString('base64') === encoded && isUtf8(bytes) ? bytes.toString('utf8') : undefined;
};

const mismatch = (message: string): ModernRefusal => ({ status: 400, code: MODERN_CODES.headerMismatch, message });
const invalid = (message: string): ModernRefusal => ({ status: 400, code: JSON_RPC_CODES.invalidParams, message });

const missing = (header: string): ModernRefusal => mismatch(`the header ${header} is missing`);
const differs = (header: string): ModernRefusal => mismatch(`the header ${header} does not say what the body says`);

const findVersionRefusal = (headers: IncomingHttpHeaders, version: unknown): ModernRefusal | undefined => {
  if (typeof version !== 'string') return invalid(`_meta needs ${META.protocolVersion}, a text`);
  const header = headers['mcp-protocol-version'];
  if (header === undefined) return missing('MCP-Protocol-Version');
  if (header !== version) return differs('MCP-Protocol-Version');
  if (isRevisionOf('modern', version)) return undefined;
  return {
    status: 400,
    code: MODERN_CODES.unsupportedVersion,
    message: 'Unsupported protocol version',
    data: { supported: PUBLISHED_REVISIONS, requested: clip(version, 64) },
  };
};

/** What is wrong with the header that mirrors the method. */
export const findMethodRefusal = (headers: IncomingHttpHeaders, method: string): ModernRefusal | undefined => {
  const said = headers['mcp-method'];
  if (said === undefined) return missing('Mcp-Method');
  return said === method ? undefined : differs('Mcp-Method');
};

const findNameRefusal = (headers: IncomingHttpHeaders, { method, params }: Request): ModernRefusal | undefined => {
  const refusal = findMethodRefusal(headers, method);
  if (refusal) return refusal;
  const name = mirroredName(method, params ?? {});
  if (name === undefined) return undefined;
  const header = headers['mcp-name'];
  if (typeof header !== 'string') return missing('Mcp-Name');
  return decoded(header) === name ? undefined : differs('Mcp-Name');
};

/** Who a modern request says that it comes from, once its headers agree with its body. */
export const readModern = (
  headers: IncomingHttpHeaders,
  request: Request,
): Readonly<{ ok: true; caller: ModernCaller }> | Readonly<{ ok: false; refusal: ModernRefusal }> => {
  const meta = metaOf(request.params);
  const version = meta[META.protocolVersion];
  const [capabilities, client = {}] = [meta[META.clientCapabilities], meta[META.clientInfo]];
  const refusal = findVersionRefusal(headers, version) ?? findNameRefusal(headers, request);
  if (refusal) return { ok: false, refusal };
  if (!isObject(capabilities))
    return { ok: false, refusal: invalid(`_meta needs ${META.clientCapabilities}, an object`) };
  if (!isObject(client)) return { ok: false, refusal: invalid(`${META.clientInfo} in _meta is not an object`) };
  return { ok: true, caller: callerOf(String(version), capabilities, client) };
};

/** Not spread together: this is done for every call. */
const callerOf = (protocolVersion: string, clientCapabilities: Json, { name, version }: Json): ModernCaller => {
  const caller: { -readonly [K in keyof ModernCaller]: ModernCaller[K] } = {
    era: 'modern',
    sessionId: null,
    upstreamSession: undefined,
    protocolVersion,
    clientCapabilities,
  };
  if (typeof name === 'string') caller.clientName = clip(name, 128);
  if (typeof version === 'string') caller.clientVersion = clip(version, 128);
  return caller;
};

/** A decimal number as text has it: integers are compared by value, so 42.0 is 42. */
const NUMBER = /^-?\d{1,32}(\.\d{1,32})?$/;

const agrees = (header: string, value: unknown): boolean => {
  const said = decoded(header);
  if (said === undefined) return false;
  if (isExactNumber(value)) return said === value.text;
  if (typeof value === 'number') return NUMBER.test(said) && Number(said) === value;
  return said === String(value);
};

/**
 * What is wrong with the headers that mirror a tool's parameters; a header that no parameter has is nobody's concern
 * here.
 */
export const findParamHeaderRefusal = (
  headers: IncomingHttpHeaders,
  mirrored: readonly ParamHeader[],
  given: unknown,
): ModernRefusal | undefined => {
  for (const param of mirrored) {
    const [header, value] = [headers[param.header], mirroredValue(given, param)];
    const expected =
      typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || isExactNumber(value);
    if (header === undefined && expected) return missing(param.header);
    if (header !== undefined && !(expected && agrees(String(header), value))) return differs(param.header);
  }
  return undefined;
};

/**
 * Every header that mirrors a parameter, known or not: those that are not known must be passed on. Undefined when there
 * is none.
 */
export const paramHeaders = (headers: IncomingHttpHeaders): Readonly<Record<string, string>> | undefined => {
  let found: Record<string, string> | undefined;
  for (const name in headers) {
    const value = name.startsWith('mcp-param-') ? headers[name] : undefined;
    if (typeof value === 'string') (found ??= {})[name] = value;
  }
  return found;
};

/** W3C trace context: the trace id of a `traceparent`. */
export const traceIdOf = (traceparent: unknown): string | null =>
  typeof traceparent === 'string' ? (/^[0-9a-f]{2}-([0-9a-f]{32})-/.exec(traceparent)?.[1] ?? null) : null;

/** The trace id that a request names in its own `_meta`. */
export const ownTraceId = (request: Request): string | null => traceIdOf(metaOf(request.params)['traceparent']);
