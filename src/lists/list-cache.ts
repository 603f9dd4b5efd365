import type { RequestId } from '../mcp/answers.js';

/** A body around the JSON of one id. */
type Frame = Readonly<{ before: Buffer; after: Buffer }>;
type Entry = Readonly<{ upstream: Frame; client: Frame; bytes: number }>;

const MAX_BYTES = 64 * 1024 * 1024;
const PROBE = 'toolgate-probe';

/** Cuts a body at `"id":<id>`; undefined when that does not stand there exactly once. */
const frameOf = (text: string, id: RequestId): Frame | undefined => {
  const member = `"id":${JSON.stringify(id)}`;
  const at = text.indexOf(member);
  if (at < 0 || text.includes(member, at + 1)) return undefined;
  return { before: Buffer.from(text.slice(0, at + '"id":'.length)), after: Buffer.from(text.slice(at + member.length)) };
};

const filled = ({ before, after }: Frame, id: RequestId): Buffer => Buffer.concat([before, Buffer.from(JSON.stringify(id)), after]);

const isFilled = ({ before, after }: Frame, id: Buffer, body: Buffer): boolean =>
  body.length === before.length + id.length + after.length &&
  before.compare(body, 0, before.length) === 0 &&
  id.compare(body, before.length, before.length + id.length) === 0 &&
  after.compare(body, before.length + id.length) === 0;

/**
 * Filtered lists of tools, by the bytes that they came from: one that the upstream answers again, but for the id, is neither parsed nor filtered again, and
 * one that differs in a byte is. `filter` must go by nothing else than the text and what `key` names. At most 64 MiB; the longest unused go first.
 */
export class ListCache {
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  /** `filter(body)`, from the cache where it can be. */
  filtered(key: string, answer: Readonly<{ id: RequestId; body: Buffer }>, filter: (text: string) => string | undefined): Buffer | undefined {
    const known = this.#entries.get(key);
    if (known && isFilled(known.upstream, Buffer.from(JSON.stringify(answer.id)), answer.body)) {
      this.#entries.delete(key);
      this.#entries.set(key, known);
      return filled(known.client, answer.id);
    }
    const text = answer.body.toString('utf8');
    const shown = filter(text);
    if (shown === undefined) return undefined;
    const [upstream, client] = [frameOf(text, answer.id), frameOf(shown, answer.id)];
    // With another id in its place the filter must give the same but for the id: then the id stands where it was looked for, and decides nothing.
    if (upstream && client && filter(filled(upstream, PROBE).toString('utf8')) === filled(client, PROBE).toString('utf8')) this.#keep(key, upstream, client);
    return Buffer.from(shown);
  }

  #keep(key: string, upstream: Frame, client: Frame): void {
    this.#forget(key);
    const bytes = [upstream, client].reduce((sum, { before, after }) => sum + before.length + after.length, 0);
    if (bytes > MAX_BYTES) return;
    this.#entries.set(key, { upstream, client, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= MAX_BYTES) return;
      this.#forget(oldest);
    }
  }

  #forget(key: string): void {
    this.#bytes -= this.#entries.get(key)?.bytes ?? 0;
    this.#entries.delete(key);
  }
}
