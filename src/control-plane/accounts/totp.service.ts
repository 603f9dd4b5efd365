import { Injectable } from '@nestjs/common';
import { EventStore } from '../../record/event-store/event-store.js';
import { Vault } from '../../platform/crypto/vault.js';
import { Database } from '../../platform/postgres/database.js';
import type { Principal } from '../../platform/rest/allowed.js';
import { notFound, Problem } from '../../platform/runtime/problems.js';
import { LoginLimits } from './login-limits.js';
import { existingMember } from './members.js';
import { memberStream } from './members.store.js';
import { organizationsOf } from './password-resets.store.js';
import { newRecoveryCodes, newTotpSecret, totpUri } from './totp.js';
import type { RecoveryCodesView, SecondFactorSecretView, SecondFactorView } from './totp.dto.js';
import { confirmSecondFactor, deleteSecondFactor, keepSecondFactor, loadSecondFactor, useCode } from './totp.store.js';

const personOf = ({ actor }: Principal): string => {
  if (actor.type !== 'member') throw new Problem('conflict', 'An API key has no second factor. Sign in as a person.');
  return actor.id;
};

const wrongCode = (): Problem =>
  new Problem('invalid_body', 'Send a code that your authenticator shows now, or a recovery code.', {
    errors: [{ pointer: '/code', code: 'wrong_code', message: 'code is wrong or was used' }],
  });

const notThere = (): Problem => new Problem('not_found', 'You have no second factor of this kind.');

/** The second factor of the person who sends the request. All refusals are Problems. */
@Injectable()
export class TotpService {
  readonly #db: Database;
  readonly #store: EventStore;
  readonly #vault: Vault;
  readonly #limits: LoginLimits;

  constructor(db: Database, store: EventStore, vault: Vault, limits: LoginLimits) {
    this.#db = db;
    this.#store = store;
    this.#vault = vault;
    this.#limits = limits;
  }

  async get(principal: Principal): Promise<SecondFactorView> {
    const found = await loadSecondFactor(this.#db.signIn, this.#vault, personOf(principal));
    return { enabled: found?.isConfirmed ?? false, recoveryCodesLeft: found?.recoveryCodesLeft ?? 0 };
  }

  /** A secret for an authenticator; nothing is asked before a code confirms it. @throws Problem conflict */
  async create(principal: Principal): Promise<SecondFactorSecretView> {
    const userId = personOf(principal);
    const secret = newTotpSecret();
    const isKept = await this.#store.changeAsStranger(principal, ({ tx }) =>
      keepSecondFactor(tx, this.#vault, userId, secret),
    );
    if (!isKept) throw new Problem('conflict', 'You have a second factor. Disable it first.');
    return totpUri(secret, principal.actor.name ?? '');
  }

  /** From now on signing in asks for a code. @throws Problem not_found, invalid_body for a wrong code */
  confirm(principal: Principal, code: string, address: string): Promise<RecoveryCodesView> {
    const recoveryCodes = newRecoveryCodes();
    return this.#withCode(principal, { code, address, isConfirmed: false }, async (change, userId) => {
      if (!(await confirmSecondFactor(change.tx, userId, recoveryCodes))) throw notThere();
      await change.appendFact('account', { type: 'member.secondFactorChanged', userId, enabled: true });
      return { recoveryCodes };
    });
  }

  /** Signing in asks for no code any more. @throws Problem not_found, invalid_body for a wrong code */
  async disable(principal: Principal, code: string, address: string): Promise<void> {
    await this.#withCode(principal, { code, address, isConfirmed: true }, async (change, userId) => {
      if (!(await deleteSecondFactor(change.tx, userId))) throw notThere();
      await change.appendFact('account', { type: 'member.secondFactorChanged', userId, enabled: false });
    });
  }

  /**
   * Ends the second factor of a member who lost their authenticator and their recovery codes. A person who is a member
   * of another organization too belongs to no admin alone: whoever runs Toolgate ends theirs.
   * @throws Problem not_found, conflict
   */
  async reset(principal: Principal, userId: string): Promise<void> {
    if (principal.actor.id === userId)
      throw new Problem('conflict', 'End your own second factor by POST /v1/me/totp/disable, or ask another admin.');
    await this.#store.changeAsStranger(principal, async (change) => {
      const member = await memberStream.load(change.tx, principal.organizationId, userId);
      existingMember(member?.state);
      if ((await organizationsOf(change.tx, userId)).length > 1)
        throw new Problem(
          'conflict',
          'This person is a member of another organization too: ask whoever runs Toolgate.',
        );
      if (!(await deleteSecondFactor(change.tx, userId))) throw notFound('second factor');
      await change.appendFact('account', { type: 'member.secondFactorChanged', userId, enabled: false });
    });
  }

  /** Runs a change once a code was right, one try of a person at a time. A wrong one counts as a failed sign-in. */
  async #withCode<T>(
    principal: Principal,
    { code, address, isConfirmed }: Readonly<{ code: string; address: string; isConfirmed: boolean }>,
    work: (change: Parameters<Parameters<EventStore['change']>[1]>[0], userId: string) => Promise<T>,
  ): Promise<T> {
    const userId = personOf(principal);
    // Nobody needs a guess from a network of the person more than one from elsewhere: all of them are counted together.
    const attempt = { target: `code of ${userId}`, address, known: false };
    return this.#store.changeAsStranger(principal, async (change) => {
      await this.#limits.admit(attempt);
      const found = await loadSecondFactor(change.tx, this.#vault, userId);
      if (found?.isConfirmed !== isConfirmed) throw notThere();
      const used = await useCode(change.tx, userId, { secret: found.secret, code, now: change.now });
      if (used) return work(change, userId);
      await this.#limits.failed(attempt);
      throw wrongCode();
    });
  }
}
