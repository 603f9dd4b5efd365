import { Inject, Injectable } from '@nestjs/common';
import type { Change } from '../../record/event-store/event-store.js';
import type { Principal, Repeat } from '../../platform/rest/allowed.js';
import type { Config } from '../../platform/settings/config.js';
import { Database, type Tx } from '../../platform/postgres/database.js';
import { newId } from '../../platform/crypto/ids.js';
import { CONFIG } from '../../platform/runtime/parts.js';
import { Problem } from '../../platform/runtime/problems.js';
import { Vault } from '../../platform/crypto/vault.js';
import { AnonymousOnce, type PreparedStranger } from './anonymous-once.service.js';
import { networkOf } from './login-limits.js';
import { decideJoining, type User } from './members.js';
import { memberStream } from './members.store.js';
import { decideOrganizationCreation, shownOrganization } from './organizations.js';
import { organizationStream } from './organizations.store.js';
import { hashPassword } from './passwords.js';
import { openSession } from './sessions.store.js';
import type { SignedInView, SignUp } from './sign-in.dto.js';
import { emailTaken, hasUser, insertUser } from './users.store.js';

type SignUpFrom = SignUp & Readonly<{ address: string }>;
type Prepared = PreparedStranger & Readonly<{ user: User; passwordHash: string }>;

/** Serializes sign-ups where only the first may succeed; a number of our own among PostgreSQL's advisory locks. */
const FIRST_LOCK = 7_203_917_002;

/** Sign-up: an organization, its key, its first member as admin and a session, all of it or nothing. */
@Injectable()
export class SignUpService {
  readonly #db: Database;
  readonly #once: AnonymousOnce;
  readonly #vault: Vault;
  readonly #mode: Config['signup'];

  constructor(db: Database, once: AnonymousOnce, vault: Vault, @Inject(CONFIG) config: Config) {
    this.#db = db;
    this.#once = once;
    this.#vault = vault;
    this.#mode = config.signup;
  }

  /** @throws Problem signup_closed by `SIGNUP`, conflict for an e-mail address that has an account */
  signUp(request: SignUpFrom, repeat: Repeat | undefined): Promise<SignedInView> {
    return this.#once.run(
      { route: 'signup', address: request.address, repeat },
      { prepare: () => this.#prepare(request), create: (change, prepared) => this.#create(change, prepared, request) },
    );
  }

  /**
   * One more organization for the member who sends the request, with a session in it.
   * @throws Problem signup_closed by `SIGNUP`, unauthorized when the caller's session ended meanwhile
   */
  addOrganization(
    { actor, authority, repeat }: Principal,
    { name, address }: Readonly<{ name: string; address: string }>,
  ): Promise<SignedInView> {
    const user = { id: actor.id, email: actor.name ?? '' };
    const caller = {
      organizationId: newId('org'),
      actor: { type: 'member', id: user.id, name: user.email },
      sourceIp: address,
      authority: async (tx: Tx) => {
        await authority(tx, 'change');
        await this.#admitInTurn(tx);
      },
    } as const;
    return this.#once.run(
      // The key is the user's own: others may send the same key with the same name.
      { route: 'organization', address, repeat: repeat && { ...repeat, key: `${user.id} ${repeat.key}` } },
      {
        prepare: () => Promise.resolve({ caller }),
        create: (change) => this.#createFor(change, user, { id: caller.organizationId, name }),
      },
    );
  }

  async #prepare({ email, password, address }: SignUpFrom): Promise<Prepared> {
    await this.#db.asStranger(networkOf(address), async (tx) => {
      await this.#admit(tx);
      if (await hasUser(tx, email)) throw emailTaken();
    });
    const user = { id: newId('usr'), email };
    const passwordHash = await hashPassword(password, { kind: 'signup', address });
    const caller = {
      organizationId: newId('org'),
      actor: { type: 'member', id: user.id, name: email },
      sourceIp: address,
      authority: (tx: Tx) => this.#admitInTurn(tx),
    } as const;
    return { caller, user, passwordHash };
  }

  async #create(
    change: Change,
    { caller: { organizationId: id }, user, passwordHash }: Prepared,
    { organizationName: name, address }: SignUpFrom,
  ): Promise<SignedInView> {
    await insertUser(change.tx, user, { passwordHash, address });
    return this.#createFor(change, user, { id, name });
  }

  async #createFor(
    change: Change,
    user: User,
    { id, name }: Readonly<{ id: string; name: string }>,
  ): Promise<SignedInView> {
    const { tx } = change;
    await tx.query('insert into organization_keys(organization_id, wrapped) values ($1, $2)', [
      id,
      this.#vault.newOrganizationKey(id),
    ]);
    const organization = await change.apply(organizationStream, id, (state) =>
      decideOrganizationCreation(id, state, { name }),
    );
    await change.apply(memberStream, user.id, (state) =>
      decideJoining(user.id, state, { email: user.email, role: 'admin' }),
    );
    return { organization: shownOrganization(id, organization), user, token: await openSession(tx, id, user.id) };
  }

  /** Of several sign-ups of which only the first may succeed, admits one after the other. */
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
