import { Inject, Injectable } from '@nestjs/common';
import { EventStore } from '../../record/event-store/event-store.js';
import { Database, type Tx } from '../../platform/postgres/database.js';
import type { Principal } from '../../platform/rest/allowed.js';
import { FairTurns } from '../../platform/fair-shares/fair-turns.js';
import { makeSendMail, type SendMail } from '../../platform/outbound/mail.js';
import type { Config } from '../../platform/settings/config.js';
import { newId } from '../../platform/crypto/ids.js';
import { inBackground } from '../../platform/runtime/guard.js';
import { CONFIG, PUBLIC_URL } from '../../platform/runtime/parts.js';
import { Problem } from '../../platform/runtime/problems.js';
import { networkOf } from './login-limits.js';
import { existingMember, type User } from './members.js';
import { memberStream } from './members.store.js';
import { shownOrganization } from './organizations.js';
import { organizationStream } from './organizations.store.js';
import {
  countRecentResets,
  findReset,
  insertReset,
  organizationsOf,
  requireIssuer,
  RESET_MINUTES,
  resetUrl,
  setPassword,
  useReset,
} from './password-resets.store.js';
import type { ChangePassword, ConfirmPasswordReset, PasswordResetView } from './passwords.dto.js';
import { hashPassword } from './passwords.js';
import { openSession } from './sessions.store.js';
import type { SignedInView, UserView } from './sign-in.dto.js';
import { SignInService } from './sign-in.service.js';

type Reset = Awaited<ReturnType<typeof insertReset>> & Readonly<{ to: string }>;

const MAX_RESETS_AN_HOUR = 3;

const findUserByEmail = async (tx: Pick<Tx, 'query'>, email: string, lock = ''): Promise<User | undefined> =>
  (await tx.query<User>(`select id, email from users where lower(email) = $1 ${lock}`, [email])).rows[0];

/** A flood of requests for resets must not starve sign-ins of connections; what finds no place is dropped. */
const RESETS = { slots: 2, slotsPerKey: 1, waiting: 200, waitingPerKey: 5, waitMs: 30_000 } as const;

/**
 * Passwords: changed by their owner, or set anew by a link that only the owner gets. Their events stand under the link,
 * not under the member, whose own events make the member's row.
 */
@Injectable()
export class PasswordsService {
  @Inject(PUBLIC_URL) private readonly publicUrl!: () => string;
  readonly #db: Database;
  readonly #store: EventStore;
  readonly #signIn: SignInService;
  readonly #sendMail: SendMail | undefined;
  readonly #resets = new FairTurns(RESETS);

  constructor(db: Database, store: EventStore, signIn: SignInService, @Inject(CONFIG) config: Config) {
    this.#db = db;
    this.#store = store;
    this.#signIn = signIn;
    this.#sendMail = config.mail && makeSendMail(config.mail);
  }

  /**
   * Changes the caller's password. All their sessions end, in every organization; the response has a new one.
   * @throws Problem conflict for an API key, invalid_body for a wrong current password
   */
  async change(principal: Principal, { current, password }: ChangePassword, address: string): Promise<SignedInView> {
    const { organizationId } = principal;
    const user = await this.requireCurrent(principal, current, address);
    const passwordHash = await hashPassword(password, { kind: 'login', address });
    return this.#store.changeAsStranger(principal, async (change) => {
      const organization = await organizationStream.load(change.tx, organizationId, organizationId);
      await setPassword(change.tx, user.id, passwordHash);
      await change.appendFact(newId('rst'), { type: 'member.passwordChanged', userId: user.id });
      if (!organization) throw new Error('a member of no organization');
      const token = await openSession(change.tx, organizationId, user.id);
      return { organization: shownOrganization(organizationId, organization.state), user, token };
    });
  }

  /** The caller, whose password it is. @throws Problem conflict for an API key, invalid_body for a wrong password */
  async requireCurrent({ actor }: Principal, current: string, address: string): Promise<User> {
    if (actor.type !== 'member') throw new Problem('conflict', 'An API key has no password. Sign in as a person.');
    const attempt = { target: actor.name ?? '', address };
    const user = (await this.#signIn.checkPassword(attempt, current, 'password_alone'))?.user;
    if (user === undefined || user.id !== actor.id)
      throw new Problem('invalid_body', 'Send the password that you have now as current.', {
        errors: [{ pointer: '/current', code: 'wrong_password', message: 'current is not your password' }],
      });
    return user;
  }

  /**
   * Mails a link that sets a new password, at most three an hour to an address. Returns at once and the same for every
   * address: the work goes on in the background, so that neither the response nor its time says who has an account.
   */
  requestReset(email: string, address: string): void {
    const sendMail = this.#sendMail;
    if (!sendMail) return;
    const work = this.#resets.run(networkOf(address), () => this.#mailReset(sendMail, email, address));
    inBackground(
      'password_reset',
      work.catch((error: unknown) => this.#forgetRefusal(error)),
    );
  }

  /** Sets the password of the user of a link. @throws Problem not_found for a link that can't be used */
  async confirmReset({ token, password }: ConfirmPasswordReset, address: string): Promise<UserView> {
    const { id, user } = await findReset(this.#db, token);
    const passwordHash = await hashPassword(password, { kind: 'login', address });
    const [organizationId] = await organizationsOf(this.#db.signIn, user.id);
    const set = async (tx: Tx): Promise<void> => {
      await requireIssuer(tx, id, user.id);
      await useReset(tx, id);
      await setPassword(tx, user.id, passwordHash);
    };
    if (organizationId === undefined) await this.#db.asStranger(user.id, set);
    else
      await this.#store.changeAsStranger(
        {
          organizationId,
          actor: { type: 'member', id: user.id, name: user.email },
          authority: () => Promise.resolve(),
          sourceIp: address,
        },
        async (change) => {
          await set(change.tx);
          await change.appendFact(id, { type: 'member.passwordChanged', userId: user.id });
        },
      );
    return user;
  }

  /**
   * A link for a member, for an admin to hand over where this installation sends no mail. A person who is a member of
   * another organization too belongs to no admin alone: whoever runs Toolgate makes their link.
   * @throws Problem not_found, conflict
   */
  issueReset(principal: Principal, userId: string): Promise<PasswordResetView> {
    if (this.#sendMail)
      throw new Problem(
        'conflict',
        'This installation sends mail: the person asks for a link by POST /v1/password-reset.',
      );
    return this.#store.changeAsStranger(principal, async (change) => {
      const member = await memberStream.load(change.tx, principal.organizationId, userId);
      existingMember(member?.state);
      if ((await organizationsOf(change.tx, userId)).length > 1)
        throw new Problem(
          'conflict',
          'This person is a member of another organization too: ask whoever runs Toolgate for a link.',
        );
      const { id, token, expiresAt } = await insertReset(change.tx, userId);
      await change.appendFact(id, { type: 'member.passwordResetIssued', userId });
      return { token, url: resetUrl(this.publicUrl(), token), expiresAt };
    });
  }

  async #mailReset(sendMail: SendMail, email: string, address: string): Promise<void> {
    const reset = await this.#makeReset(email, address);
    if (!reset) return;
    const text = [
      'Somebody asked for a new password for your account at Toolgate.',
      '',
      `Set it here, once, within ${RESET_MINUTES} minutes:`,
      resetUrl(this.publicUrl(), reset.token),
      '',
      'If it was not you, do nothing: your password stays as it is.',
    ].join('\n');
    await sendMail({ id: newId('msg'), to: [reset.to], subject: 'Your new password at Toolgate', text });
  }

  /**
   * A reset that is on record, but not under its own id, where the member stands who issued it; undefined when
   * there is no such user or they had three in this hour.
   */
  async #makeReset(email: string, address: string): Promise<Reset | undefined> {
    const user = await findUserByEmail(this.#db.signIn, email);
    if (!user) return undefined;
    const insert = async (tx: Tx): Promise<Reset | undefined> => {
      await findUserByEmail(tx, email, 'for update');
      if ((await countRecentResets(tx, user.id)) >= MAX_RESETS_AN_HOUR) return undefined;
      return { to: user.email, ...(await insertReset(tx, user.id)) };
    };
    const [organizationId] = await organizationsOf(this.#db.signIn, user.id);
    if (organizationId === undefined) return this.#db.asStranger(email, insert);
    const actor = { type: 'anonymous', id: 'password-reset' } as const;
    const caller = { organizationId, actor, authority: () => Promise.resolve(), sourceIp: address };
    return this.#store.changeAsStranger(caller, async (change) => {
      const reset = await insert(change.tx);
      if (reset) await change.appendFact('password-reset', { type: 'member.passwordResetIssued', userId: user.id });
      return reset;
    });
  }

  /** A request that found no place in the queue is dropped: who sent it asks again. */
  #forgetRefusal(error: unknown): void {
    if (!(error instanceof Problem)) throw error;
  }
}
