import { Injectable } from '@nestjs/common';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { newId } from '../../../platform/crypto/ids.js';
import { Database } from '../../../platform/postgres/database.js';
import type { Repeat } from '../../../platform/rest/allowed.js';
import { Problem } from '../../../platform/runtime/problems.js';
import { networkOf } from '../../accounts/login-limits.js';
import type { SendContactMessage } from './contact.dto.js';
import { countMessagesOfDay, keepMessage } from './contact.store.js';

/** How many messages an hour one network may send, and all together a day. */
export const MESSAGES_AN_HOUR = 10;
const MESSAGES_A_DAY = 200;
const HOUR_SECONDS = 3600;

/** Takes messages of strangers. What one process counts in memory, the count of the day bounds over all. */
@Injectable()
export class ContactService {
  readonly #db: Database;
  readonly #limiter = new RateLimiterMemory({
    keyPrefix: 'contact',
    points: MESSAGES_AN_HOUR,
    duration: HOUR_SECONDS,
  });

  constructor(db: Database) {
    this.#db = db;
  }

  /**
   * Keeps a message until it is mailed, and for half a year. @throws Problem too_many_requests, idempotency_mismatch
   */
  async send({ name = '', email, message }: SendContactMessage, address: string, repeat?: Repeat): Promise<void> {
    const network = networkOf(address);
    await this.#admit(network);
    const kept = await this.#db.asStranger(network, async (tx) => {
      if ((await countMessagesOfDay(tx)) >= MESSAGES_A_DAY)
        throw new Problem('too_many_requests', 'Too many messages came today. Write again tomorrow.', {
          retryAfterSeconds: HOUR_SECONDS,
        });
      return keepMessage(tx, { id: newId('msg'), name, email, message }, network, repeat);
    });
    if (kept === 'mismatch')
      throw new Problem('idempotency_mismatch', 'Send another Idempotency-Key with another message.');
    if (kept === 'repeated') repeat?.onReplay();
  }

  /** Counts a message of a network. @throws Problem too_many_requests */
  async #admit(network: string): Promise<void> {
    await this.#limiter.consume(network).catch((used: unknown) => {
      if (!(used instanceof RateLimiterRes)) throw used;
      throw new Problem('too_many_requests', `Send at most ${MESSAGES_AN_HOUR} messages an hour.`, {
        retryAfterSeconds: Math.max(1, Math.ceil(used.msBeforeNext / 1000)),
      });
    });
  }
}
