import { isObject, type Json } from '../../platform/json/json-object.js';
import type { RequestId } from '../../mcp/protocol/answers.js';
import type { Caller } from '../../mcp/protocol/caller.js';
import { EventSplitter } from '../../mcp/wire/event-splitter.js';
import { readEvent, type DropReason } from './event-reading.js';
import { LongEvent } from './long-event.js';
import { mayNeedReading } from './needles.js';

const CAPABILITIES: Readonly<Record<string, string>> = {
  'sampling/createMessage': 'sampling',
  'elicitation/create': 'elicitation',
  'roots/list': 'roots',
};

/**
 * An event of more bytes is read and passed on as it comes where it may be a result, which may be of any size, and
 * dropped elsewhere.
 */
const MAX_HELD_BYTES = 1024 * 1024;

/**
 * Whether a server may ask this client: in a session, and what the client said that it can answer. Methods that MCP
 * doesn't have belong to extensions.
 */
export const mayRequest = (
  { era, clientCapabilities }: Pick<Caller, 'era' | 'clientCapabilities'>,
  method: string,
): boolean => {
  if (era === 'modern' || !isObject(clientCapabilities)) return false;
  if (method === 'ping') return true;
  const wanted = Object.hasOwn(CAPABILITIES, method)
    ? [CAPABILITIES[method] ?? '']
    : ['extensions', 'experimental', 'tasks'];
  return wanted.some((name) => Object.hasOwn(clientCapabilities, name));
};

type ServerRequest = Readonly<{ id: string | number; method: string }>;

/**
 * Notified of what does not pass: of requests that the client can't answer, so that their server may be told, and of
 * every event that is dropped.
 */
export type ScreenEvents = Readonly<{ refused: (asked: ServerRequest) => void; dropped: (reason: DropReason) => void }>;

/**
 * `own`: the id of the request that the stream answers. `isResumed`: whether the stream was taken up again, so that it
 * may bring results of earlier requests. Without either it brings no results of tools, and every event of it is read.
 */
export type StreamContext = Readonly<{ caller: Caller; own?: RequestId; isResumed?: boolean }>;

const serverRequestIn = ({ id, method }: Json): ServerRequest | undefined =>
  typeof method === 'string' && (typeof id === 'string' || typeof id === 'number') ? { id, method } : undefined;

/**
 * Lets the events of an upstream's stream through, all but lists that were not asked for here, what can't be read, and
 * requests that this client never said it can answer. An event that comes in one chunk and can be none of these passes
 * unread on a stream that answers a request.
 */
export class EventScreen {
  readonly #context: StreamContext;
  readonly #events: ScreenEvents;
  readonly #bringsResults: boolean;
  readonly #splitter = new EventSplitter();
  #long: LongEvent | undefined;

  constructor(of: StreamContext, events: ScreenEvents) {
    this.#context = of;
    this.#events = events;
    this.#bringsResults = of.own !== undefined || of.isResumed === true;
  }

  /** What of the stream may go on to the client: whole events, but for results that are too long to wait for. */
  pass(chunk: Buffer): Buffer {
    if (this.isBroken) return NOTHING;
    if (this.#bringsResults && this.atBoundary && endsEvent(chunk) && !mayNeedReading(chunk)) return chunk;
    return this.#long ? this.#continueLong(this.#long, chunk) : this.#read(chunk);
  }

  /** Whether a part of an event has passed that must not go on: the stream has to be broken off. */
  get isBroken(): boolean {
    return this.#long?.isBroken === true;
  }

  /** Whether a part of an event has passed and the rest is still to come. */
  get isInside(): boolean {
    return this.#long !== undefined;
  }

  /** Whether an event of our own may be put here. */
  get atBoundary(): boolean {
    return this.#long === undefined && this.#splitter.held === 0;
  }

  #read(chunk: Buffer): Buffer {
    const shown: Buffer[] = [];
    for (const event of this.#splitter.feed(chunk)) {
      const bytes = this.#screen(event);
      if (bytes) shown.push(bytes);
    }
    if (this.#splitter.held > MAX_HELD_BYTES) shown.push(this.#beginLong());
    return shown.length === 1 && shown[0] ? shown[0] : Buffer.concat(shown);
  }

  #screen(event: Buffer): Buffer | undefined {
    if (event.length > MAX_HELD_BYTES) return this.#screenLong(event);
    if (this.#bringsResults && !mayNeedReading(event)) return event;
    const { own, isResumed, caller } = this.#context;
    const read = readEvent(event, (id) => isResumed === true || (own !== undefined && id === own));
    if ('dropped' in read) return this.#drop(read.dropped);
    const asked = read.message && serverRequestIn(read.message);
    if (!asked || mayRequest(caller, asked.method)) return read.bytes;
    this.#events.refused(asked);
    return this.#drop('not_declared');
  }

  /** A long event that came whole. */
  #screenLong(event: Buffer): Buffer | undefined {
    const begun = this.#bringsResults ? LongEvent.begin(event) : undefined;
    return begun?.event.isOver ? begun.passed : this.#drop('too_long');
  }

  #drop(reason: DropReason): undefined {
    this.#events.dropped(reason);
  }

  #beginLong(): Buffer {
    const begun = this.#bringsResults ? LongEvent.begin(this.#splitter.peek()) : undefined;
    if (!begun) {
      this.#drop('too_long');
      this.#splitter.skip();
      return NOTHING;
    }
    this.#splitter.take();
    this.#long = begun.event;
    return begun.passed;
  }

  #continueLong(event: LongEvent, chunk: Buffer): Buffer {
    const { passed, rest } = event.feed(chunk);
    if (event.isBroken) this.#drop('list');
    if (!event.isOver) return passed;
    this.#long = undefined;
    return rest.length === 0 ? passed : Buffer.concat([passed, this.#read(rest)]);
  }
}

const NOTHING = Buffer.alloc(0);

const endsEvent = (chunk: Buffer): boolean =>
  chunk.length > 1 &&
  chunk[chunk.length - 1] === 0x0a &&
  (chunk[chunk.length - 2] === 0x0a || chunk.subarray(-4).toString('latin1') === '\r\n\r\n');
