import type { UpstreamRequest } from '../upstream/forward.js';
import type { MessageId } from './exchanges.js';

const MAX_MESSAGES = 100;
const MAX_BYTES = 8 * 2 ** 20;

/** A message of a client; `id` is that of a request. */
export type ClientMessage = Readonly<{ id: MessageId | undefined; request: UpstreamRequest }>;

/** Messages of a client that wait for its session: at most 100, with 8 MiB. */
export class WaitingMessages {
  readonly messages: ClientMessage[] = [];
  #bytes = 0;

  /** False when there is no room for it. */
  add(message: ClientMessage): boolean {
    const bytes = this.#bytes + (message.request.body?.length ?? 0);
    if (this.messages.length >= MAX_MESSAGES || bytes > MAX_BYTES) return false;
    this.#bytes = bytes;
    this.messages.push(message);
    return true;
  }
}
