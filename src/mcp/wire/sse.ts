/** One event of an event stream. `retry` (ms) and `id` only when the stream says so at that event. */
export type SseEvent = Readonly<{ event?: string; id?: string; retry?: number; data: string }>;

type Draft = { event?: string; id?: string; retry?: number; data: string[] };

const BYTE_ORDER_MARK = 0xfeff;
const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;

/** How many lines one event may have, comments included. Data that is spread over more is nobody's message. */
export const MAX_EVENT_LINES = 65_536;

/**
 * The next place of a character at or after `from`, given the last one found; the length when there is none any more.
 */
const nextPlace = (text: string, character: string, from: number, last: number): number => {
  if (last >= from) return last;
  const at = text.indexOf(character, from);
  return at < 0 ? text.length : at;
};

/**
 * Reads an event stream, piece by piece, by the WHATWG rules (HTML, "Interpreting an event stream"): CR, LF and CRLF
 * end lines, a byte order mark at the start, comments and unknown fields are skipped, an event without a data line or
 * cut off before its blank line is none. An id or retry of such a dropped block passes on to the next event. Linear in
 * the text, and keeps nothing of it but the fields of the event that is read.
 */
export class SseReader {
  readonly #onEvent: (event: SseEvent) => void;
  readonly #onRetry: (ms: number) => void;
  #draft: Draft = { data: [] };
  #lines = 0;
  #begun = false;

  /** `onRetry` hears at once how long (ms) to wait before coming back. */
  constructor(onEvent: (event: SseEvent) => void, onRetry: (ms: number) => void = () => undefined) {
    this.#onEvent = onEvent;
    this.#onRetry = onRetry;
  }

  /**
   * Hands on the events that `text` ends. It must end behind a line; what does not is dropped. False once an event has
   * over `MAX_EVENT_LINES`: nothing more is read.
   */
  read(text: string): boolean {
    let from = this.#begun || text.charCodeAt(0) !== BYTE_ORDER_MARK ? 0 : 1;
    this.#begun = true;
    for (let lf = -1, cr = -1, colon = -1; from < text.length && this.#lines <= MAX_EVENT_LINES;) {
      lf = nextPlace(text, '\n', from, lf);
      cr = nextPlace(text, '\r', from, cr);
      const end = Math.min(lf, cr);
      if (end === text.length) break;
      if (end > from) {
        colon = nextPlace(text, ':', from, colon);
        this.#field(text, { from, colon: Math.min(colon, end), end });
      } else this.#endEvent();
      from = text.charCodeAt(end) === CR && text.charCodeAt(end + 1) === LF ? end + 2 : end + 1;
    }
    return this.#lines <= MAX_EVENT_LINES;
  }

  #endEvent(): void {
    this.#lines = 0;
    if (this.#draft.data.length === 0) return void delete this.#draft.event;
    const { data, ...rest } = this.#draft;
    this.#draft = { data: [] };
    this.#onEvent({ ...rest, data: data.join('\n') });
  }

  #field(text: string, { from, colon, end }: Readonly<{ from: number; colon: number; end: number }>): void {
    this.#lines += 1;
    const isNamed = (name: string): boolean => colon - from === name.length && text.startsWith(name, from);
    const value = (): string =>
      text.slice(text.charCodeAt(colon + 1) === SPACE && colon < end ? colon + 2 : colon + 1, end);
    if (isNamed('data')) this.#draft.data.push(value());
    else if (isNamed('event')) this.#draft.event = value();
    else if (isNamed('id')) this.#named(value());
    else if (isNamed('retry')) this.#retry(value());
  }

  #named(id: string): void {
    if (!id.includes('\0')) this.#draft.id = id;
  }

  #retry(text: string): void {
    if (!/^\d+$/.test(text)) return;
    this.#draft.retry = Number(text);
    this.#onRetry(this.#draft.retry);
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
