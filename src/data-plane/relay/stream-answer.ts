import { parseObject, type Json } from '../../platform/json/json-object.js';
import type { RequestId } from '../../mcp/protocol/answers.js';
import { parseSse } from '../../mcp/wire/sse.js';
import { hasOneResult, responseOutcome, type ToolOutcome } from './tool-outcome.js';

/**
 * A response that a stream brought. `isUnaddressed`: it is an error without an id, as a server sends it that could not
 * read the request.
 */
export type StreamAnswer = Readonly<{ id: unknown; outcome: ToolOutcome; isUnaddressed: boolean }>;

/** A member of a response, or an escape that could spell one. */
const RESPONSE_MEMBER = /"(?:result|error)"|\\u00/;
const EVENT_ID = /(?:^|[\r\n])id:/;

/** Whether an event in these bytes, read as Latin-1, has an id, from which a client can resume the stream. */
export const hasEventId = (text: string): boolean => EVENT_ID.test(text);

/**
 * Finds the response to a request among the events of a stream. The usual spellings of an ordinary result are known by
 * their first or last bytes; other events that may be a response are parsed.
 */
export class AnswerFinder {
  readonly #own: RequestId | undefined;
  /** The member of the envelope that holds the id, as servers write it. */
  readonly #member: string;

  /** `own`: the id of the request that the stream answers; undefined for a stream that may answer any request. */
  constructor(own: RequestId | undefined) {
    this.#own = own;
    this.#member = `"id":${JSON.stringify(own ?? null)}`;
  }

  /** The first response in these whole events; `text` is their bytes in Latin-1. */
  find(events: Buffer, text: string): StreamAnswer | undefined {
    if (!RESPONSE_MEMBER.test(text)) return undefined;
    if (this.#isOwnPlainResult(text)) return { id: this.#own, outcome: 'ok', isUnaddressed: false };
    for (const { data } of parseSse(events.toString('utf8')) ?? []) {
      const answer = this.inMessage(parseObject(data));
      if (answer) return answer;
    }
    return undefined;
  }

  /** The response that a parsed message is. */
  inMessage(message: Json | undefined): StreamAnswer | undefined {
    const outcome = responseOutcome(message);
    if (!message || outcome === undefined) return undefined;
    const id = message['id'] ?? null;
    if (this.#own === undefined) return { id, outcome, isUnaddressed: false };
    const isUnaddressed = outcome === 'error' && id === null;
    return id === this.#own || isUnaddressed ? { id: this.#own, outcome, isUnaddressed } : undefined;
  }

  /** Whether a text is this request's result in a server's usual spelling, which is known without a parse. */
  isUsualAnswer(text: string): boolean {
    return (
      text.startsWith(`{"jsonrpc":"2.0",${this.#member},"result":{`) ||
      (text.startsWith('{"result":{') && text.endsWith(`},"jsonrpc":"2.0",${this.#member}}`))
    );
  }

  #isOwnPlainResult(text: string): boolean {
    if (this.#own === undefined || !hasOneResult(text)) return false;
    const end = text.trimEnd();
    return (
      end.endsWith(`${this.#member}}`) ||
      (end.endsWith('}') && text.includes(`{"jsonrpc":"2.0",${this.#member},"result":{`))
    );
  }
}
