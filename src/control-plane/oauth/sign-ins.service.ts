import { Injectable } from '@nestjs/common';
import { newId } from '../../platform/crypto/ids.js';
import { Database } from '../../platform/postgres/database.js';
import type { Principal } from '../../platform/rest/allowed.js';
import { Problem } from '../../platform/runtime/problems.js';
import { EventStore, type Change } from '../../record/event-store/event-store.js';
import { dropTokens } from '../grants/grant-tokens.js';
import {
  decideGrantRevocation,
  decideRenewal,
  decideSignIn,
  type RevocationReason,
  type SignIn,
} from '../grants/grants.js';
import { grantStream } from '../grants/grants.store.js';
import { decideIdentityCreation } from '../grants/identities.js';
import { identityStream } from '../grants/identities.store.js';
import {
  addAccessToken,
  listIdentityChoices,
  organizationOfGrant,
  SIGN_IN_SECONDS,
  type IdentityChoice,
  type SignInServer,
} from './sign-ins.store.js';

/** How long a client has to fetch the first tokens of a sign-in. */
const FIRST_TOKENS_MS = 5 * 60_000;

/** What a member allows: a client may use a server as one of the member's identities. */
export type Allowed = Readonly<{
  server: SignInServer;
  client: Readonly<{ id: string; name: string }>;
  identityId: string | undefined;
}>;

/** Sign-ins of clients, each of which is a grant. */
@Injectable()
export class SignInsService {
  readonly #store: EventStore;
  readonly #db: Database;

  constructor(store: EventStore, db: Database) {
    this.#store = store;
    this.#db = db;
  }

  /** The identities that a member may choose for a client of this server. */
  choices({ organizationId, actor, role }: Principal, serverId: string): Promise<readonly IdentityChoice[]> {
    return this.#store.read(organizationId, (tx) =>
      listIdentityChoices(tx, { organizationId, serverId, userId: actor.id, isAdmin: role === 'admin' }),
    );
  }

  /**
   * Lets a client call, and resolves to the id of the grant. An admin without an identity gets one.
   * @throws Problem forbidden for an identity that the member may not choose
   */
  allow(principal: Principal, { server, client, identityId }: Allowed): Promise<string> {
    const { organizationId, actor, role } = principal;
    return this.#store.change(principal, async (change) => {
      const of = { organizationId, serverId: server.id, userId: actor.id, isAdmin: role === 'admin' };
      let choices = await listIdentityChoices(change.tx, of);
      if (choices.length === 0 && of.isAdmin) {
        await makeIdentity(change, principal);
        choices = await listIdentityChoices(change.tx, of);
      }
      const chosen = choices.length === 1 ? choices[0] : choices.find(({ id }) => id === identityId);
      if (!chosen) throw new Problem('forbidden', 'Choose one of your identities.');
      const signIn: SignIn = {
        identityId: chosen.id,
        serverId: server.id,
        policyId: chosen.policyId,
        clientId: client.id,
        clientName: client.name,
        expiresAt: new Date(change.now.getTime() + FIRST_TOKENS_MS).toISOString(),
      };
      const grantId = newId('grt');
      await change.apply(grantStream, grantId, () => decideSignIn(grantId, undefined, signIn));
      return grantId;
    });
  }

  /**
   * Gives the client of a sign-in one more access token, with which the sign-in lives on. @throws Problem not_found,
   * conflict when the sign-in has ended
   */
  renew(grantId: string, access: Readonly<{ token: string; ttl: number }>): Promise<void> {
    return this.#change(grantId, async (change) => {
      const expiresAt = new Date(change.now.getTime() + SIGN_IN_SECONDS * 1000).toISOString();
      await change.apply(grantStream, grantId, (state) =>
        decideRenewal(grantId, state, { now: change.now, expiresAt }),
      );
      await addAccessToken(change, grantId, access);
    });
  }

  /** Ends a sign-in with all its tokens; doing it again changes nothing. */
  end(grantId: string, reason: RevocationReason): Promise<void> {
    return this.#change(grantId, async (change) => {
      await change.apply(grantStream, grantId, (state) => decideGrantRevocation(grantId, state, { reason }));
      await dropTokens(change, grantId);
    });
  }

  async #change(grantId: string, work: (change: Change) => Promise<void>): Promise<void> {
    const organizationId = await organizationOfGrant(this.#db.signIn, grantId);
    if (organizationId === undefined) return;
    await this.#store.change({ organizationId, actor: { type: 'grant', id: grantId } }, work);
  }
}

/** The first identity of an admin, who may make identities. */
const makeIdentity = async (change: Change, { actor }: Principal): Promise<void> => {
  const id = newId('idn');
  const name = (actor.name ?? actor.id).slice(0, 200);
  const identity = { name, kind: 'human', memberId: actor.id, externalId: null, attributes: {} } as const;
  await change.apply(identityStream, id, () => decideIdentityCreation(id, undefined, identity));
};
