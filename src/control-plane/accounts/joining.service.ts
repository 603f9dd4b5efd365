import { Injectable } from '@nestjs/common';
import type { Change } from '../../record/event-store/event-store.js';
import type { Repeat } from '../../platform/rest/allowed.js';
import { Database } from '../../platform/postgres/database.js';
import { newId } from '../../platform/crypto/ids.js';
import { Problem } from '../../platform/runtime/problems.js';
import { AnonymousOnce, type PreparedStranger } from './anonymous-once.service.js';
import type { AcceptInvitation } from './invitations.dto.js';
import {
  acceptInvitation,
  authorityOfInvitation,
  deleteInvitationsTo,
  findInvitation,
  invitationSpent,
  type OpenInvitation,
} from './invitations.store.js';
import { decideJoining, type Verified } from './members.js';
import { memberStream } from './members.store.js';
import { shownOrganization } from './organizations.js';
import { organizationStream } from './organizations.store.js';
import { hashPassword } from './passwords.js';
import { openSession, requirePassword } from './sessions.store.js';
import type { SignedInView } from './sign-in.dto.js';
import { SignInService } from './sign-in.service.js';
import { hasUser, insertUser } from './users.store.js';

type Acceptance = AcceptInvitation & Readonly<{ address: string }>;

type Prepared = PreparedStranger & Verified & Readonly<{ invitation: OpenInvitation; isNew: boolean }>;

/** The acceptance of invitations by whoever has their token. */
@Injectable()
export class JoiningService {
  readonly #db: Database;
  readonly #once: AnonymousOnce;
  readonly #signIn: SignInService;

  constructor(db: Database, once: AnonymousOnce, signIn: SignInService) {
    this.#db = db;
    this.#once = once;
    this.#signIn = signIn;
  }

  /**
   * Makes the invited person a member and opens a session. Who is new gets this password; who has an account already
   * must send its password.
   * @throws Problem not_found for an invitation that is not open, unauthorized for a wrong password or code
   */
  join(acceptance: Acceptance, repeat: Repeat | undefined): Promise<SignedInView> {
    return this.#once.run(
      { route: 'invitation', address: acceptance.address, repeat },
      {
        prepare: () => this.#prepare(acceptance),
        create: (change, prepared) => this.#join(change, prepared, acceptance.address),
      },
    );
  }

  async #prepare({ token, password, code, address }: Acceptance): Promise<Prepared> {
    const invitation = await findInvitation(this.#db, token);
    const { email, organizationId } = invitation;
    const known = await hasUser(this.#db.signIn, email);
    const verified = known
      ? await this.#signIn.checkPassword({ target: email, address }, password, { code })
      : {
          user: { id: newId('usr'), email },
          passwordHash: await hashPassword(password, { kind: 'signup', address }),
        };
    if (!verified)
      throw new Problem(
        'unauthorized',
        'Your e-mail address already has an account here. Send the password of that account.',
      );
    const { user } = verified;
    const caller = {
      organizationId,
      actor: { type: 'member', id: user.id, name: user.email },
      sourceIp: address,
      authority: authorityOfInvitation(invitation),
    } as const;
    return { caller, invitation, ...verified, isNew: !known };
  }

  async #join(change: Change, prepared: Prepared, address: string): Promise<SignedInView> {
    const { tx } = change;
    const { invitation, user, passwordHash, isNew } = prepared;
    const { organizationId } = invitation;
    const { role, email } = await acceptInvitation(change, invitation);
    const organization = await organizationStream.load(tx, organizationId, organizationId);
    if (!organization) throw invitationSpent();
    if (isNew) await insertUser(tx, user, { passwordHash, address });
    else await requirePassword(tx, prepared);
    await change.apply(memberStream, user.id, (state) => decideJoining(user.id, state, { email: user.email, role }));
    await deleteInvitationsTo(change, email);
    return {
      organization: shownOrganization(organizationId, organization.state),
      user,
      token: await openSession(tx, organizationId, user.id),
    };
  }
}
