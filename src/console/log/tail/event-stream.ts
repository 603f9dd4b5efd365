/** One server-sent event. `id` is that of the event, or the last one before it. */
export type StreamEvent = Readonly<{ id: string; event: string; data: string }>;

/** More text without an end of its event is no event of ours. */
const MAX_EVENT_LENGTH = 4 * 2 ** 20;

/**
 * Splits the text of a stream of server-sent events (HTML Living Standard, 9.2) as it arrives, in pieces of any size.
 * Comments are dropped. @throws Error when an event is over 4 MiB
 */
export class EventSplitter {
  #rest = '';
  #id = '';
  #event = '';
  #data: string[] = [];
  #size = 0;

  /** The events that end in this piece. */
  push(piece: string): readonly StreamEvent[] {
    const lines = (this.#rest + piece).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? '';
    const events: StreamEvent[] = [];
    for (const line of lines) {
      const event = this.#line(line);
      if (event !== undefined) events.push(event);
    }
    if (this.#rest.length + this.#size > MAX_EVENT_LENGTH) throw new Error('an event of the log stream is too long');
    return events;
  }

  #line(line: string): StreamEvent | undefined {
    if (line === '') return this.#end();
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') {
      this.#data.push(value);
      this.#size += value.length;
    } else if (field === 'id') this.#id = value;
    else if (field === 'event') this.#event = value;
    return undefined;
  }

  #end(): StreamEvent | undefined {
    const { length } = this.#data;
    const event = { id: this.#id, event: this.#event === '' ? 'message' : this.#event, data: this.#data.join('\n') };
    this.#data = [];
    this.#event = '';
    this.#size = 0;
    return length === 0 ? undefined : event;
  }
}
