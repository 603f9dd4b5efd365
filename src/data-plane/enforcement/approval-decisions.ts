import type { Code, Decision } from '../../policy-engine/decide.js';
import { toJsonText } from '../../platform/json/exact-number.js';
import { approvalScopeOf } from './approval-scope.js';
import type { ApprovalRequest, ApprovalResult, BoundedApprovals } from './request-approval.js';
import { toolOf, type ApprovalWait, type GovernedCall } from './call.js';
import { argumentKeys, argumentsDigest } from './digest.js';
import { refusal } from './refusals.js';

type HeldBy = Pick<Decision, 'rule'>;

/** What a held call asks reviewers. Only a policy holds calls, and only those that name something. */
export const toApprovalRequest = (call: GovernedCall, { rule, reason, approval }: Decision): ApprovalRequest => {
  const { grant, organization, identity, server, policy } = call.who;
  const { digested, argumentsShown, othersShown } = approvalScopeOf(call);
  const digest = argumentsDigest(organization.digestKey, digested);
  if (!policy || !approval || digest === null) throw new Error('a call is held by its policy only');
  const heldCall = {
    grantId: grant.id,
    identityId: identity.id,
    serverId: server.id,
    tool: call.tool ?? '',
    argumentKeys: argumentKeys(call.arguments),
    argumentsDigest: digest,
    definitionHash: server.tools.get(toolOf(call) ?? '')?.definitionHash ?? null,
  };
  return {
    organizationId: organization.id,
    call: { ...heldCall, policyId: policy.id, policyVersion: policy.version, rule, reason },
    argumentsJson: toJsonText(argumentsShown),
    otherParamsJson: othersShown && toJsonText(othersShown),
    count: approval.count,
    waitMs: approval.waitSeconds * 1000,
    expiresInMs: approval.expiresInSeconds * 1000,
  };
};

const refusedBy = (rule: HeldBy['rule'], code: Code, reason: string): Decision => ({ ...refusal(code, reason), rule });

/** The refusal of a call whose approvals are out of reach. */
export const approvalsUnavailable = ({ tool }: GovernedCall, { rule }: HeldBy): Decision =>
  refusedBy(
    rule,
    'approval_required',
    `${tool} needs a person's approval, and approvals are out of reach; try again shortly`,
  );

/** The refusal of a request that needs approval and whose method can't ask for one. */
export const refuseUnholdable = ({ tool, method }: GovernedCall, { rule }: HeldBy): Decision =>
  refusedBy(rule, 'approval_required', `${tool} needs a person's approval, which ${method} can't ask for`);

type Unapproved = Exclude<Awaited<ReturnType<BoundedApprovals['request']>>, { status: 'approved' }>;

/** The decision about a held call whose approval is not given. */
export const decisionFor = (call: GovernedCall, request: ApprovalRequest, state: Unapproved): Decision => {
  const { rule, reason } = request.call;
  switch (state.status) {
    case 'pending':
      return {
        effect: 'hold',
        code: 'approval_required',
        rule,
        reason,
        reservations: [],
        approvalId: state.approvalId,
      };
    case 'rejected': {
      const comment = state.comment === null ? '' : `: ${state.comment}`;
      const refused = refusedBy(rule, 'approval_rejected', `${call.tool}: a reviewer rejected this call${comment}`);
      return { ...refused, approvalId: state.approvalId };
    }
    case 'expired': {
      const expired = `${call.tool}: the approval of this call has expired; repeat the call to ask again`;
      return { ...refusedBy(rule, 'approval_expired', expired), approvalId: state.approvalId };
    }
    case 'refused':
      return refusedBy(rule, 'approval_required', state.reason);
    case 'unavailable':
      return approvalsUnavailable(call, request.call);
  }
};

/** How long the caller of a held call may wait; undefined where no approval is pending. */
export const waitFor = (
  { waitMs }: ApprovalRequest,
  state: ApprovalResult | Unapproved,
  nowMs: number,
): ApprovalWait | undefined =>
  state.status === 'pending'
    ? { approvalId: state.approvalId, waitMs, expiresInMs: state.expiresAtMs - nowMs }
    : undefined;

/** The reason that an agent reads: that of a held call also says what is pending and how to go on. */
export const reasonForAgent = ({ tool }: GovernedCall, { effect, reason, approvalId }: Decision): string =>
  effect === 'hold' && approvalId !== undefined
    ? `${reason.replace(/\.$/, '')}. This call of ${tool} is pending as approval ` +
      `${approvalId}; once it is approved, repeating the same call with the same arguments runs it`
    : reason;
