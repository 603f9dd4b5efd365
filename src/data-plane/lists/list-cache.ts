import { randomUUID } from 'node:crypto';
import type { RequestId } from '../../mcp/protocol/answers.js';

/** A body around the JSON of one id. */
type Frame = Readonly<{ before: Buffer; after: Buffer }>;
type Entry = Readonly<{ upstream: Frame; client: Frame; bytes: number }>;

/**
 * What is made of a list, by nothing else than its text and what the key names: what a client is shown of it, and the
 * id that it answers.
 */
export type Reading = Readonly<{
  shown: (text: string) => Promise<string | undefined>;
  idOf: (text: string) => unknown;
}>;

const MAX_CACHE_BYTES = 64 * 1024 * 1024;
/** A cursor stands in the key: one that is longer than any server's is not worth the place. */
const MAX_KEY_LENGTH = 8 * 1024;
/** What an entry takes beside its texts, by and large. */
const ENTRY_OVERHEAD_BYTES = 1024;
/** No id of any client. */
const PROBE_ID = randomUUID();

/** Cuts a body at `"id":<id>`; undefined when that does not stand there exactly once. */
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

/**
 * Filtered lists of tools, by the bytes that they came from: one that the upstream answers again, but for the id, is
 * neither parsed nor filtered again, and one that differs in a byte is. At most 64 MiB, keys included; the longest
 * unused go first.
 */
export class ListCache {
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  /** `shown(body)`, from the cache where it can be. */
  async filtered(
    key: string,
    answer: Readonly<{ id: RequestId; body: Buffer }>,
    { shown: show, idOf }: Reading,
  ): Promise<Buffer | undefined> {
    const known = this.#entries.get(key);
    if (known && isFilled(known.upstream, Buffer.from(JSON.stringify(answer.id)), answer.body)) {
      this.#entries.delete(key);
      this.#entries.set(key, known);
      return fillFrame(known.client, answer.id);
    }
    const text = answer.body.toString('utf8');
    const shown = await show(text);
    if (shown === undefined) return undefined;
    const [upstream, client] = [frameOf(text, answer.id), frameOf(shown, answer.id)];
    // With another id in its place, that must be the one that it answers: then the id stands where it was looked for,
    // and nothing else does.
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
