import { isObject } from '../../platform/json/json-object.js';
import { mayBeMoreThanResult } from './needles.js';

/**
 * What an answer to a request says: `ok` a result, `tool_error` a result with `isError: true`, `error` a JSON-RPC error
 * or no readable answer.
 */
export type ToolOutcome = 'ok' | 'tool_error' | 'error';

/** Whether a text, read as Latin-1, holds one plain result: it can hide neither an error nor a list. */
export const hasOneResult = (text: string): boolean => {
  const version = text.indexOf('"jsonrpc"');
  return (
    version >= 0 &&
    !text.includes('"jsonrpc"', version + 1) &&
    /"result"\s*:\s*\{/.test(text) &&
    !mayBeMoreThanResult(text)
  );
};

/** Whether a JSON text, read as Latin-1, is one complete message with a result that needs no parsing. */
export const isPlainResult = (text: string): boolean => {
  const whole = text.trim();
  return whole.startsWith('{') && whole.endsWith('}') && hasOneResult(whole);
};

const isSet = (value: unknown): boolean => value !== undefined && value !== null;

/**
 * What a JSON-RPC message says, by the values of its members: a member that is null is absent. Undefined for a message
 * that is no response, and for one that has both a result and an error.
 */
export const responseOutcome = (message: unknown): ToolOutcome | undefined => {
  if (!isObject(message) || Object.hasOwn(message, 'method')) return undefined;
  const { result, error } = message;
  if (isSet(error)) return isSet(result) ? undefined : 'error';
  if (!isObject(result)) return undefined;
  return result['isError'] === true ? 'tool_error' : 'ok';
};

/** What a parsed answer, or a batch of them, says. */
export const outcomeOf = (message: unknown): ToolOutcome => {
  for (const item of Array.isArray(message) ? (message as readonly unknown[]) : [message]) {
    const outcome = responseOutcome(item);
    if (outcome !== undefined) return outcome;
  }
  return 'error';
};
