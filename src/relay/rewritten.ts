import { parseObject, type Json } from '../json/json-object.js';
import { EventSplitter } from '../event-streams/event-splitter.js';
import { headerOf, isEventStream } from '../mcp/headers.js';
import { formatSse, parseSse } from '../event-streams/sse.js';
import { decorateSink, type Sink } from '../upstream/forward.js';

/** `rewrite` gets each message in which `marker` stands, and answers what goes on in its place. */
type Rewriting = Readonly<{ marker: string; rewrite: (message: Json) => Json }>;

/** What is longer passes as it is: messages that are to be rewritten are small. */
const MOST_HELD = 1024 * 1024;

const rewrittenText = (text: string, rewrite: Rewriting['rewrite']): string => {
  const message = parseObject(text);
  return message ? JSON.stringify(rewrite(message)) : text;
};

const rewrittenEvent = (event: Buffer, { marker, rewrite }: Rewriting): Buffer => {
  if (!event.includes(marker)) return event;
  return Buffer.from(parseSse(event.toString('utf8')).map((one) => formatSse({ ...one, data: rewrittenText(one.data, rewrite) })).join(''));
};

/** An answer on its way to `sink` in which messages are rewritten, in a JSON body or event by event. */
export const rewriting = (sink: Sink, how: Rewriting): Sink => {
  const splitter = new EventSplitter();
  let [streamed, passing] = [false, false];
  let held: Buffer[] = [];
  let bytes = 0;
  const ofStream = (chunk: Buffer): Buffer => {
    const events = splitter.feed(chunk).map((event) => rewrittenEvent(event, how));
    return Buffer.concat(splitter.held > MOST_HELD ? [...events, splitter.take()] : events);
  };
  const ofBody = (chunk: Buffer): Buffer => {
    if (passing) return chunk;
    held.push(chunk);
    bytes += chunk.length;
    passing = bytes > MOST_HELD;
    return passing ? Buffer.concat(held.splice(0)) : Buffer.alloc(0);
  };
  return decorateSink(sink, {
    head: (status, { 'content-length': _changes, ...headers }) => {
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
      const rest = streamed ? splitter.take() : body.includes(how.marker) ? Buffer.from(rewrittenText(body.toString('utf8'), how.rewrite)) : body;
      if (rest.length > 0) sink.data(rest);
      sink.end();
    },
  });
};
