import { isObject } from '../json/json-object.js';
/** One event of an event stream. `retry` (ms) and `id` only when the stream says so at that event. */
export type SseEvent = Readonly<{ event?: string; id?: string; retry?: number; data: string }>;

type Draft = { event?: string; id?: string; retry?: number; data: string[] };

/**
 * The events of a buffered stream by the WHATWG rules (HTML, "Interpreting an event stream"): CR, LF and CRLF end lines, a byte order mark
 * at the start, comments and unknown fields are skipped, an event without a data line or cut off before its blank line is none.
 * An id or retry of such a dropped block passes on to the next event.
 */
export function parseSse(text: string): readonly SseEvent[] {
  const events: SseEvent[] = [];
  let draft: Draft = { data: [] };
  const lines = text.replace(/^\ufeff/, '').split(/\r\n|\r|\n/);
  lines.pop();
  for (const line of lines) {
    if (line !== '') {
      readField(draft, line);
    } else if (draft.data.length > 0) {
      const { data, ...rest } = draft;
      events.push({ ...rest, data: data.join('\n') });
      draft = { data: [] };
    } else {
      delete draft.event;
    }
  }
  return events;
}

/** The event as text that `parseSse` reads back equal (line ends in `data` become LF). Throws a RangeError when `event` or `id` hold a line end or the id a NUL. */
export function formatSse({ event, id, retry, data }: SseEvent): string {
  if (/[\r\n]/.test(event ?? '') || /[\r\n\0]/.test(id ?? '')) throw new RangeError('a line end in the event or id of a stream event');
  const lines = data.split(/\r\n|\r|\n/).map((line) => `data: ${line}`);
  if (retry !== undefined) lines.unshift(`retry: ${retry}`);
  if (id !== undefined) lines.unshift(`id: ${id}`);
  if (event !== undefined) lines.unshift(`event: ${event}`);
  return `${lines.join('\n')}\n\n`;
}

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

function readField(draft: Draft, line: string): void {
  const at = line.indexOf(':');
  const name = at < 0 ? line : line.slice(0, at);
  const value = at < 0 ? '' : line.slice(line.charCodeAt(at + 1) === 0x20 ? at + 2 : at + 1);
  if (name === 'data') draft.data.push(value);
  else if (name === 'event') draft.event = value;
  else if (name === 'id' && !value.includes('\0')) draft.id = value;
  else if (name === 'retry' && /^\d+$/.test(value)) draft.retry = Number(value);
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
  const message = parsed(text);
  for (const item of Array.isArray(message) ? (message as readonly unknown[]) : [message]) {
    if (!isObject(item) || Object.hasOwn(item, 'method')) continue;
    if (Object.hasOwn(item, 'error')) return 'error';
    const result = item['result'];
    if (isObject(result)) return result['isError'] === true ? 'tool_error' : 'ok';
  }
  return undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

