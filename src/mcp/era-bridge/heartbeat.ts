import { startInterval } from '../../platform/runtime/guard.js';
import type { ChannelResponse } from '../transports/channel-response.js';

const HEARTBEAT_INTERVAL_MS = 15_000;

/**
 * Sends a comment every 15 s on event streams that wait for people or changes, so that no proxy closes them.
 */
export class Heartbeat {
  readonly #answers = new Set<ChannelResponse>();
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#timer = startInterval('heartbeat', HEARTBEAT_INTERVAL_MS, () => {
      for (const answer of this.#answers) answer.comment();
    });
    this.#timer.unref();
  }

  add(answer: ChannelResponse): void {
    this.#answers.add(answer);
  }

  remove(answer: ChannelResponse): void {
    this.#answers.delete(answer);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
