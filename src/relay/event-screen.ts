import { readForeignJson } from '../json/foreign-json.js';
import { isObject } from '../json/json-object.js';
import type { RequestId } from '../mcp/answers.js';
import type { Caller } from '../mcp/caller.js';
import { EventSplitter } from '../event-streams/event-splitter.js';
import { parseSse } from '../event-streams/sse.js';
import { isStrayList, mayHoldList } from './stray-list.js';

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

/** Whether an event may be one that does not pass; `mayHoldList` looks for escapes too. */
const isToBeRead = (bytes: Buffer): boolean => bytes.includes('"method"') || mayHoldList(bytes);

const UNREADABLE = Symbol('unreadable');

/** The message of an event that must be read; `UNREADABLE` for one that is too deep or too long to be parsed, and so must not pass. */
const messageIn = (event: Buffer): unknown => {
  if (!isToBeRead(event) || plainNotification.test(event.toString('latin1', 0, 512))) return undefined;
  for (const { data } of parseSse(event.toString('utf8'))) {
    const read = readForeignJson(data);
    if (read.ok) return read.value;
    if (read.flaw !== 'not_json') return UNREADABLE;
    // No message: the client will say so.
  }
  return undefined;
};

const askedIn = (message: unknown): Asked | undefined => {
  if (!isObject(message)) return undefined;
  const { id, method } = message;
  return typeof method === 'string' && (typeof id === 'string' || typeof id === 'number') ? { id, method } : undefined;
};

/** `own`: the id of the request that the stream answers, if it does. */
type Of = Readonly<{ caller: Caller; own?: RequestId }>;

/**
 * Lets the events of an upstream's stream through, all but requests that this client never said it can answer, of which `onRefused` may tell the server, and
 * lists that were not asked for here.
 */
export class EventScreen {
  readonly #caller: Caller;
  readonly #own: RequestId | undefined;
  readonly #onRefused: (asked: Asked) => void;
  readonly #splitter = new EventSplitter();
  #passing = false;

  constructor({ caller, own }: Of, onRefused: (asked: Asked) => void) {
    this.#caller = caller;
    this.#own = own;
    this.#onRefused = onRefused;
  }

  /** What of the stream may go on to the client: whole events, but for those that are too long to wait for. */
  pass(chunk: Buffer): Buffer {
    if (this.atBoundary && endsEvent(chunk) && !isToBeRead(chunk)) return chunk;
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
    const message = messageIn(event);
    if (message === UNREADABLE || isStrayList(message, this.#own)) return false;
    const asked = askedIn(message);
    if (!asked || mayAsk(this.#caller, asked.method)) return true;
    this.#onRefused(asked);
    return false;
  }
}

const endsEvent = (chunk: Buffer): boolean => chunk.length > 1 && chunk[chunk.length - 1] === 0x0a && (chunk[chunk.length - 2] === 0x0a || chunk.subarray(-4).toString('latin1') === '\r\n\r\n');
