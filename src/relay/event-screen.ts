import { isObject } from '../json/json-object.js';
import type { Caller } from '../mcp/caller.js';
import { EventSplitter } from '../event-streams/event-splitter.js';
import { parseSse } from '../event-streams/sse.js';

const CAPABILITIES: Readonly<Record<string, string>> = { 'sampling/createMessage': 'sampling', 'elicitation/create': 'elicitation', 'roots/list': 'roots' };

/** An event of more bytes is passed on as it comes: requests of servers are small, results may be of any size. */
const MOST_HELD = 1024 * 1024;

/** Whether a server may ask this client: in a session, and what the client said that it can answer. Methods that MCP doesn't have belong to extensions. */
export const mayAsk = ({ era, clientCapabilities }: Pick<Caller, 'era' | 'clientCapabilities'>, method: string): boolean => {
  if (era === 'modern' || !isObject(clientCapabilities)) return false;
  if (method === 'ping') return true;
  const wanted = Object.hasOwn(CAPABILITIES, method) ? [CAPABILITIES[method] ?? ''] : ['extensions', 'experimental', 'tasks'];
  return wanted.some((name) => Object.hasOwn(clientCapabilities, name));
};

type Asked = Readonly<{ id: string | number; method: string }>;

/** The server's usual way to write a notification; anything else that names a method is parsed. */
const plainNotification = /^data: ?\{(?:"jsonrpc":"2\.0",)?"method":"notifications\//m;

const namesMethod = (bytes: Buffer): boolean => bytes.includes('"method"') || bytes.includes('\\u');

const askedIn = (event: Buffer): Asked | undefined => {
  if (!namesMethod(event) || plainNotification.test(event.toString('latin1', 0, 512))) return undefined;
  for (const { data } of parseSse(event.toString('utf8'))) {
    try {
      const message: unknown = JSON.parse(data);
      if (!isObject(message)) continue;
      const { id, method } = message;
      if (typeof method === 'string' && (typeof id === 'string' || typeof id === 'number')) return { id, method };
    } catch {
      // No message: the client will say so.
    }
  }
  return undefined;
};

/** Lets the events of an upstream's stream through, all but requests that this client never said it can answer; `onRefused` may tell the server. */
export class EventScreen {
  readonly #caller: Caller;
  readonly #onRefused: (asked: Asked) => void;
  readonly #splitter = new EventSplitter();
  #passing = false;

  constructor(caller: Caller, onRefused: (asked: Asked) => void) {
    this.#caller = caller;
    this.#onRefused = onRefused;
  }

  /** What of the stream may go on to the client: whole events, but for those that are too long to wait for. */
  pass(chunk: Buffer): Buffer {
    if (this.atBoundary && endsEvent(chunk) && !namesMethod(chunk)) return chunk;
    const events = this.#splitter.feed(chunk);
    const shown = events.filter((event, index) => this.#shows(event, index === 0));
    if (this.#splitter.held > MOST_HELD || (this.#passing && events.length === 0)) {
      this.#passing = true;
      shown.push(this.#splitter.take());
    }
    return shown.length === 1 && shown[0] ? shown[0] : Buffer.concat(shown);
  }

  /** What is left at the stream's end: no event, as it has no blank line. */
  rest(): Buffer {
    return this.#splitter.take();
  }

  /** Whether an event of our own may be put here. */
  get atBoundary(): boolean {
    return !this.#passing && this.#splitter.held === 0;
  }

  #shows(event: Buffer, first: boolean): boolean {
    if (first && this.#passing) {
      this.#passing = false;
      return true;
    }
    const asked = askedIn(event);
    if (!asked || mayAsk(this.#caller, asked.method)) return true;
    this.#onRefused(asked);
    return false;
  }
}

const endsEvent = (chunk: Buffer): boolean => chunk.length > 1 && chunk[chunk.length - 1] === 0x0a && (chunk[chunk.length - 2] === 0x0a || chunk.subarray(-4).toString('latin1') === '\r\n\r\n');
