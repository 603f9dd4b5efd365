import { parseSse } from '../event-streams/sse.js';
import { isObject } from '../json/json-object.js';
import { parsedJson } from '../json/parsed-json.js';

/**
 * What a buffered upstream answer to a tools/call says: `ok` a result, `tool_error` a result with `isError: true`, `error` a JSON-RPC
 * error or no answer that can be read. Bytes are searched first: one message that has a result and no word of an error counts as `ok`
 * without a parse.
 */
export function looksLikeToolError(body: Buffer, contentType: string): 'ok' | 'tool_error' | 'error' {
  const streamed = /^\s*text\/event-stream\s*(;|$)/i.test(contentType);
  if (isPlainResult(body, streamed)) return 'ok';
  const texts = streamed ? parseSse(body.toString('utf8')).map(({ data }) => data) : [body.toString('utf8')];
  for (const text of texts) {
    const kind = answerKind(text);
    if (kind !== undefined) return kind;
  }
  return 'error';
}

/** True only for a single response that is complete and can't hide an error: no escapes that could spell a key in another way. */
function isPlainResult(body: Buffer, streamed: boolean): boolean {
  const text = body.toString('latin1').trim();
  const whole = streamed ? /(\n\n|\r\r|\r\n\r\n)$/.test(body.subarray(-4).toString('latin1')) : text.startsWith('{') && text.endsWith('}');
  const version = text.indexOf('"jsonrpc"');
  return (
    whole && version >= 0 && !text.includes('"jsonrpc"', version + 1) && /"result"\s*:\s*\{/.test(text) &&
    !text.includes('"isError"') && !text.includes('"error"') && !text.includes('"method"') && !text.includes('\\u')
  );
}

function answerKind(text: string): 'ok' | 'tool_error' | 'error' | undefined {
  const message = parsedJson(text);
  for (const item of Array.isArray(message) ? (message as readonly unknown[]) : [message]) {
    if (!isObject(item) || Object.hasOwn(item, 'method')) continue;
    if (Object.hasOwn(item, 'error')) return 'error';
    const result = item['result'];
    if (isObject(result)) return result['isError'] === true ? 'tool_error' : 'ok';
  }
  return undefined;
}
