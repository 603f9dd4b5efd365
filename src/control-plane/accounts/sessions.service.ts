import { Injectable } from '@nestjs/common';
import { tokenObjectId } from '../../platform/crypto/tokens.js';
import { Database, type Tx } from '../../platform/postgres/database.js';
import type { ControlBody } from '../../record/event-log/events/index.js';
import { EventStore } from '../../record/event-store/event-store.js';
import type { Principal } from '../../platform/rest/allowed.js';
import { toListPage } from '../../platform/rest/list-query.js';
import { notFound, Problem } from '../../platform/runtime/problems.js';
import type { Verified } from './members.js';
import type { SessionPage, SessionQuery, SessionView } from './sessions.dto.js';
import {
  deleteOwnSession,
  deleteSession,
  listSessions,
  openSession,
  organizationOfSession,
  requirePassword,
} from './sessions.store.js';
import type { MeView, SignedInView } from './sign-in.dto.js';

type Membership = { id: string; name: string; disabled: boolean; created_at: Date; deletes_at: Date | null };

type SignedIn = SignedInView | undefined;

/** The membership that a person signs in to: in the organization that was asked for, else in the first. */
const findMembership = async (
  tx: Pick<Tx, 'query'>,
  userId: string,
  organizationId: string | undefined,
  lock = '',
): Promise<Membership | undefined> => {
  const { rows } = await tx.query<Membership>(
    `select o.id, o.name, o.disabled, o.created_at, o.deletes_at
      from members m join organizations o on o.id = m.organization_id
      where m.user_id = $1 and not m.removed and ($2::text is null or o.id = $2) order by m.joined_at, o.id
        limit 1 ${lock}`,
    [userId, organizationId ?? null],
  );
  return rows[0];
};

const signedOut = ({ actor }: Principal, sessionId: string): ControlBody => ({
  type: 'member.signedOut',
  userId: actor.id,
  email: actor.name ?? '',
  sessionId,
});

/** Sign-in sessions: bearers of members, stored as hashes only. */
@Injectable()
export class SessionsService {
  readonly #db: Database;
  readonly #store: EventStore;

  constructor(db: Database, store: EventStore) {
    this.#db = db;
    this.#store = store;
  }

  /**
   * Opens a session in the organization that was asked for, or in the one the user joined first; undefined when there
   * is none. The lock on the membership makes a removal at the same time wait, so that it ends this session too.
   */
  async open(verified: Verified, organizationId: string | undefined, address: string): Promise<SignedIn> {
    const { user } = verified;
    const asked = await findMembership(this.#db.signIn, user.id, organizationId);
    if (!asked) return undefined;
    const caller = {
      organizationId: asked.id,
      actor: { type: 'member', id: user.id, name: user.email },
      authority: () => Promise.resolve(),
      sourceIp: address,
    } as const;
    return this.#store.changeAsStranger(caller, async (change) => {
      const found = await findMembership(change.tx, user.id, asked.id, 'for share of m');
      if (!found) return undefined;
      await requirePassword(change.tx, verified);
      const { id, name, disabled } = found;
      const organization = {
        id,
        name,
        disabled,
        createdAt: found.created_at.toISOString(),
        deletesAt: found.deletes_at?.toISOString() ?? null,
      };
      const token = await openSession(change.tx, id, user.id);
      const sessionId = `ses_${tokenObjectId('session', token)}`;
      await change.appendFact(sessionId, { type: 'member.signedIn', userId: user.id, email: user.email, sessionId });
      return { organization, user, token };
    });
  }

  /** The open sessions of the caller, in all their organizations; an API key has none. */
  async list({ actor, sessionId }: Principal, query: SessionQuery): Promise<SessionPage> {
    const rows =
      actor.type === 'member' ? await this.#db.asStranger(actor.id, (tx) => listSessions(tx, actor.id, query)) : [];
    const view = ({ sort_key: _key, ...session }: (typeof rows)[number]): SessionView => ({
      ...session,
      current: session.id === sessionId,
    });
    return toListPage(rows, query, { idOf: (row) => row.id, view });
  }

  /** Ends one of the caller's sessions: the next request with its token is refused. @throws Problem not_found */
  async delete(principal: Principal, id: string): Promise<void> {
    const { actor } = principal;
    if (actor.type !== 'member') throw notFound('session');
    const organizationId = await organizationOfSession(this.#db.signIn, actor.id, id);
    if (organizationId === undefined) throw notFound('session');
    const ended = await this.#store.changeAsStranger({ ...principal, organizationId }, async (change) => {
      if (!(await deleteOwnSession(change.tx, actor.id, id))) return false;
      await change.appendFact(id, signedOut(principal, id));
      return true;
    });
    if (!ended) throw notFound('session');
  }

  /** Ends the session that was used for this request. @throws Problem conflict for an API key */
  async end(principal: Principal): Promise<void> {
    const { organizationId, sessionId } = principal;
    if (!sessionId) throw new Problem('conflict', 'An API key has no session to end. Delete the key to end its use.');
    await this.#store.change(principal, async (change) => {
      await deleteSession(change.tx, organizationId, sessionId);
      await change.appendFact(sessionId, signedOut(principal, sessionId));
    });
  }

  /** The member or the API key that sends the request, with its organization and its role. */
  async describe({ organizationId, actor, role }: Principal): Promise<MeView> {
    const { rows } = await this.#db.inOrganization(organizationId, (tx) =>
      tx.query<{ name: string }>('select name from organizations where id = $1', [organizationId]),
    );
    const organization = { id: organizationId, name: rows[0]?.name ?? '' };
    const name = actor.name ?? '';
    return actor.type === 'member'
      ? { user: { id: actor.id, email: name }, organization, role }
      : { user: null, organization, role, apiKey: { id: actor.id, name } };
  }
}
