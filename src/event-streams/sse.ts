/** One event of an event stream. `retry` (ms) and `id` only when the stream says so at that event. */
export type SseEvent = Readonly<{ event?: string; id?: string; retry?: number; data: string }>;

type Draft = { event?: string; id?: string; retry?: number; data: string[] };

const BYTE_ORDER_MARK = 0xfeff;

/** Most streams know one kind of line end. */
const linesOf = (text: string): string[] => (text.includes('\r') ? text.split(/\r\n|\r|\n/) : text.split('\n'));

/**
 * Reads an event stream, piece by piece, by the WHATWG rules (HTML, "Interpreting an event stream"): CR, LF and CRLF end lines, a byte order mark at the start,
 * comments and unknown fields are skipped, an event without a data line or cut off before its blank line is none. An id or retry of such a dropped block passes
 * on to the next event.
 */
export class SseReader {
  readonly #onRetry: (ms: number) => void;
  #draft: Draft = { data: [] };
  #begun = false;

  /** `onRetry` hears at once how long (ms) to wait before coming back. */
  constructor(onRetry: (ms: number) => void = () => undefined) {
    this.#onRetry = onRetry;
  }

  /** The events that `text` ends. It must end behind a line; what does not is dropped. */
  read(text: string): readonly SseEvent[] {
    const events: SseEvent[] = [];
    const lines = linesOf(this.#begun || text.charCodeAt(0) !== BYTE_ORDER_MARK ? text : text.slice(1));
    this.#begun = true;
    lines.pop();
    for (const line of lines) {
      if (line !== '') {
        readField(this.#draft, line, this.#onRetry);
      } else if (this.#draft.data.length > 0) {
        const { data, ...rest } = this.#draft;
        events.push({ ...rest, data: data.join('\n') });
        this.#draft = { data: [] };
      } else {
        delete this.#draft.event;
      }
    }
    return events;
  }
}

/** The events of a buffered stream. */
export const parseSse = (text: string): readonly SseEvent[] => new SseReader().read(text);

/** The event as text that `parseSse` reads back equal (line ends in `data` become LF). Throws a RangeError when `event` or `id` hold a line end or the id a NUL. */
export function formatSse({ event, id, retry, data }: SseEvent): string {
  if (/[\r\n]/.test(event ?? '') || /[\r\n\0]/.test(id ?? '')) throw new RangeError('a line end in the event or id of a stream event');
  const lines = data.split(/\r\n|\r|\n/).map((line) => `data: ${line}`);
  if (retry !== undefined) lines.unshift(`retry: ${retry}`);
  if (id !== undefined) lines.unshift(`id: ${id}`);
  if (event !== undefined) lines.unshift(`event: ${event}`);
  return `${lines.join('\n')}\n\n`;
}

function readField(draft: Draft, line: string, onRetry: (ms: number) => void): void {
  const at = line.indexOf(':');
  const name = at < 0 ? line : line.slice(0, at);
  const value = at < 0 ? '' : line.slice(line.charCodeAt(at + 1) === 0x20 ? at + 2 : at + 1);
  if (name === 'data') draft.data.push(value);
  else if (name === 'event') draft.event = value;
  else if (name === 'id' && !value.includes('\0')) draft.id = value;
  else if (name === 'retry' && /^\d+$/.test(value)) {
    draft.retry = Number(value);
    onRetry(draft.retry);
  }
}
