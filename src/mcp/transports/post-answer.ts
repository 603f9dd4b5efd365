import { ChunkList } from '../../platform/runtime/chunk-list.js';
import { isObject, parseObject } from '../../platform/json/json-object.js';
import { editObject, membersOf, setText } from '../wire/json-text.js';
import type { Sink, UpstreamFailure } from '../upstream/forward.js';

const MAX_BODY_BYTES = 64 * 1024;

type Ends = Readonly<{
  accepted: () => void;
  refused: (status: number, body: string) => void;
  failed: (failure: UpstreamFailure) => void;
}>;

/** The answer to a POST of HTTP+SSE: an acknowledgement, or a refusal with its body. */
export class PostAnswer implements Sink {
  readonly #ends: Ends;
  readonly #body = new ChunkList();
  #status = 0;

  constructor(ends: Ends) {
    this.#ends = ends;
  }

  head(status: number): void {
    this.#status = status;
  }

  data(chunk: Buffer): boolean {
    if (!this.#isAccepted && this.#body.length + chunk.length <= MAX_BODY_BYTES) this.#body.push(chunk);
    return true;
  }

  end(): void {
    if (this.#isAccepted) this.#ends.accepted();
    else this.#ends.refused(this.#status, this.#body.length > 0 ? this.#body.take().toString('utf8') : '');
  }

  fail(failure: UpstreamFailure): void {
    if (this.#status > 0 && !this.#isAccepted) this.#ends.refused(this.#status, '');
    else this.#ends.failed(failure);
  }

  get #isAccepted(): boolean {
    return this.#status >= 200 && this.#status <= 299;
  }
}

/**
 * The JSON-RPC error that a server gave as the body of a refusal, under the id of the request; undefined without one,
 * and for a response of the client, whose id is the server's.
 */
export const errorFor = (message: Buffer, body: string): string | undefined => {
  const members = membersOf(message.toString('utf8'));
  const id = members.get('id');
  return id !== undefined && members.has('method') && isObject(parseObject(body)?.['error'])
    ? editObject(body, { id: setText(id), result: () => undefined, method: () => undefined })
    : undefined;
};
