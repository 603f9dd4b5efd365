import { startInterval } from '../../platform/runtime/guard.js';
import type { ChannelAnswer } from '../transports/channel-answer.js';

const EVERY_MS = 20_000;

/**
 * Keeps the event streams that wait (for people, for changes) from being taken for dead: each gets a comment every 20
 * s.
 */
export class Heartbeat {
  readonly #answers = new Set<ChannelAnswer>();
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#timer = startInterval('heartbeat', EVERY_MS, () => {
      for (const answer of this.#answers) answer.comment();
    });
    this.#timer.unref();
  }

  add(answer: ChannelAnswer): void {
    this.#answers.add(answer);
  }

  remove(answer: ChannelAnswer): void {
    this.#answers.delete(answer);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
