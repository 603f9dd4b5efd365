import { randomUUID } from 'node:crypto';
import { QUESTION_QUOTA } from '../../../platform/fair-shares/data-plane-quotas.js';
import { Quota } from '../../../platform/fair-shares/quota.js';

type PendingRequest = Readonly<{
  organizationId: string;
  grantId: string;
  sessionId: string;
  answered: (response: string) => void;
}>;

/**
 * Requests that were sent to legacy clients and are not answered yet. They live on the node that holds the call they
 * belong to: its id stands in each of them, so that any other node can tell an answer that is not for it from one that
 * came too late.
 */
export class PendingClientRequests {
  readonly #node = randomUUID();
  readonly #pending = new Map<string, PendingRequest>();
  readonly #quota = new Quota(QUESTION_QUOTA);

  /** The id of a new request to a client; undefined when its grant or organization has too many open. */
  open(waiting: PendingRequest): string | undefined {
    if (this.#quota.take(waiting.organizationId, waiting.grantId) !== undefined) return undefined;
    const id = `${this.#node}.${randomUUID()}`;
    this.#pending.set(id, waiting);
    return id;
  }

  close(id: string): void {
    const waiting = this.#pending.get(id);
    if (!waiting || !this.#pending.delete(id)) return;
    this.#quota.free(waiting.organizationId, waiting.grantId);
  }

  /**
   * Hands on a client's response to `id`, the text of a JSON-RPC id: `late` when nobody waits for it any more,
   * `elsewhere` when another node may.
   */
  answer(sessionId: string, id: string | undefined, response: string): 'taken' | 'late' | 'elsewhere' {
    // Ours are plain words in quotes.
    const key = id?.slice(1, -1) ?? '';
    if (!key.startsWith(`${this.#node}.`)) return 'elsewhere';
    const waiting = this.#pending.get(key);
    if (waiting?.sessionId !== sessionId) return 'late';
    this.close(key);
    waiting.answered(response);
    return 'taken';
  }
}
