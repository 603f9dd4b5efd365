import type { CreateOnce } from '../../record/event-store/create-once.js';
import type { Caller, Change } from '../../record/event-store/event-store.js';
import { joinOrganization, members, type User } from './members.js';
import { organizations } from './organizations.js';
import type { MemberRole, Principal, Repeat } from '../../platform/rest/allowed.js';
import type { Authority } from '../../platform/postgres/authority.js';
import type { Database } from '../../platform/postgres/database.js';
import { newId } from '../../platform/crypto/ids.js';
import { Problem } from '../../platform/runtime/problems.js';
import { newToken, sameHash, tokenHash, tokenObjectId } from '../../platform/crypto/tokens.js';
import type { AnonymousOnce } from './anonymous-once.js';
import { hashPassword } from './passwords.js';
import { openSession, type SignedIn } from './sessions.js';
import type { SignIn } from './sign-in.js';
import { insertUser } from './sign-up.js';

export const INVITATION_DAYS = 7;

/** The answer to an invitation, the only place of its token, which the admin hands to the invited person. */
export type Invitation = Readonly<{ id: string; email: string; role: MemberRole; expiresAt: string; token: string }>;
export type Acceptance = Readonly<{ token: string; password: string; address: string }>;

type Row = { organization_id: string; id: string; email: string; role: MemberRole; token_hash: Buffer };
/** `passwordHash` only for a user who is new to the installation. */
type Prepared = Readonly<{ caller: Caller; invitationId: string; user: User; passwordHash: string | undefined }>;

const OPEN = 'accepted_at is null and expires_at > clock_timestamp()';

/** The authority of an invitation: it must be open still when its bearer's turn has come. */
const stillOpen =
  (organizationId: string, id: string): Authority =>
  async (tx) => {
    const { rowCount } = await tx.query(
      `select 1 from invitations where organization_id = $1 and id = $2 and ${OPEN} for update`,
      [organizationId, id],
    );
    if (rowCount !== 1) throw spent();
  };

const spent = (): Problem =>
  new Problem('not_found', 'This invitation was used, has expired or does not exist. Ask for a new one.');

/** Invitations to an organization: valid once, for 7 days, for one e-mail address. */
export class Invitations {
  readonly #db: Database;
  readonly #once: Readonly<{ known: CreateOnce; anonymous: AnonymousOnce }>;
  readonly #signIn: SignIn;

  constructor(db: Database, once: Readonly<{ known: CreateOnce; anonymous: AnonymousOnce }>, signIn: SignIn) {
    this.#db = db;
    this.#once = once;
    this.#signIn = signIn;
  }

  invite(principal: Principal, { email, role }: Readonly<{ email: string; role: MemberRole }>): Promise<Invitation> {
    return this.#once.known.run(principal, {
      prepare: () => Promise.resolve(),
      create: async (change) => {
        const { tx, now } = change;
        const { rows } = await tx.query(
          'select 1 from members where organization_id = $1 and lower(email) = lower($2) and not removed',
          [principal.organizationId, email],
        );
        if (rows.length > 0) throw new Problem('conflict', 'This person is already a member of the organization.');
        const id = newId('inv');
        const token = newToken('invite', id);
        const expiresAt = new Date(now.getTime() + INVITATION_DAYS * 86_400_000).toISOString();
        await tx.query(
          `insert into invitations(organization_id, id, email, role, token_hash, expires_at)
            values ($1, $2, $3, $4, $5, $6)`,
          [principal.organizationId, id, email, role, tokenHash(token), expiresAt],
        );
        await change.appendFact(id, { type: 'invitation.sent', invitationId: id, email, role });
        return { id, email, role, expiresAt, token };
      },
    });
  }

  /**
   * Makes the invited person a member and opens a session. Who is new gets this password; who has a user elsewhere must
   * know that one's.
   */
  accept(acceptance: Acceptance, repeat: Repeat | undefined): Promise<SignedIn> {
    return this.#once.anonymous.run(
      { route: 'invitation', address: acceptance.address, repeat },
      {
        prepare: () => this.#prepare(acceptance),
        create: (change, prepared) => this.#join(change, prepared, acceptance.address),
      },
    );
  }

  async #prepare({ token, password, address }: Acceptance): Promise<Prepared> {
    const invitation = await this.#find(token);
    const { email } = invitation;
    const { rows } = await this.#db.signIn.query('select 1 from users where lower(email) = lower($1)', [email]);
    const known = rows.length > 0;
    const user = known
      ? await this.#signIn.checkPassword({ target: email, address }, password)
      : { id: newId('usr'), email };
    if (!user)
      throw new Problem(
        'unauthorized',
        'Your e-mail address already has an account here. Send the password of that account.',
      );
    const passwordHash = known ? undefined : await hashPassword(password, { kind: 'signup', address });
    const { organization_id: organizationId, id } = invitation;
    const caller: Caller = {
      organizationId,
      actor: { type: 'member', id: user.id, name: user.email },
      authority: stillOpen(organizationId, id),
    };
    return { caller, invitationId: invitation.id, user, passwordHash };
  }

  async #find(token: string): Promise<Row> {
    const id = tokenObjectId('invite', token);
    if (!id) throw spent();
    const { rows } = await this.#db.signIn.query<Row>(
      `select organization_id, id, email, role, token_hash from invitations where id = $1 and ${OPEN}`,
      [`inv_${id}`],
    );
    const row = rows[0];
    if (!row || !sameHash(row.token_hash, tokenHash(token))) throw spent();
    return row;
  }

  async #join(
    change: Change,
    { caller, invitationId, user, passwordHash }: Prepared,
    address: string,
  ): Promise<SignedIn> {
    const { tx } = change;
    const { organizationId } = caller;
    const { rows } = await tx.query<{ role: MemberRole; email: string }>(
      `update invitations set accepted_at = now() where organization_id = $1 and id = $2 and ${OPEN}
        returning role, email`,
      [organizationId, invitationId],
    );
    const invitation = rows[0];
    const organization = await organizations.load(tx, organizationId, organizationId);
    if (!invitation || !organization) throw spent();
    if (passwordHash !== undefined) await insertUser(tx, user, { passwordHash, address });
    await change.apply(members, user.id, joinOrganization(user, invitation.role));
    await tx.query(
      'delete from invitations where organization_id = $1 and lower(email) = lower($2) and accepted_at is null',
      [organizationId, invitation.email],
    );
    return {
      organization: { id: organizationId, ...organization.state },
      user,
      token: await openSession(tx, organizationId, user.id),
    };
  }
}
