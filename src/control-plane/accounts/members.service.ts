import { Injectable } from '@nestjs/common';
import { EventStore, type Change } from '../../record/event-store/event-store.js';
import type { Principal } from '../../platform/rest/allowed.js';
import { toListPage } from '../../platform/rest/list-query.js';
import { deleteApiKeysBeyond } from './api-keys.store.js';
import { deleteInvitationsBy, deleteInvitationsTo } from './invitations.store.js';
import { decideRemoval, decideRoleChange, existingMember, type Member } from './members.js';
import type { MemberPage, MemberQuery, MemberView, UpdateMember } from './members.dto.js';
import { countOtherAdmins, listMembers, memberStream } from './members.store.js';
import { deleteSessionsOf } from './sessions.store.js';

const viewOf = (id: string, { email, role, joinedAt }: Member): MemberView => ({ id, email, role, joinedAt });

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
    return toListPage(rows, query, { idOf: (row) => row.id, view: ({ id, member }) => viewOf(id, member) });
  }

  /** @throws Problem not_found */
  async get({ organizationId }: Principal, id: string): Promise<MemberView> {
    const found = await this.#store.read(organizationId, (tx) => memberStream.load(tx, organizationId, id));
    return viewOf(id, existingMember(found?.state));
  }

  /**
   * Changes a member's role, which governs their next request. API keys that may do more than the role, and the
   * invitations of a member who is no longer an admin, end in the same transaction.
   * @throws Problem not_found, conflict for the last admin
   */
  update(principal: Principal, id: string, { role }: UpdateMember): Promise<MemberView> {
    return this.#store.change(principal, async (change) => {
      const request = { role, otherAdmins: await otherAdmins(change, id) };
      const member = await change.apply(memberStream, id, (state) => decideRoleChange(id, state, request));
      await deleteApiKeysBeyond(change, id, role);
      if (role !== 'admin') await deleteInvitationsBy(change, id);
      return viewOf(id, member);
    });
  }

  /**
   * Removes a member. Their sessions and API keys, and open invitations to and from them, end in the same transaction.
   * @throws Problem not_found, conflict for the last admin
   */
  delete(principal: Principal, id: string): Promise<void> {
    return this.#store.change(principal, async (change) => {
      const request = { otherAdmins: await otherAdmins(change, id) };
      const { email } = await change.apply(memberStream, id, (state) => decideRemoval(id, state, request));
      await deleteApiKeysBeyond(change, id, undefined);
      await deleteInvitationsBy(change, id);
      await deleteSessionsOf(change, id);
      await deleteInvitationsTo(change, email);
    });
  }
}
