import { randomUUID } from 'node:crypto';
import { startTimer } from '../../platform/runtime/guard.js';
import type { Json } from '../../platform/json/json-object.js';
import type { UpstreamFailure } from '../upstream/forward.js';
import type { MessageId } from './exchanges.js';

/** A message that answers a request of ours, and its text. */
export type OwnAnswer = Readonly<{ message: Json; text: string }>;
type Answered = (answer: OwnAnswer | UpstreamFailure) => void;

/** Whether a request of ours failed rather than was answered. */
export const isFailure = (answer: OwnAnswer | UpstreamFailure): answer is UpstreamFailure => 'kind' in answer;

/** Requests of our own in a session, under ids that no client has. */
export class OwnRequests {
  readonly #pending = new Map<MessageId, Answered>();

  /** Sends a request and resolves to the message that answers it. Never rejects. */
  send(
    method: string,
    params: Json,
    post: (body: Buffer, failed: Answered) => void,
  ): Promise<OwnAnswer | UpstreamFailure> {
    const id = `toolgate-${randomUUID()}`;
    return this.expect(id, (failed) =>
      post(Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, method, params })), failed),
    );
  }

  /** Resolves to the message that answers `id`, which `post` sends. */
  expect(id: MessageId, post: (failed: Answered) => void): Promise<OwnAnswer | UpstreamFailure> {
    return new Promise((resolve) => {
      const timer = startTimer('own_request', TIMEOUT_MS, () => answered({ kind: 'timeout', sent: true }));
      const answered: Answered = (answer) => {
        clearTimeout(timer);
        this.#pending.delete(id);
        resolve(answer);
      };
      this.#pending.set(id, answered);
      post(answered);
    });
  }

  /** Takes a message of the server; false when it answers none of these requests. */
  take(id: MessageId, answer: OwnAnswer): boolean {
    const answered = this.#pending.get(id);
    answered?.(answer);
    return answered !== undefined;
  }

  failAll(failure: UpstreamFailure): void {
    for (const answered of this.#pending.values()) answered(failure);
  }
}

/** A server that is started by a package runner may download itself first. */
const TIMEOUT_MS = 60_000;
