import type { Change } from '../../record/event-store/event-store.js';
import { joinOrganization, members, type User } from './members.js';
import { createOrganization, organizations } from './organizations.js';
import type { Repeat } from '../../platform/rest/allowed.js';
import type { Config } from '../../platform/settings/config.js';
import type { Database, Tx } from '../../platform/postgres/database.js';
import { newId } from '../../platform/crypto/ids.js';
import { Problem } from '../../platform/runtime/problems.js';
import type { Vault } from '../../platform/crypto/vault.js';
import type { AnonymousOnce } from './anonymous-once.js';
import { hashPassword } from './passwords.js';
import { rememberNetwork } from './sign-in-networks.js';
import { openSession, type SignedIn } from './sessions.js';

export type SignUpRequest = Readonly<{ email: string; password: string; organizationName: string; address: string }>;
type Prepared = Readonly<{ caller: Change['caller']; user: User; passwordHash: string }>;

/** Serializes sign-ups where only the first may succeed; a number of our own among PostgreSQL's advisory locks. */
const FIRST_LOCK = 7_203_917_002;

const taken = (): Problem =>
  new Problem('conflict', 'This e-mail address already has an account. Log in with it, or use another one.');

/**
 * Adds a user, who is from now on known to come from the network of `address`. @throws Problem conflict when the e-mail
 * address has one, however it is capitalised.
 */
export const insertUser = async (
  tx: Tx,
  user: User,
  { passwordHash, address }: Readonly<{ passwordHash: string; address: string }>,
): Promise<void> => {
  const { rowCount } = await tx.query(
    'insert into users(id, email, password_hash) values ($1, $2, $3) on conflict do nothing',
    [user.id, user.email, passwordHash],
  );
  if (rowCount !== 1) throw taken();
  await rememberNetwork(tx, user.id, address);
};

/** Sign-up: an organization, its key, its first member as admin and a session, all of it or nothing. */
export class SignUp {
  readonly #db: Database;
  readonly #once: AnonymousOnce;
  readonly #vault: Vault;
  readonly #mode: Config['signup'];

  constructor(db: Database, once: AnonymousOnce, rules: Readonly<{ vault: Vault; mode: Config['signup'] }>) {
    this.#db = db;
    this.#once = once;
    this.#vault = rules.vault;
    this.#mode = rules.mode;
  }

  run(request: SignUpRequest, repeat: Repeat | undefined): Promise<SignedIn> {
    return this.#once.run(
      { route: 'signup', address: request.address, repeat },
      { prepare: () => this.#prepare(request), create: (change, prepared) => this.#create(change, prepared, request) },
    );
  }

  async #prepare({ email, password, address }: SignUpRequest): Promise<Prepared> {
    await this.#db.asStranger(address, async (tx) => {
      await this.#admit(tx);
      const { rows } = await tx.query('select 1 from users where lower(email) = lower($1)', [email]);
      if (rows.length > 0) throw taken();
    });
    const user = { id: newId('usr'), email };
    const passwordHash = await hashPassword(password, { kind: 'signup', address });
    const caller = {
      organizationId: newId('org'),
      actor: { type: 'member', id: user.id, name: email },
      authority: (tx: Tx) => this.#admitInTurn(tx),
    } as const;
    return { caller, user, passwordHash };
  }

  async #create(
    change: Change,
    { caller, user, passwordHash }: Prepared,
    { organizationName, address }: SignUpRequest,
  ): Promise<SignedIn> {
    const { tx } = change;
    const { organizationId } = caller;
    await insertUser(tx, user, { passwordHash, address });
    await tx.query('insert into organization_keys(organization_id, wrapped) values ($1, $2)', [
      organizationId,
      this.#vault.newOrganizationKey(organizationId),
    ]);
    const organization = await change.apply(organizations, organizationId, createOrganization(organizationName));
    await change.apply(members, user.id, joinOrganization(user, 'admin'));
    const token = await openSession(tx, organizationId, user.id);
    return { organization: { id: organizationId, ...organization }, user, token };
  }

  /** Of several sign-ups of which only the first may succeed, one after the other. */
  async #admitInTurn(tx: Tx): Promise<void> {
    if (this.#mode === 'first') await tx.query('select pg_advisory_xact_lock($1)', [FIRST_LOCK]);
    await this.#admit(tx);
  }

  async #admit(tx: Tx): Promise<void> {
    if (this.#mode === 'open') return;
    const { rows } = this.#mode === 'first' ? await tx.query('select 1 from organizations limit 1') : { rows: [1] };
    if (rows.length > 0) throw new Problem('signup_closed', 'Ask an admin of your organization for an invitation.');
  }
}
