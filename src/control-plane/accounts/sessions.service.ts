import { Injectable } from '@nestjs/common';
import { Database } from '../../platform/postgres/database.js';
import type { Principal } from '../../platform/rest/allowed.js';
import { toListPage } from '../../platform/rest/list-query.js';
import { notFound, Problem } from '../../platform/runtime/problems.js';
import type { Verified } from './members.js';
import type { SessionPage, SessionQuery, SessionView } from './sessions.dto.js';
import { deleteOwnSession, deleteSession, listSessions, openSession, requirePassword } from './sessions.store.js';
import type { MeView, SignedInView } from './sign-in.dto.js';

type Membership = { id: string; name: string; disabled: boolean; created_at: Date; deletes_at: Date | null };

/** Sign-in sessions: bearers of members, stored as hashes only. */
@Injectable()
export class SessionsService {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /**
   * Opens a session in the organization that was asked for, or in the one the user joined first; undefined when there
   * is none. The lock on the membership makes a removal at the same time wait, so that it ends this session too.
   */
  open(verified: Verified, organizationId: string | undefined): Promise<SignedInView | undefined> {
    const { user } = verified;
    return this.#db.asStranger(user.id, async (tx) => {
      const { rows } = await tx.query<Membership>(
        `select o.id, o.name, o.disabled, o.created_at, o.deletes_at
         from members m join organizations o on o.id = m.organization_id
         where m.user_id = $1 and not m.removed and ($2::text is null or o.id = $2) order by m.joined_at, o.id
           limit 1 for share of m`,
        [user.id, organizationId ?? null],
      );
      const found = rows[0];
      if (!found) return undefined;
      await requirePassword(tx, verified);
      const { id, name, disabled, created_at: createdAt, deletes_at: deletesAt } = found;
      return {
        organization: {
          id,
          name,
          disabled,
          createdAt: createdAt.toISOString(),
          deletesAt: deletesAt?.toISOString() ?? null,
        },
        user,
        token: await openSession(tx, id, user.id),
      };
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
  async delete({ actor, authority }: Principal, id: string): Promise<void> {
    if (actor.type !== 'member') throw notFound('session');
    const ended = await this.#db.asStranger(actor.id, async (tx) => {
      await authority(tx, 'change');
      return deleteOwnSession(tx, actor.id, id);
    });
    if (!ended) throw notFound('session');
  }

  /** Ends the session that was used for this request. @throws Problem conflict for an API key */
  async end({ organizationId, sessionId }: Principal): Promise<void> {
    if (!sessionId) throw new Problem('conflict', 'An API key has no session to end. Delete the key to end its use.');
    await this.#db.changeInOrganization(organizationId, (tx) => deleteSession(tx, organizationId, sessionId));
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
