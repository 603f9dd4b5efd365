import { readResponse } from '../../mcp/protocol/response.js';
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

/** What a JSON-RPC message says as a response; undefined for a message that is none. */
export const responseOutcome = (message: unknown): ToolOutcome | undefined => {
  const response = readResponse(message);
  if (response?.kind !== 'result') return response?.kind;
  return response.result['isError'] === true ? 'tool_error' : 'ok';
};

/** What a parsed answer, or a batch of them, says. */
export const outcomeOf = (message: unknown): ToolOutcome => {
  for (const item of Array.isArray(message) ? (message as readonly unknown[]) : [message]) {
    const outcome = responseOutcome(item);
    if (outcome !== undefined) return outcome;
  }
  return 'error';
};
