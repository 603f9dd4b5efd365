import { parseSse } from '../../mcp/wire/sse.js';
import { isObject } from '../../platform/json/json-object.js';
import { parsedJson } from '../../platform/json/parsed-json.js';
import { mayBeMoreThanResult } from './needles.js';

/**
 * What an answer to a tools/call says: `ok` a result, `tool_error` a result with `isError: true`, `error` a JSON-RPC
 * error or no answer that can be read.
 */
export type ToolOutcome = 'ok' | 'tool_error' | 'error';

const ENDED = /(?:\n\n|\r\r|\r\n\r\n)$/;

const hasOneResult = (text: string): boolean => {
  const version = text.indexOf('"jsonrpc"');
  return (
    version >= 0 &&
    !text.includes('"jsonrpc"', version + 1) &&
    /"result"\s*:\s*\{/.test(text) &&
    !mayBeMoreThanResult(text)
  );
};

/**
 * Whether a JSON text, read as Latin-1, is one complete message with a result that needs no parsing: it can hide
 * neither an error nor a list.
 */
export const isPlainResult = (text: string): boolean => {
  const whole = text.trim();
  return whole.startsWith('{') && whole.endsWith('}') && hasOneResult(whole);
};

/** What a JSON-RPC message or a batch of them says; undefined where there is no answer in it. */
const answerKind = (message: unknown): ToolOutcome | undefined => {
  for (const item of Array.isArray(message) ? (message as readonly unknown[]) : [message]) {
    if (!isObject(item) || Object.hasOwn(item, 'method')) continue;
    if (Object.hasOwn(item, 'error')) return 'error';
    const result = item['result'];
    if (isObject(result)) return result['isError'] === true ? 'tool_error' : 'ok';
  }
  return undefined;
};

/** What a parsed answer says. */
export const outcomeOf = (message: unknown): ToolOutcome => answerKind(message) ?? 'error';

/**
 * What a buffered event stream says. Its bytes are searched first: a single plain result counts as `ok` without a
 * parse.
 */
export const outcomeOfStream = (body: Buffer): ToolOutcome => {
  const text = body.toString('latin1');
  if (ENDED.test(text.slice(-4)) && hasOneResult(text)) return 'ok';
  for (const { data } of parseSse(body.toString('utf8')) ?? []) {
    const kind = answerKind(parsedJson(data));
    if (kind !== undefined) return kind;
  }
  return 'error';
};
