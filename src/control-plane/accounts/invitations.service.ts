import { Injectable } from '@nestjs/common';
import { CreateOnce } from '../../record/event-store/create-once.js';
import type { Change } from '../../record/event-store/event-store.js';
import type { Principal, Repeat } from '../../platform/rest/allowed.js';
import { Database } from '../../platform/postgres/database.js';
import { newId } from '../../platform/crypto/ids.js';
import { Problem } from '../../platform/runtime/problems.js';
import { newToken } from '../../platform/crypto/tokens.js';
import { AnonymousOnce, type PreparedStranger } from './anonymous-once.service.js';
import { INVITATION_DAYS } from './invitations.js';
import type { AcceptInvitation, CreateInvitation, InvitationWithToken } from './invitations.dto.js';
import {
  acceptInvitation,
  authorityOfInvitation,
  deleteInvitationsTo,
  findInvitation,
  insertInvitation,
  invitationSpent,
  type OpenInvitation,
} from './invitations.store.js';
import { decideJoining, type User } from './members.js';
import { memberStream } from './members.store.js';
import { organizationStream } from './organizations.store.js';
import { hashPassword } from './passwords.js';
import { openSession } from './sessions.store.js';
import type { SignedInView } from './sign-in.dto.js';
import { SignInService } from './sign-in.service.js';
import { hasUser, insertUser } from './users.store.js';

type Acceptance = AcceptInvitation & Readonly<{ address: string }>;

/** `passwordHash` only for a user who is new to the installation. */
type Prepared = PreparedStranger &
  Readonly<{ invitation: OpenInvitation; user: User; passwordHash: string | undefined }>;

const refuseMember = async ({ tx, caller }: Change, email: string): Promise<void> => {
  const { rows } = await tx.query(
    'select 1 from members where organization_id = $1 and lower(email) = lower($2) and not removed',
    [caller.organizationId, email],
  );
  if (rows.length > 0) throw new Problem('conflict', 'This person is already a member of the organization.');
};

/** Invitations to an organization: valid once, for 7 days, for one e-mail address. */
@Injectable()
export class InvitationsService {
  readonly #db: Database;
  readonly #once: CreateOnce;
  readonly #anonymousOnce: AnonymousOnce;
  readonly #signIn: SignInService;

  constructor(db: Database, once: CreateOnce, anonymousOnce: AnonymousOnce, signIn: SignInService) {
    this.#db = db;
    this.#once = once;
    this.#anonymousOnce = anonymousOnce;
    this.#signIn = signIn;
  }

  /** @throws Problem conflict for who is a member already */
  create(principal: Principal, { email, role }: CreateInvitation): Promise<InvitationWithToken> {
    return this.#once.run(principal, {
      prepare: () => Promise.resolve(),
      create: async (change) => {
        await refuseMember(change, email);
        const id = newId('inv');
        const expiresAt = new Date(change.now.getTime() + INVITATION_DAYS * 86_400_000).toISOString();
        const invitation = { id, email, role, expiresAt, token: newToken('invite', id) };
        await insertInvitation(change, invitation);
        return invitation;
      },
    });
  }

  /**
   * Makes the invited person a member and opens a session. Who is new gets this password; who has an account already
   * must send its password.
   * @throws Problem not_found for an invitation that is not open, unauthorized for a wrong password
   */
  accept(acceptance: Acceptance, repeat: Repeat | undefined): Promise<SignedInView> {
    return this.#anonymousOnce.run(
      { route: 'invitation', address: acceptance.address, repeat },
      {
        prepare: () => this.#prepare(acceptance),
        create: (change, prepared) => this.#join(change, prepared, acceptance.address),
      },
    );
  }

  async #prepare({ token, password, address }: Acceptance): Promise<Prepared> {
    const invitation = await findInvitation(this.#db, token);
    const { email, organizationId } = invitation;
    const known = await hasUser(this.#db.signIn, email);
    const user = known
      ? await this.#signIn.checkPassword({ target: email, address }, password)
      : { id: newId('usr'), email };
    if (!user)
      throw new Problem(
        'unauthorized',
        'Your e-mail address already has an account here. Send the password of that account.',
      );
    const passwordHash = known ? undefined : await hashPassword(password, { kind: 'signup', address });
    const caller = {
      organizationId,
      actor: { type: 'member', id: user.id, name: user.email },
      authority: authorityOfInvitation(invitation),
    } as const;
    return { caller, invitation, user, passwordHash };
  }

  async #join(change: Change, { invitation, user, passwordHash }: Prepared, address: string): Promise<SignedInView> {
    const { tx } = change;
    const { organizationId } = invitation;
    const { role, email } = await acceptInvitation(change, invitation);
    const organization = await organizationStream.load(tx, organizationId, organizationId);
    if (!organization) throw invitationSpent();
    if (passwordHash !== undefined) await insertUser(tx, user, { passwordHash, address });
    await change.apply(memberStream, user.id, (state) => decideJoining(user.id, state, { email: user.email, role }));
    await deleteInvitationsTo(change, email);
    return {
      organization: { id: organizationId, ...organization.state },
      user,
      token: await openSession(tx, organizationId, user.id),
    };
  }
}
