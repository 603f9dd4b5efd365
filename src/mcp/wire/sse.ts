import { createParser, type EventSourceParser } from 'eventsource-parser';

/** One event of an event stream. `retry` (ms) and `id` only when the stream says so at that event. */
export type SseEvent = Readonly<{ event?: string; id?: string; retry?: number; data: string }>;

const BYTE_ORDER_MARK = 0xfeff;

/** How many lines one event may have, comments included. Data that is spread over more is nobody's message. */
export const MAX_EVENT_LINES = 65_536;

const COLON = 0x3a;
const FIELDS = ['data', 'event', 'id'];
const RETRY = /^retry: ?\d+$/;

/** Whether a line sets a field of an event. Comments, unknown fields and a `retry` without a number set none. */
const setsField = (text: string, from: number, end: number): boolean => {
  for (const name of FIELDS) {
    const behind = from + name.length;
    if (text.startsWith(name, from) && (behind === end || text.charCodeAt(behind) === COLON)) return true;
  }
  return text.startsWith('retry:', from) && RETRY.test(text.slice(from, end));
};

/**
 * The lines of a text, which end in LF, without those that set nothing: the parser makes an `Error` of each. Undefined
 * when one event has over `MAX_EVENT_LINES`, of which `before` came already; `lines` are those of the last event.
 */
const usefulLines = (text: string, before: number): Readonly<{ text: string; lines: number }> | undefined => {
  let [useful, kept, lines] = ['', 0, before];
  for (let from = 0, end = text.indexOf('\n'); end >= 0; from = end + 1, end = text.indexOf('\n', from)) {
    lines = end === from ? 0 : lines + 1;
    if (lines > MAX_EVENT_LINES) return undefined;
    if (end === from || setsField(text, from, end)) continue;
    useful += text.slice(kept, from);
    kept = end + 1;
  }
  return { text: useful + text.slice(kept, text.lastIndexOf('\n') + 1), lines };
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
    const unmarked = isMarked ? text.slice(1) : text;
    // The parser's search for either line end is quadratic where only one of them occurs.
    const useful = usefulLines(unmarked.includes('\r') ? unmarked.replace(/\r\n?/g, '\n') : unmarked, this.#lines);
    this.#lines = useful?.lines ?? MAX_EVENT_LINES + 1;
    if (useful) this.#parser.feed(useful.text);
    return useful !== undefined;
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
