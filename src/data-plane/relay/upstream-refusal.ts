import { isUtf8 } from 'node:buffer';
import type { Caller } from '../../mcp/protocol/caller.js';
import { jsonRpcError, type RequestId } from '../../mcp/protocol/answers.js';
import { JSON_RPC_CODES, OWN_CODES } from '../../mcp/protocol/codes.js';
import { serverMessageText } from '../../mcp/protocol/response.js';
import { headerOf, isEventStream } from '../../mcp/protocol/headers.js';
import type { UpstreamHeaders } from '../../mcp/upstream/forward.js';
import { redirectTarget } from '../../mcp/upstream/redirect.js';
import { isObject, parseObject, type Json } from '../../platform/json/json-object.js';
import { editObject, membersOf, set } from '../../mcp/wire/json-text.js';
import { parseSse } from '../../mcp/wire/sse.js';
import { scanMessage } from './passable-message.js';
import { responseOutcome } from './tool-outcome.js';

/** An upstream's whole answer, which is no success. */
type RefusedAnswer = Readonly<{ status: number; headers: UpstreamHeaders; body: Buffer }>;

/** What the client gets for an answer that is no success. `text` is JSON. */
export type Refusal = Readonly<{ status: number; text: string; headers: Readonly<Record<string, string>> }>;

const SESSION_ENDED = 'the session has ended; initialize again';
/** What servers say of a session that they don't know begins their answer. */
const MAX_WORDS = 2048;

/** These errors are about the request and not about its session. */
const { invalidParams, methodNotFound, parseError } = JSON_RPC_CODES;
const REQUEST_ERRORS: ReadonlySet<unknown> = new Set([invalidParams, methodNotFound, parseError]);
const SESSION = /\bsession|session\b|sessionid/i;
/** How servers say that they don't have something. */
const UNKNOWN = new RegExp(
  String.raw`\b(?:${[
    'not found|no valid|invalid|unknown|unrecognized|not recognized|expired|missing|required|terminated|closed|ended',
    "inactive|stale|no such|no active|not active|no longer|does ?n[o']t exist|not exist|cannot find|could not find",
    'not valid',
  ].join('|')})\b`,
  'i',
);
const NOT_INITIALIZED = new RegExp(
  [
    String.raw`\bnot (?:yet )?(?:been )?initiali[sz]ed`,
    String.raw`\bexpect(?:ed|ing)?\b.{0,20}\binitiali[sz]e`,
    String.raw`\binitiali[sz]e (?:first|again)`,
  ].join('|'),
  'i',
);
/** Bodies that repeat the status and say nothing more. */
const SAYS_NOTHING = /^\s*(?:$|<|"?bad request"?\.?\s*$|\{\s*\}\s*$)/i;

/** The statuses under which servers say that they don't know a session; 401 is what rmcp answered. */
const SESSION_STATUSES: ReadonlySet<number> = new Set([400, 401, 404, 410, 422]);

const isErrorObject = (error: unknown): error is Json =>
  isObject(error) && Number.isSafeInteger(error['code']) && typeof error['message'] === 'string';

const speaksOfSession = (words: string): boolean =>
  (SESSION.test(words) && UNKNOWN.test(words)) || NOT_INITIALIZED.test(words);

/**
 * Whether an upstream answers that it does not know the session: by 404, or by another status with one of the texts
 * that
 * servers have for it. A 404 whose JSON-RPC error is about the request does not say that, nor does any in a session to
 * which the upstream gave no id. A 400 that says nothing does, as the client then begins anew.
 */
const isSessionUnknown = (status: number, body: Buffer, { upstreamSession }: Caller): boolean => {
  const words = body.toString('utf8', 0, MAX_WORDS);
  const error = parseObject(body.toString('utf8'))?.['error'];
  if (isErrorObject(error) && REQUEST_ERRORS.has(error['code'])) return false;
  if (speaksOfSession(words)) return true;
  if (status === 404) return upstreamSession !== undefined || !isErrorObject(error);
  return status === 400 && upstreamSession !== undefined && SAYS_NOTHING.test(words);
};

/** The texts that a body may hold a message in. */
const messagesOf = ({ headers, body }: RefusedAnswer): readonly string[] => {
  const text = body.toString('utf8');
  if (!isEventStream(headerOf(headers, 'content-type'))) return [text];
  return (parseSse(text) ?? []).map(({ data }) => data);
};

/**
 * The JSON-RPC error of a message under the id of the request that it answers, as JSON: code and message, and the data
 * unless it holds a list. Numbers keep their digits. Undefined for any other message.
 */
export const errorUnderId = (text: string, id: RequestId): string | undefined => {
  const { scan, passed } = scanMessage(Buffer.from(serverMessageText(text)));
  const clean = passed.toString('utf8');
  const message = scan.isBroken ? undefined : parseObject(clean);
  if (!message || responseOutcome(message) !== 'error' || !isErrorObject(message['error'])) return undefined;
  const members = membersOf(membersOf(clean).get('error') ?? '{}');
  const kept = ['code', 'message', ...(scan.hasDeepList ? [] : ['data'])]
    .filter((name) => members.has(name))
    .map((name) => `"${name}":${members.get(name)}`);
  return editObject('{}', { jsonrpc: set('2.0'), id: set(id), error: () => `{${kept.join(',')}}` });
};

const RETRY_AFTER = /^[\x20-\x7e]{1,64}$/;

const retryAfter = (headers: UpstreamHeaders): Readonly<Record<string, string>> => {
  const value = headerOf(headers, 'retry-after');
  return value !== undefined && RETRY_AFTER.test(value) ? { 'retry-after': value } : {};
};

/**
 * What a client gets for an upstream's answer without a result: 404 for a session that the upstream doesn't know, else
 * the upstream's own JSON-RPC error under the request's id, else an error that names the status. In the modern era a
 * status of the protocol (400, 404) goes with its error.
 */
export const refusalOf = (
  answer: RefusedAnswer,
  { id, session }: Readonly<{ id: RequestId; session: Caller | undefined }>,
): Refusal => {
  const { status, body } = answer;
  const headers = retryAfter(answer.headers);
  const maySayThat = session?.era === 'legacy' && SESSION_STATUSES.has(status);
  if (maySayThat && isSessionUnknown(status, body, session))
    return { status: 404, text: ownError(id, SESSION_ENDED), headers: {} };
  const error = errorIn(answer, id);
  if (error === undefined) return { status: 200, text: ownError(id, describeStatus(answer)), headers };
  const isOfProtocol = session?.era === 'modern' && (status === 400 || status === 404);
  return { status: isOfProtocol ? status : 200, text: error, headers };
};

const ownError = (id: RequestId, message: string): string =>
  JSON.stringify(jsonRpcError(id, OWN_CODES.upstreamError, message));

/** The JSON-RPC error that an answer holds, under this id. */
const errorIn = (answer: RefusedAnswer, id: RequestId): string | undefined =>
  (isUtf8(answer.body) ? messagesOf(answer) : [])
    .map((text) => errorUnderId(text, id))
    .find((text) => text !== undefined);

const describeStatus = ({ status, headers }: RefusedAnswer): string => {
  const target = status >= 300 && status < 400 ? redirectTarget(headers) : undefined;
  const redirect = target === undefined ? '' : `, a redirect to ${target}`;
  return `the MCP server answered with HTTP status ${status}${redirect}`;
};
