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
 * Requests that were sent to legacy clients and are not answered yet. They live on the node that holds their call; each
 * id contains the node's id, so that another node can tell a response for this node from one that came too late.
 */
export class PendingClientRequests {
  readonly #node = randomUUID();
  readonly #pending = new Map<string, PendingRequest>();
  readonly #quota = new Quota(QUESTION_QUOTA);

  /** Returns the id of a new request to a client; undefined when the quota is used up. */
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
   * Passes on a client's response to `id` (JSON text): `late` when the request is no longer pending, `elsewhere` when
   * it belongs to another node.
   */
  answer(sessionId: string, id: string | undefined, response: string): 'taken' | 'late' | 'elsewhere' {
    // Our ids have no escapes.
    const key = id?.slice(1, -1) ?? '';
    if (!key.startsWith(`${this.#node}.`)) return 'elsewhere';
    const waiting = this.#pending.get(key);
    if (waiting?.sessionId !== sessionId) return 'late';
    this.close(key);
    waiting.answered(response);
    return 'taken';
  }
}
