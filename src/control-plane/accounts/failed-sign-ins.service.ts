import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Database } from '../../platform/postgres/database.js';
import { inBackground, reportFailure, startInterval } from '../../platform/runtime/guard.js';
import { EventStore } from '../../record/event-store/event-store.js';
import { FailedSignInCounts, type FailedSignIns } from './failed-sign-ins.js';
import type { User } from './members.js';
import { organizationsOf } from './password-resets.store.js';

const WINDOW_MS = 15 * 60_000;
/** Of a person who is a member of more, the organizations that they joined first hear of it. */
const MAX_ORGANIZATIONS_OF_A_PERSON = 10;
const MAX_UNDER_WAY = 100;

/** Puts failed sign-ins at accounts on record, each in the organizations of its person. */
@Injectable()
export class FailedSignInsService implements OnModuleDestroy {
  readonly #db: Database;
  readonly #store: EventStore;
  readonly #counts = new FailedSignInCounts();
  readonly #timer: NodeJS.Timeout;
  #underWay = 0;

  constructor(db: Database, store: EventStore) {
    this.#db = db;
    this.#store = store;
    this.#timer = startInterval('failed_sign_ins', WINDOW_MS, () => this.endWindow());
    this.#timer.unref();
  }

  /** Notes a failure in the background: the response must take the same time for an account as for none. */
  note(user: User, address: string): void {
    if (this.#underWay >= MAX_UNDER_WAY) return;
    this.#underWay += 1;
    inBackground(
      'failed_sign_ins',
      this.#note(user, address).finally(() => (this.#underWay -= 1)),
    );
  }

  /** Records what was counted since the window began; an organization whose event fails costs no other its own. */
  async endWindow(): Promise<void> {
    for (const { organizationId, failed } of this.#counts.take())
      await this.#record(organizationId, failed).catch((error: unknown) => reportFailure('failed_sign_ins', error));
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.#timer);
    await this.endWindow();
  }

  async #note({ id, email }: User, address: string): Promise<void> {
    const organizations = await organizationsOf(this.#db.signIn, id);
    for (const organizationId of organizations.slice(0, MAX_ORGANIZATIONS_OF_A_PERSON)) {
      const failed = this.#counts.add({ organizationId, userId: id, email, address }, Date.now());
      if (failed) await this.#record(organizationId, failed, address);
    }
  }

  async #record(organizationId: string, failed: FailedSignIns, sourceIp?: string): Promise<void> {
    const caller = { organizationId, actor: { type: 'system', id: 'sign-in' }, ...(sourceIp && { sourceIp }) } as const;
    await this.#store.change(caller, (change) =>
      change.appendFact('sign-in', { type: 'member.signInFailed', ...failed }),
    );
  }
}
