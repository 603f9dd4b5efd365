import type { Actor } from '../../record/event-log/events/index.js';
import type { Change, EventStore } from '../../record/event-store/event-store.js';
import type { MemberRole, Principal } from '../../platform/rest/allowed.js';
import { isId } from '../../platform/crypto/ids.js';
import { pageStart, toPage, type Page, type PageQuery } from '../../platform/rest/page.js';
import { notFound } from '../../platform/runtime/problems.js';
import { changeRole, members, removeMember, type Member } from './members.js';
import { personBehind } from './person-behind.js';

/** A member as the API shows it; the id is the user's. */
export type MemberView = Readonly<{ id: string; email: string; role: MemberRole; joinedAt: string }>;

type Row = { user_id: string; email: string; role: MemberRole; joined_at: Date };

const viewOf = (id: string, { email, role, joinedAt }: Member): MemberView => ({ id, email, role, joinedAt });

const otherAdmins = async ({ tx, caller }: Change, id: string): Promise<number> => {
  const { rows } = await tx.query<{ count: number }>(
    `select count(*)::int as count from members where organization_id = $1 and user_id <> $2 and role = 'admin'
      and not removed`,
    [caller.organizationId, id],
  );
  return rows[0]?.count ?? 0;
};

/**
 * Ends the open invitations that a member sent, also through an API key: who may invite nobody any more shall not come
 * back, or let in others, by an old one.
 */
const endInvitationsFrom = async ({ tx, caller: { organizationId } }: Change, memberId: string): Promise<void> => {
  const { rows } = await tx.query<{ id: string; actor: Actor }>(
    `select i.id, e.event->'actor' as actor from invitations i join events e on e.organization_id = i.organization_id
      and e.stream_id = i.id and e.type = 'invitation.sent'
     where i.organization_id = $1 and i.accepted_at is null and i.expires_at > now()`,
    [organizationId],
  );
  for (const { id, actor } of rows)
    if ((await personBehind(tx, organizationId, actor)) === memberId)
      await tx.query('delete from invitations where organization_id = $1 and id = $2', [organizationId, id]);
};

/**
 * Deletes the API keys that act for a member and may more than the role allows; all of them without a role. Bound at
 * the start, as keys are another room's.
 */
export type EndKeysBeyond = (change: Change, memberId: string, role: MemberRole | undefined) => Promise<void>;

/**
 * The people of an organization. There is always an admin among them: changes of an organization follow one another, so
 * that two can't remove the last two.
 */
export class Membership {
  readonly #store: EventStore;
  readonly #endKeysBeyond: EndKeysBeyond;

  constructor(store: EventStore, endKeysBeyond: EndKeysBeyond) {
    this.#store = store;
    this.#endKeysBeyond = endKeysBeyond;
  }

  async list(principal: Principal, query: PageQuery): Promise<Page<MemberView>> {
    const { after, rows: wanted, limit } = pageStart(query);
    const { rows } = await this.#store.read(principal.organizationId, (tx) =>
      tx.query<Row>(
        `select user_id, email, role, joined_at from members where organization_id = $1 and user_id > $2
          and not removed order by user_id limit $3`,
        [principal.organizationId, after, wanted],
      ),
    );
    return toPage(rows, limit, {
      keyOf: (row) => row.user_id,
      view: (row) => ({ id: row.user_id, email: row.email, role: row.role, joinedAt: row.joined_at.toISOString() }),
    });
  }

  /**
   * A new role governs the member's next request; the member's API keys that may more, and the invitations of who is no
   * admin any more, end in the same transaction.
   */
  changeRole(principal: Principal, id: string, role: MemberRole): Promise<MemberView> {
    return this.#change(principal, id, async (change) => {
      const member = await change.apply(members, id, changeRole(id, role, await otherAdmins(change, id)));
      await this.#endKeysBeyond(change, id, role);
      if (role !== 'admin') await endInvitationsFrom(change, id);
      return viewOf(id, member);
    });
  }

  /**
   * Takes a member out; sessions, API keys and open invitations, to and from the member, end in the same transaction.
   */
  remove(principal: Principal, id: string): Promise<void> {
    return this.#change(principal, id, async (change) => {
      const { email } = await change.apply(members, id, removeMember(id, await otherAdmins(change, id)));
      await this.#endKeysBeyond(change, id, undefined);
      await endInvitationsFrom(change, id);
      await change.tx.query('delete from sessions where organization_id = $1 and user_id = $2', [
        principal.organizationId,
        id,
      ]);
      await change.tx.query(
        'delete from invitations where organization_id = $1 and lower(email) = lower($2) and accepted_at is null',
        [principal.organizationId, email],
      );
    });
  }

  async #change<T>(principal: Principal, id: string, work: (change: Change) => Promise<T>): Promise<T> {
    if (!isId('usr', id)) throw notFound('member');
    return this.#store.change(principal, work);
  }
}
