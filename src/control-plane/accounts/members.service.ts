import { Injectable } from '@nestjs/common';
import { EventStore, type Change } from '../../record/event-store/event-store.js';
import { requireVersion } from '../../record/event-store/require-version.js';
import type { Tx } from '../../platform/postgres/database.js';
import type { Principal } from '../../platform/rest/allowed.js';
import { toListPage } from '../../platform/rest/list-query.js';
import { deleteApiKeysBeyond } from './api-keys.store.js';
import { deleteInvitationsBy, deleteInvitationsTo } from './invitations.store.js';
import { decideRemoval, decideRoleChange, existingMember } from './members.js';
import type { MemberPage, MemberQuery, MemberView, UpdateMember } from './members.dto.js';
import { countOtherAdmins, listMembers, memberStream, type StoredMember } from './members.store.js';
import { deleteSessionsOf } from './sessions.store.js';

const viewOf = ({ id, version, member: { email, role, joinedAt } }: StoredMember): MemberView => ({
  id,
  version,
  email,
  role,
  joinedAt,
});

const otherAdmins = ({ tx, caller }: Change, id: string): Promise<number> =>
  countOtherAdmins(tx, caller.organizationId, id);

/**
 * The people of an organization. There is always an admin among them: changes of an organization follow one another, so
 * that two requests can't remove the last two admins.
 */
@Injectable()
export class MembersService {
  readonly #store: EventStore;

  constructor(store: EventStore) {
    this.#store = store;
  }

  async list({ organizationId }: Principal, query: MemberQuery): Promise<MemberPage> {
    const rows = await this.#store.read(organizationId, (tx) => listMembers(tx, organizationId, query));
    return toListPage(rows, query, { idOf: (row) => row.id, view: viewOf });
  }

  /** @throws Problem not_found */
  get({ organizationId }: Principal, id: string): Promise<MemberView> {
    return this.#store.read(organizationId, (tx) => this.#shown(tx, organizationId, id));
  }

  /**
   * Changes a member's role, which governs their next request. API keys that may do more than the role, and the
   * invitations of a member who is no longer an admin, end in the same transaction.
   * @throws Problem not_found, conflict for the last admin, precondition_failed
   */
  update(principal: Principal, id: string, ifMatch: string | undefined, { role }: UpdateMember): Promise<MemberView> {
    return this.#store.change(principal, async (change) => {
      await requireVersion(change, memberStream, { id, ifMatch });
      const request = { role, otherAdmins: await otherAdmins(change, id) };
      await change.apply(memberStream, id, (state) => decideRoleChange(id, state, request));
      await deleteApiKeysBeyond(change, id, role);
      if (role !== 'admin') await deleteInvitationsBy(change, id);
      return this.#shown(change.tx, principal.organizationId, id);
    });
  }

  /**
   * Removes a member. Their sessions and API keys, and open invitations to and from them, end in the same transaction.
   * @throws Problem not_found, conflict for the last admin
   */
  delete(principal: Principal, id: string): Promise<void> {
    return this.#store.change(principal, (change) => this.remove(change, id));
  }

  /** The same within a change. */
  async remove(change: Change, id: string): Promise<void> {
    const request = { otherAdmins: await otherAdmins(change, id) };
    const { email } = await change.apply(memberStream, id, (state) => decideRemoval(id, state, request));
    await deleteApiKeysBeyond(change, id, undefined);
    await deleteInvitationsBy(change, id);
    await deleteSessionsOf(change, id);
    await deleteInvitationsTo(change, email);
  }

  async #shown(tx: Tx, organizationId: string, id: string): Promise<MemberView> {
    const found = await memberStream.load(tx, organizationId, id);
    return viewOf({ id, version: found?.version ?? 0, member: existingMember(found?.state) });
  }
}
