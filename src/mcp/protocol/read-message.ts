import { isObject, type Json } from '../../platform/json/json-object.js';
import { distinctMembersOf, drop, editObject, editNested, MAX_MEMBERS_APART } from '../wire/json-text.js';
import { parsedJson } from '../../platform/json/parsed-json.js';
import { readStrictJson } from '../../platform/json/strict-json.js';
import { JSON_RPC_CODES } from './codes.js';

/** One JSON-RPC 2.0 message as MCP narrows it: ids are strings or safe integers, `params` and `result` are objects. */
export type Message =
  | Readonly<{ kind: 'request'; id: string | number; method: string; params: Json | undefined }>
  | Readonly<{ kind: 'notification'; method: string; params: Json | undefined }>
  | Readonly<{ kind: 'response'; id: string | number }>;

export type Request = Extract<Message, { kind: 'request' }>;

/** A request whose fault lies in its `params`. */
export type FaultyRequest = Pick<Request, 'id' | 'method'>;

type RefusalCode = (typeof JSON_RPC_CODES)['parseError' | 'invalidRequest'];

/**
 * `body` is what goes upstream: the bytes that were read, without what is read as absent. `code` is the JSON-RPC error
 * code; `reason` says what is wrong and never quotes the body. `faulty` is there when all but the params can be read,
 * so that the refusal goes under the request's own id.
 */
export type ReadMessage =
  | Readonly<{ ok: true; message: Message; body: Buffer }>
  | Readonly<{ ok: false; code: RefusalCode; reason: string; faulty?: FaultyRequest | undefined }>;

type KnownKeys = Readonly<{ exact: ReadonlySet<string>; folded: ReadonlySet<string> }>;

const envelopeKeys = knownKeys('jsonrpc', 'id', 'method', 'params', 'result', 'error');
const paramsKeys = knownKeys(
  'name',
  'arguments',
  '_meta',
  'uri',
  'cursor',
  'ref',
  'argument',
  'context',
  'taskId',
  'notifications',
  'inputResponses',
  'requestState',
);

/**
 * The one strict reader of a POST /mcp body: what passes is read alike by every JSON parser, so that what was judged is
 * what the upstream understands. Never throws.
 *
 * -32700: no JSON text at all (empty, invalid UTF-8, byte order mark, whatever `JSON.parse` refuses, trailing data).
 * -32600: JSON, but not one well-formed message: a batch, anything that two parsers may read in two ways (duplicate
 * keys, lone surrogates, keys that lead to prototypes, depth over 64, over 100,000 keys, numbers that no double holds
 * of over 400 characters or more than 100,000 of them), keys of the message or of its `params` that differ only in case
 * from another or from a known one, types that JSON-RPC 2.0 or MCP don't have there. A text past one of the two size
 * limits is not parsed any further and counts as -32600. Any other number that no double holds is an `ExactNumber` in
 * `params`.
 *
 * Members that no JSON-RPC message has are neither read nor sent. Neither are `params: null` and `arguments: null`.
 */
export function readMessage(body: Buffer): ReadMessage {
  const json = readStrictJson(body, 'as_written');
  if (json.ok) return readValue(json.value, body);
  if (json.flaw === 'unparsable') return { ok: false, code: JSON_RPC_CODES.parseError, reason: json.reason };
  return readAmbiguous(body.toString('utf8'), json.reason);
}

function readValue(raw: unknown, body: Buffer): ReadMessage {
  if (Array.isArray(raw)) return invalid('batches are not accepted');
  if (!isObject(raw)) return invalid('not an object');
  if (hasCaseVariant(raw, envelopeKeys)) return invalid('a key of the message differs from another only in case');
  if (raw['jsonrpc'] !== '2.0') return invalid('jsonrpc is not "2.0"');
  for (const key of Object.keys(raw)) if (!envelopeKeys.exact.has(key)) return readKnownMembers(body.toString('utf8'));
  return Object.hasOwn(raw, 'method') ? readCall(raw, body) : readResponse(raw, body);
}

/** A text that two parsers may read in two ways: the fault may lie in members that are not read, or in the params. */
function readAmbiguous(text: string, reason: string): ReadMessage {
  const members = distinctMembersOf(text);
  if (members === undefined) return invalid(reason);
  for (const key of members.keys()) if (!envelopeKeys.exact.has(key)) return readKnownMembers(text);
  return { ...invalid(reason), faulty: requestIn(members) };
}

/** Reads a message without the members that no JSON-RPC message has. */
function readKnownMembers(text: string): ReadMessage {
  const unknown = [...(distinctMembersOf(text)?.keys() ?? [])].filter((key) => !envelopeKeys.exact.has(key));
  if (unknown.length === 0) return invalid(`more than ${MAX_MEMBERS_APART} members`);
  if (unknown.some((key) => envelopeKeys.folded.has(foldCase(key))))
    return invalid('a key of the message differs from another only in case');
  return readMessage(Buffer.from(editObject(text, Object.fromEntries(unknown.map((key) => [key, drop])))));
}

/**
 * The tool and the arguments of a `tools/call` request: `name` of 1 to 256 UTF-16 units, `arguments` an object (empty
 * when absent). `undefined` for any other message, and when one of the two has another type or length.
 */
export function toolCallParams(message: Message): Readonly<{ name: string; arguments: Json }> | undefined {
  if (message.kind !== 'request' || message.method !== 'tools/call' || message.params === undefined) return undefined;
  const { name, arguments: given = {} } = message.params;
  if (typeof name !== 'string' || name.length < 1 || name.length > 256 || !isObject(given)) return undefined;
  return { name, arguments: given };
}

function readCall(raw: Json, body: Buffer): ReadMessage {
  const { id, method, params } = raw;
  if (Object.hasOwn(raw, 'result') || Object.hasOwn(raw, 'error'))
    return invalid('a method together with a result or an error');
  if (typeof method !== 'string') return invalid('method is not a string');
  const hasId = Object.hasOwn(raw, 'id');
  if (hasId && !isId(id)) return invalid('id is neither a string nor an integer');
  if (params === null) return readMessage(Buffer.from(editObject(body.toString('utf8'), { params: drop })));
  if (params === undefined) return callOf(id, method, undefined, body);
  const fault = faultOfParams(params);
  if (fault !== undefined) return { ...invalid(fault), faulty: isId(id) ? { id, method } : undefined };
  const given = params as Json;
  return given['arguments'] === null ? withoutArguments({ id, method }, given, body) : callOf(id, method, given, body);
}

function callOf(id: unknown, method: string, params: Json | undefined, body: Buffer): ReadMessage {
  return isId(id)
    ? { ok: true, message: { kind: 'request', id, method, params }, body }
    : { ok: true, message: { kind: 'notification', method, params }, body };
}

function withoutArguments(
  { id, method }: Readonly<{ id: unknown; method: string }>,
  { arguments: _absent, ...params }: Json,
  body: Buffer,
): ReadMessage {
  if (Object.keys(params).length >= MAX_MEMBERS_APART) return invalid(`more than ${MAX_MEMBERS_APART} members`);
  const text = editObject(body.toString('utf8'), { params: editNested({ arguments: drop }) });
  return callOf(id, method, params, Buffer.from(text));
}

/** What is wrong with params that can be read in one way only; undefined when they may pass. */
function faultOfParams(params: unknown): string | undefined {
  if (!isObject(params)) return 'params is not an object';
  if (hasCaseVariant(params, paramsKeys)) return 'a key of params differs from another only in case';
  const { _meta: meta } = params;
  const token = isObject(meta) ? (meta['progressToken'] ?? 0) : 0;
  return isId(token) ? undefined : 'progressToken is neither a string nor an integer';
}

function readResponse(raw: Json, body: Buffer): ReadMessage {
  const { id, result, error } = raw;
  if (Object.hasOwn(raw, 'params')) return invalid('params without a method');
  if (Object.hasOwn(raw, 'result') === Object.hasOwn(raw, 'error'))
    return invalid('not exactly one of method, result and error');
  if (!isId(id)) return invalid('id is neither a string nor an integer');
  if (Object.hasOwn(raw, 'result') && !isObject(result)) return invalid('result is not an object');
  if (Object.hasOwn(raw, 'error') && !isError(error)) return invalid('error has no integer code and text message');
  return { ok: true, message: { kind: 'response', id }, body };
}

const loneSurrogate = /\p{Surrogate}/u;

/** The request whose params are all that is wrong with it; undefined when the fault may lie elsewhere. */
function requestIn(members: ReadonlyMap<string, string>): FaultyRequest | undefined {
  const isRequest = members.size === 4 && members.get('params')?.startsWith('{') === true;
  const [version, method, id] = ['jsonrpc', 'method', 'id'].map((key) => parsedJson(members.get(key) ?? ''));
  const isNumber = typeof id === 'number' && String(id) === members.get('id');
  if (!isRequest || version !== '2.0' || !isPlainText(method)) return undefined;
  return isId(id) && (isNumber || isPlainText(id)) ? { id, method } : undefined;
}

const isPlainText = (value: unknown): value is string => typeof value === 'string' && !loneSurrogate.test(value);

const invalid = (reason: string): Extract<ReadMessage, { ok: false }> => ({
  ok: false,
  code: JSON_RPC_CODES.invalidRequest,
  reason,
});

const isId = (value: unknown): value is string | number => typeof value === 'string' || Number.isSafeInteger(value);
const isError = (value: unknown): boolean =>
  isObject(value) && Number.isSafeInteger(value['code']) && typeof value['message'] === 'string';

function knownKeys(...names: readonly string[]): KnownKeys {
  return { exact: new Set(names), folded: new Set(names.map(foldCase)) };
}

/** Parsers that ignore case (Go's encoding/json) would take a variant for the key itself. */
function hasCaseVariant(object: Json, known: KnownKeys): boolean {
  let others: Set<string> | undefined;
  for (const key of Object.keys(object)) {
    if (known.exact.has(key)) continue;
    const folded = foldCase(key);
    others ??= new Set();
    if (known.folded.has(folded) || others.has(folded)) return true;
    others.add(folded);
  }
  return false;
}

/**
 * Both ways, as the long s (U+017F) meets `s` only in upper case and the Kelvin sign (U+212A) meets `k` only in lower
 * case.
 */
export function foldCase(key: string): string {
  return key.toUpperCase().toLowerCase();
}
