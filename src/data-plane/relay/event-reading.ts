import { isUtf8 } from 'node:buffer';
import { formatSse, parseSse, type SseEvent } from '../../mcp/wire/sse.js';
import { MAX_JSON_DEPTH } from '../../platform/json/foreign-json.js';
import { parseObject, type Json } from '../../platform/json/json-object.js';
import { scanMessage } from './passable-message.js';
import { mayNeedReading } from './needles.js';

/** Why an event of an upstream was not passed on to the client. */
export type DropReason = 'list' | 'unreadable' | 'too_long' | 'not_declared';

/** `bytes` may pass to the client; `message` is the message in them, if any. */
export type ReadEvent = Readonly<{ bytes: Buffer; message: Json | undefined }> | Readonly<{ dropped: DropReason }>;

/** Whether the result under this id may hold a tool's own data, in which lists mean nothing. */
export type MayHoldData = (id: unknown) => boolean;

const unreadable = { dropped: 'unreadable' } as const;
/** Fields that the standard defines, and the blank line. */
const STANDARD_LINES = /^(?:(?:data|event|id|retry):[^\r\n]*(?:\r\n|\r|\n))*(?:\r\n|\r|\n)$/;

/**
 * Whether no client can take what an event has beside its data for a message. Some clients see line ends where the
 * standard has none, in U+2028 for example.
 */
const hasHarmlessFields = ({ event = '', id = '' }: SseEvent): boolean =>
  !mayNeedReading(Buffer.from(`${event} ${id}`).toString('latin1'));

/**
 * Reads one event of an upstream as strictly as the strictest client. It drops what is not one JSON-RPC message in
 * UTF-8 without equal keys, and what lists something, so that no client sees a list that it did not request. The event
 * passes byte for byte when nothing in it is changed, all of its lines are of the standard and the data is on one line.
 */
export const readEvent = (event: Buffer, mayHoldData: MayHoldData): ReadEvent => {
  const text = event.toString('utf8');
  const events = parseSse(text);
  if (!isUtf8(event) || !events) return unreadable;
  const [read] = events;
  if (!read || read.data.trim() === '')
    return mayNeedReading(event.toString('latin1')) ? unreadable : { bytes: event, message: undefined };
  if (!hasHarmlessFields(read)) return unreadable;
  const data = read.data.replaceAll('\n', ' ');
  const result = readData(data, mayHoldData);
  if ('dropped' in result) return result;
  const isUnchanged = result.text === read.data && STANDARD_LINES.test(text);
  return {
    bytes: isUnchanged ? event : Buffer.from(formatSse({ ...read, data: result.text })),
    message: result.message,
  };
};

const readData = (
  data: string,
  mayHoldData: MayHoldData,
): Readonly<{ dropped: DropReason }> | Readonly<{ text: string; message: Json }> => {
  const { scan, passed } = scanMessage(Buffer.from(data));
  const text = passed.toString('utf8');
  const message = scan.isBroken || scan.deepest > MAX_JSON_DEPTH ? undefined : parseObject(text);
  const isResponse = scan.has('result') !== scan.has('error');
  if (!message || isResponse === scan.has('method') || (!isResponse && scan.has('result'))) return unreadable;
  if (isResponse && (scan.hasList || (scan.hasDeepList && !mayHoldData(message['id'])))) return { dropped: 'list' };
  return { text, message };
};
