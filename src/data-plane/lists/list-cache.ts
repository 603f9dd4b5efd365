import { randomUUID } from 'node:crypto';
import { parsedJson } from '../../platform/json/parsed-json.js';
import { distinctMembersOf } from '../../mcp/wire/json-text.js';
import type { RequestId } from '../../mcp/protocol/answers.js';

/** A body without its id: what stands before and behind that. */
type Frame = Readonly<{ before: Buffer; after: Buffer }>;
type Entry = Readonly<{ upstream: Frame; client: Frame; bytes: number }>;

/** Filters an answer, as JSON text. Must depend only on the text and on what the cache key names. */
export type ListFilter = (text: string) => Promise<string | undefined>;

const MAX_CACHE_BYTES = 64 * 1024 * 1024;
/** The key holds the cursor: one that is longer than any server's is not worth its place. */
const MAX_KEY_LENGTH = 8 * 1024;
/** What an entry takes beside its texts, roughly. */
const ENTRY_OVERHEAD_BYTES = 1024;
/** An id that no client has. */
const PROBE_ID = randomUUID();

/** Cuts a body at `"id":<id>`; undefined when it does not hold that exactly once. */
const frameOf = (text: string, id: RequestId): Frame | undefined => {
  const member = `"id":${JSON.stringify(id)}`;
  const at = text.indexOf(member);
  if (at < 0 || text.includes(member, at + 1)) return undefined;
  return {
    before: Buffer.from(text.slice(0, at + '"id":'.length)),
    after: Buffer.from(text.slice(at + member.length)),
  };
};

const fillFrame = ({ before, after }: Frame, id: RequestId): Buffer =>
  Buffer.concat([before, Buffer.from(JSON.stringify(id)), after]);

const isFilled = ({ before, after }: Frame, id: Buffer, body: Buffer): boolean =>
  body.length === before.length + id.length + after.length &&
  before.compare(body, 0, before.length) === 0 &&
  id.compare(body, before.length, before.length + id.length) === 0 &&
  after.compare(body, before.length + id.length) === 0;

const idOf = (message: string): unknown => parsedJson(distinctMembersOf(message)?.get('id') ?? '');

/**
 * Caches filtered lists by the bytes that they were made from. An answer that is the same but for its id is neither
 * parsed nor filtered again; one that differs in a byte is. Holds at most 64 MiB, keys included, and drops the least
 * recently used.
 */
export class ListCache {
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  /** The filtered body, from the cache where possible. */
  async filtered(
    key: string,
    answer: Readonly<{ id: RequestId; body: Buffer }>,
    filter: ListFilter,
  ): Promise<Buffer | undefined> {
    const known = this.#entries.get(key);
    if (known && isFilled(known.upstream, Buffer.from(JSON.stringify(answer.id)), answer.body)) {
      this.#entries.delete(key);
      this.#entries.set(key, known);
      return fillFrame(known.client, answer.id);
    }
    const text = answer.body.toString('utf8');
    const shown = await filter(text);
    if (shown === undefined) return undefined;
    const [upstream, client] = [frameOf(text, answer.id), frameOf(shown, answer.id)];
    // Check the cut: with another id put in, the body must have that id when it is parsed.
    if (
      upstream &&
      client &&
      [upstream, client].every((frame) => idOf(fillFrame(frame, PROBE_ID).toString('utf8')) === PROBE_ID)
    )
      this.#keep(key, upstream, client);
    return Buffer.from(shown);
  }

  #keep(key: string, upstream: Frame, client: Frame): void {
    this.#forget(key);
    const bytes = [upstream, client].reduce(
      (sum, { before, after }) => sum + before.length + after.length,
      2 * key.length + ENTRY_OVERHEAD_BYTES,
    );
    if (bytes > MAX_CACHE_BYTES || key.length > MAX_KEY_LENGTH) return;
    this.#entries.set(key, { upstream, client, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= MAX_CACHE_BYTES) return;
      this.#forget(oldest);
    }
  }

  #forget(key: string): void {
    this.#bytes -= this.#entries.get(key)?.bytes ?? 0;
    this.#entries.delete(key);
  }
}
