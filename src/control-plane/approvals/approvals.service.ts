import { Injectable } from '@nestjs/common';
import { EventStore, type Change } from '../../record/event-store/event-store.js';
import { personBehind } from '../accounts/person-behind.js';
import type { Tx } from '../../platform/postgres/database.js';
import { notFound, Problem } from '../../platform/runtime/problems.js';
import { Vault } from '../../platform/crypto/vault.js';
import type { Principal } from '../../platform/rest/allowed.js';
import { toListPage } from '../../platform/rest/list-query.js';
import { decideApproval, kindOf } from './approvals.js';
import type { ApprovalPage, ApprovalQuery, ApprovalView, ApprovalWithArguments } from './approvals.dto.js';
import { approvalStream, findApproval, listApprovals, type ShownApproval } from './approvals.store.js';
import { enqueue } from './notifications/outbox.js';
import { findInvolvedMembers, findTeams, listExcludedApprovers } from './involved-members.js';
import { dropArguments, readArguments } from './sealed-arguments.js';

const view = ({ id, status, approval, ...rest }: ShownApproval): ApprovalView => {
  const { identityName, serverName, policyName, usedAt, callId } = rest;
  const shown = { identityName, serverName, policyName, usedAt, callId };
  const { call, count, decisions, requestedAt, expiresAt } = approval;
  return { id, status, kind: kindOf(call), ...call, ...shown, count, decisions, requestedAt, expiresAt };
};

const find = async (tx: Tx, organizationId: string, id: string): Promise<ShownApproval> => {
  const shown = await findApproval(tx, { organizationId, now: new Date() }, id);
  if (!shown) throw notFound('approval');
  return shown;
};

/** The approvals of an organization: what waits for a person, and who decided what. All refusals are Problems. */
@Injectable()
export class ApprovalsService {
  readonly #store: EventStore;
  readonly #vault: Vault;

  constructor(store: EventStore, vault: Vault) {
    this.#store = store;
    this.#vault = vault;
  }

  list({ organizationId }: Principal, query: ApprovalQuery): Promise<ApprovalPage> {
    return this.#store.read(organizationId, async (tx) => {
      const rows = await listApprovals(tx, { organizationId, now: new Date() }, query);
      return toListPage(rows, query, { idOf: ({ id }) => id, view });
    });
  }

  /**
   * An approval; who may decide it also sees the arguments, and what else the request says, while it is pending, and
   * who may not approve it.
   * @throws Problem not_found
   */
  get({ organizationId, role }: Principal, id: string): Promise<ApprovalWithArguments> {
    return this.#store.read(organizationId, async (tx) => {
      const shown = view(await find(tx, organizationId, id));
      if (role !== 'admin' && role !== 'approver') return shown;
      const mayNotApprove = await listExcludedApprovers(tx, organizationId, { ...shown, approvalId: id });
      return { ...shown, ...(await readArguments(tx, this.#vault, { organizationId, approvalId: id })), mayNotApprove };
    });
  }

  /**
   * One person's decision. The arguments are dropped with the last one that it takes.
   * @throws Problem not_found, four_eyes, forbidden (nobody knows who issued the API key), conflict (decided, expired,
   * or what it is for has changed)
   */
  async decide(
    principal: Principal,
    id: string,
    said: Readonly<{ decision: 'approved' | 'rejected'; comment: string | null }>,
  ): Promise<ApprovalView> {
    return this.#store.change(principal, async (change) => {
      const { organizationId } = principal;
      const before = await find(change.tx, organizationId, id);
      if (before.status === 'void' && said.decision === 'approved')
        throw new Problem(
          'conflict',
          'The grant, the policy or the tool has changed since, so the call can not run. The agent may ask again.',
        );
      await this.#apply(change, before, said);
      return view(await find(change.tx, organizationId, id));
    });
  }

  async #apply(
    change: Change,
    { id, approval }: ShownApproval,
    said: Readonly<{ decision: 'approved' | 'rejected'; comment: string | null }>,
  ): Promise<void> {
    const { tx, now, caller } = change;
    const { organizationId } = caller;
    const memberId = await personBehind(tx, organizationId, caller.actor);
    if (memberId === undefined)
      throw new Problem('forbidden', 'Nobody knows whose API key this is. Sign in to decide.');
    const parties = await findInvolvedMembers(tx, organizationId, { approvalId: id, ...approval.call });
    const teams = await findTeams(tx, organizationId, { identityId: approval.call.identityId, memberId });
    const { status } = await change.apply(approvalStream, id, (state) =>
      decideApproval(id, state, { ...said, memberId, now, involvedMembers: parties, teams }),
    );
    if (status === 'pending' || status === approval.status) return;
    await dropArguments(tx, { organizationId, approvalId: id });
    await enqueue(tx, organizationId, { approvalId: id, type: 'approval.decided' });
  }
}
