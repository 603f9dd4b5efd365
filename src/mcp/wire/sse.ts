import { createParser, type EventSourceParser } from 'eventsource-parser';

/** One event of an event stream. `retry` (ms) and `id` only when the stream says so at that event. */
export type SseEvent = Readonly<{ event?: string; id?: string; retry?: number; data: string }>;

const BYTE_ORDER_MARK = 0xfeff;

/** How many lines one event may have, comments included. Data that is spread over more is nobody's message. */
export const MAX_EVENT_LINES = 65_536;

/** Lines that mean nothing: comments, unknown fields, a `retry` without a number. The parser makes an error of each. */
const MEANINGLESS_LINE = /^(?!(?:data|event|id)(?::|$)|retry: ?\d+$)[^\n]+\n/gm;

/** How many lines the last event of a text has, or the first that has too many; `before` lines of it came already. */
const countLines = (text: string, before: number): number => {
  let lines = before;
  for (let from = 0, end = text.indexOf('\n'); end >= 0; from = end + 1, end = text.indexOf('\n', from)) {
    lines = end === from ? 0 : lines + 1;
    if (lines > MAX_EVENT_LINES) return lines;
  }
  return lines;
};

/**
 * Reads an event stream, piece by piece, by the WHATWG rules (HTML, "Interpreting an event stream"): CR, LF and CRLF
 * end lines, a byte order mark at the start, comments and unknown fields are skipped, an event without a data line or
 * cut off before its blank line is none. Linear in the text, and keeps nothing of it but the event that is read.
 */
export class SseReader {
  readonly #parser: EventSourceParser;
  #retry: number | undefined;
  #lines = 0;
  #begun = false;

  /** `onRetry` hears at once how long (ms) to wait before coming back. */
  constructor(onEvent: (event: SseEvent) => void, onRetry: (ms: number) => void = () => undefined) {
    this.#parser = createParser({
      onEvent: ({ event, id, data }) => {
        const retry = this.#retry;
        this.#retry = undefined;
        onEvent({
          ...(event === undefined ? {} : { event }),
          ...(id === undefined ? {} : { id }),
          ...(retry === undefined ? {} : { retry }),
          data,
        });
      },
      onRetry: (ms) => {
        this.#retry = ms;
        onRetry(ms);
      },
    });
  }

  /**
   * Hands on the events that `text` ends. It must end behind a line; what does not is dropped. False once an event has
   * over `MAX_EVENT_LINES`: nothing more is read.
   */
  read(text: string): boolean {
    if (this.#lines > MAX_EVENT_LINES) return false;
    const isMarked = !this.#begun && text.charCodeAt(0) === BYTE_ORDER_MARK;
    this.#begun = true;
    // The parser's search for either line end is quadratic where only one of them occurs.
    const unmarked = isMarked ? text.slice(1) : text;
    const lines = unmarked.includes('\r') ? unmarked.replace(/\r\n?/g, '\n') : unmarked;
    this.#lines = countLines(lines, this.#lines);
    if (this.#lines > MAX_EVENT_LINES) return false;
    const end = lines.lastIndexOf('\n') + 1;
    this.#parser.feed(lines.slice(0, end).replace(MEANINGLESS_LINE, ''));
    return true;
  }
}

/** The events of a buffered stream; undefined when one of them has too many lines to be read. */
export const parseSse = (text: string): readonly SseEvent[] | undefined => {
  const events: SseEvent[] = [];
  return new SseReader((event) => events.push(event)).read(text) ? events : undefined;
};

/**
 * The event as text that `parseSse` reads back equal (line ends in `data` become LF). Throws a RangeError when `event`
 * or `id` hold a line end or the id a NUL.
 */
export function formatSse({ event, id, retry, data }: SseEvent): string {
  if (/[\r\n]/.test(event ?? '') || /[\r\n\0]/.test(id ?? ''))
    throw new RangeError('a line end in the event or id of a stream event');
  const lines = data.split(/\r\n|\r|\n/).map((line) => `data: ${line}`);
  if (retry !== undefined) lines.unshift(`retry: ${retry}`);
  if (id !== undefined) lines.unshift(`id: ${id}`);
  if (event !== undefined) lines.unshift(`event: ${event}`);
  return `${lines.join('\n')}\n\n`;
}
