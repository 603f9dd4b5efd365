import { isObject, type Json } from '../../platform/json/json-object.js';
import type { RequestId } from '../../mcp/protocol/answers.js';
import type { Caller } from '../../mcp/protocol/caller.js';
import { EventSplitter } from '../../mcp/wire/event-splitter.js';
import { readEvent, type DropReason } from './event-reading.js';
import { LongEvent } from './long-event.js';
import { mayNeedReading } from './needles.js';
import { AnswerFinder, hasEventId, type StreamAnswer } from './stream-answer.js';
import { editObject, set } from '../../mcp/wire/json-text.js';
import { formatSse, parseSse } from '../../mcp/wire/sse.js';

const CAPABILITIES: Readonly<Record<string, string>> = {
  'sampling/createMessage': 'sampling',
  'elicitation/create': 'elicitation',
  'roots/list': 'roots',
};

/**
 * A longer event is read and passed while it arrives where it may be a result, which may have any size, and dropped
 * elsewhere.
 */
const MAX_HELD_BYTES = 1024 * 1024;

/**
 * Whether a server may send this request to a client: only in a session, and only what the client declared. Methods
 * that MCP doesn't have belong to extensions.
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

export type ServerRequest = Readonly<{ id: string | number; method: string }>;

/**
 * Notified of a request that the client can't answer, so that its server may be told; of every event that is dropped;
 * and of the response that the stream brings (of each one, where it may bring several).
 */
export type ScreenEvents = Readonly<{
  refused: (request: ServerRequest) => void;
  dropped: (reason: DropReason) => void;
  answered?: (answer: StreamAnswer) => void;
}>;

/**
 * `own`: the id of the request that the stream answers. `isResumed`: whether the client resumed the stream, so that it
 * may bring results of earlier requests. Without either it brings no results of tools, and every event of it is read.
 */
export type StreamContext = Readonly<{ caller: Caller; own?: RequestId; isResumed?: boolean }>;

const serverRequestIn = ({ id, method }: Json): ServerRequest | undefined =>
  typeof method === 'string' && (typeof id === 'string' || typeof id === 'number') ? { id, method } : undefined;

/**
 * Lets the events of an upstream's stream through, except lists that were not asked for here, what can't be read, and
 * requests that this client did not declare to answer. On a stream that answers a request, an event that comes in one
 * chunk and can be none of these passes unread.
 */
export class EventScreen {
  readonly #context: StreamContext;
  readonly #events: ScreenEvents;
  readonly #bringsResults: boolean;
  readonly #splitter = new EventSplitter();
  #finder: AnswerFinder | undefined;
  #long: LongEvent | undefined;
  #hasEventIds = false;

  constructor(context: StreamContext, events: ScreenEvents) {
    this.#context = context;
    this.#events = events;
    this.#bringsResults = context.own !== undefined || context.isResumed === true;
    if (this.#bringsResults && events.answered) this.#finder = new AnswerFinder(context.own);
  }

  /** Returns what of the stream may go on to the client: whole events, but for results that are too long to hold. */
  pass(chunk: Buffer): Buffer {
    if (this.isBroken) return NOTHING;
    if (this.#bringsResults && this.atBoundary && endsEvent(chunk) && this.#passesUnread(chunk)) return chunk;
    return this.#long ? this.#continueLong(this.#long, chunk) : this.#read(chunk);
  }

  /** Returns what may go on of the last event, once the stream has ended behind it. */
  end(): Buffer | undefined {
    const last = this.#long ? undefined : this.#splitter.end();
    return last && this.#screen(last);
  }

  /** Whether a part of an event has passed that must not go on: the stream has to be broken off. */
  get isBroken(): boolean {
    return this.#long?.isBroken === true;
  }

  /** Whether a part of an event has passed and the rest is still to come. */
  get isInside(): boolean {
    return this.#long !== undefined;
  }

  /** Whether an event of Toolgate's own may be put here. */
  get atBoundary(): boolean {
    return this.#long === undefined && this.#splitter.held === 0;
  }

  /** Whether the client can resume the stream: an event before its answer had an id. */
  get isResumable(): boolean {
    return this.#hasEventIds;
  }

  /** Whether whole events pass without being read. What they say of the answer is noted. */
  #passesUnread(events: Buffer): boolean {
    const text = events.toString('latin1');
    if (mayNeedReading(text)) return false;
    const answer = this.#finder?.find(events, text);
    if (answer?.isUnaddressed) return false;
    this.#note(answer, text);
    return true;
  }

  #note(answer: StreamAnswer | undefined, text: string): void {
    if (answer) this.#report(answer);
    else this.#hasEventIds ||= hasEventId(text);
  }

  #report(answer: StreamAnswer): void {
    if (this.#context.own !== undefined) this.#finder = undefined;
    this.#events.answered?.(answer);
  }

  #read(chunk: Buffer): Buffer {
    const passed: Buffer[] = [];
    for (const event of this.#splitter.feed(chunk)) {
      const bytes = this.#screen(event);
      if (bytes) passed.push(bytes);
    }
    if (this.#splitter.held > MAX_HELD_BYTES) passed.push(this.#beginLong());
    return passed.length === 1 && passed[0] ? passed[0] : Buffer.concat(passed);
  }

  #screen(event: Buffer): Buffer | undefined {
    if (event.length > MAX_HELD_BYTES) return this.#screenLong(event);
    if (this.#bringsResults && this.#passesUnread(event)) return event;
    const { own, isResumed, caller } = this.#context;
    const read = readEvent(event, (id) => isResumed === true || (own !== undefined && id === own));
    if ('dropped' in read) return this.#drop(read.dropped);
    const request = read.message && serverRequestIn(read.message);
    if (request && !mayRequest(caller, request.method)) {
      this.#events.refused(request);
      return this.#drop('not_declared');
    }
    const answer = this.#finder?.inMessage(read.message);
    this.#note(answer, read.bytes.toString('latin1'));
    return answer?.isUnaddressed ? addressed(read.bytes, answer.id) : read.bytes;
  }

  /** A long event that came whole. */
  #screenLong(event: Buffer): Buffer | undefined {
    const begun = this.#bringsResults ? LongEvent.begin(event) : undefined;
    if (!begun?.event.isOver) return this.#drop('too_long');
    this.#endLong(begun.event);
    return begun.passed;
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
    this.#endLong(event);
    return rest.length === 0 ? passed : Buffer.concat([passed, this.#read(rest)]);
  }

  /** The id of a long response was not read: on the stream of one request it is taken for that request's. */
  #endLong({ outcome }: LongEvent): void {
    const { own } = this.#context;
    if (this.#finder && own !== undefined && outcome !== undefined)
      this.#report({ id: own, outcome, isUnaddressed: false });
  }
}

const NOTHING = Buffer.alloc(0);

/** A response without an id, under the id of the request that it answers. */
const addressed = (event: Buffer, id: unknown): Buffer => {
  const [read] = parseSse(event.toString('utf8')) ?? [];
  return read ? Buffer.from(formatSse({ ...read, data: editObject(read.data, { id: set(id) }) })) : event;
};

const endsEvent = (chunk: Buffer): boolean =>
  chunk.length > 1 &&
  chunk[chunk.length - 1] === 0x0a &&
  (chunk[chunk.length - 2] === 0x0a || chunk.subarray(-4).toString('latin1') === '\r\n\r\n');
