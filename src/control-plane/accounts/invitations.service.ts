import { Injectable } from '@nestjs/common';
import { CreateOnce } from '../../record/event-store/create-once.js';
import { EventStore, type Change } from '../../record/event-store/event-store.js';
import type { Principal } from '../../platform/rest/allowed.js';
import { toListPage } from '../../platform/rest/list-query.js';
import { newId } from '../../platform/crypto/ids.js';
import { notFound, Problem } from '../../platform/runtime/problems.js';
import { newToken } from '../../platform/crypto/tokens.js';
import { endOf } from './api-keys.store.js';
import { INVITATION_DAYS } from './invitations.js';
import type {
  CreateInvitation,
  InvitationPage,
  InvitationQuery,
  InvitationView,
  InvitationWithToken,
} from './invitations.dto.js';
import { insertInvitation, listInvitations, replaceInvitationsTo, withdrawInvitation } from './invitations.store.js';

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
  readonly #store: EventStore;
  readonly #once: CreateOnce;

  constructor(store: EventStore, once: CreateOnce) {
    this.#store = store;
    this.#once = once;
  }

  /**
   * Invites a person; an older open invitation to the same address ends.
   * @throws Problem conflict for who is a member already
   */
  create(principal: Principal, { email, role }: CreateInvitation): Promise<InvitationWithToken> {
    return this.#once.run(principal, {
      prepare: () => Promise.resolve(),
      create: async (change) => {
        await refuseMember(change, email);
        await replaceInvitationsTo(change, email);
        const id = newId('inv');
        const lasting = change.now.getTime() + INVITATION_DAYS * 86_400_000;
        // What a key makes ends with it at the latest.
        const end = (await endOf(change))?.getTime() ?? lasting;
        const expiresAt = new Date(Math.min(lasting, end)).toISOString();
        const invitation = { id, email, role, expiresAt, token: newToken('invite', id) };
        await insertInvitation(change, invitation);
        return { ...invitation, invitedBy: principal.actor, createdAt: change.now.toISOString() };
      },
    });
  }

  /** The invitations that can be accepted. */
  async list({ organizationId }: Principal, query: InvitationQuery): Promise<InvitationPage> {
    const rows = await this.#store.read(organizationId, (tx) => listInvitations(tx, organizationId, query));
    const view = ({ sort_key: _key, ...invitation }: (typeof rows)[number]): InvitationView => invitation;
    return toListPage(rows, query, { idOf: (row) => row.id, view });
  }

  /** Withdraws an invitation: its token is of no use any more. @throws Problem not_found */
  async delete(principal: Principal, id: string): Promise<void> {
    await this.#store.change(principal, async (change) => {
      if (!(await withdrawInvitation(change, id))) throw notFound('invitation');
    });
  }
}
