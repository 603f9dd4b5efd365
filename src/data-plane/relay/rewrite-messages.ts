import { parseObject, type Json } from '../../platform/json/json-object.js';
import { EventSplitter } from '../../mcp/wire/event-splitter.js';
import { headerOf, isEventStream } from '../../mcp/protocol/headers.js';
import { formatSse, parseSse } from '../../mcp/wire/sse.js';
import { decorateSink, type Sink } from '../../mcp/upstream/forward.js';

/**
 * `rewrite` gets each message that may hold `marker`, as JSON text and parsed, and returns the text that passes in its
 * place.
 */
type RewriteRule = Readonly<{ marker: string; rewrite: (text: string, message: Json) => string }>;

/** A longer message passes unchanged: messages that need rewriting are small. */
const MAX_HELD_BYTES = 1024 * 1024;

const NOTHING = Buffer.alloc(0);
/** Begins an escape, in which a key may be spelled without its letters. */
const ESCAPE = '\\u';

const mayNeedRewriting = (bytes: Buffer, marker: string): boolean => bytes.includes(marker) || bytes.includes(ESCAPE);

/** The text that passes; undefined for what is no message, as nothing may pass that should have been rewritten. */
const rewriteText = (text: string, rewrite: RewriteRule['rewrite']): string | undefined => {
  const message = parseObject(text);
  return message && rewrite(text, message);
};

/** An event with its message rewritten; nothing of an event that can't be read. */
export const rewriteEvent = (event: Buffer, { marker, rewrite }: RewriteRule): Buffer => {
  if (!mayNeedRewriting(event, marker)) return event;
  const [read] = parseSse(event.toString('utf8')) ?? [];
  const data = read && rewriteText(read.data, rewrite);
  if (!read || data === undefined) return NOTHING;
  return data === read.data ? event : Buffer.from(formatSse({ ...read, data }));
};

/** A body with its message rewritten; undefined for one that can't be read. */
const rewriteBody = (body: Buffer, { marker, rewrite }: RewriteRule): Buffer | undefined => {
  if (!mayNeedRewriting(body, marker)) return body;
  const text = body.toString('utf8');
  const rewritten = rewriteText(text, rewrite);
  return rewritten === text ? body : rewritten === undefined ? undefined : Buffer.from(rewritten);
};

/**
 * Rewrites the messages of an answer on its way to `sink`, in a JSON body or event by event. What can't be read and may
 * hold the marker does not pass: an event is dropped, a body ends as broken.
 */
export const rewriteMessages = (sink: Sink, how: RewriteRule): Sink => {
  const splitter = new EventSplitter();
  let [succeeded, streamed, passing] = [false, false, false];
  let held: Buffer[] = [];
  let bytes = 0;
  const ofStream = (chunk: Buffer): Buffer => {
    const events = splitter.feed(chunk).map((event) => rewriteEvent(event, how));
    return Buffer.concat(splitter.held > MAX_HELD_BYTES ? [...events, splitter.take()] : events);
  };
  const ofBody = (chunk: Buffer): Buffer => {
    if (passing) return chunk;
    held.push(chunk);
    bytes += chunk.length;
    passing = bytes > MAX_HELD_BYTES;
    return passing ? Buffer.concat(held.splice(0)) : NOTHING;
  };
  return decorateSink(sink, {
    head: (status, { 'content-length': _changes, ...headers }) => {
      succeeded = status >= 200 && status < 300;
      streamed = isEventStream(headerOf(headers, 'content-type'));
      sink.head(status, headers);
    },
    data: (chunk) => {
      const out = streamed ? ofStream(chunk) : ofBody(chunk);
      return out.length === 0 || sink.data(out);
    },
    end: () => {
      const body = Buffer.concat(held);
      held = [];
      // Of an answer that is no success only an error passes to a client.
      const rest = streamed ? splitter.take() : succeeded ? rewriteBody(body, how) : body;
      if (rest === undefined) return sink.fail({ kind: 'broken', sent: true });
      if (rest.length > 0) sink.data(rest);
      sink.end();
    },
  });
};
