import type {
  Actor,
  ApprovalBody,
  ApprovalStatus,
  ControlEvent,
  HeldCall,
} from '../../record/event-log/events/index.js';
import { notFound, Problem } from '../../platform/runtime/problems.js';

/** What one person said. `memberId` is the person who counts, `by` the credential that was used. */
export type ApproverDecision = Readonly<{
  decision: 'approved' | 'rejected';
  memberId: string;
  by: Actor;
  comment: string | null;
  time: string;
}>;

/**
 * What an approval's events add up to. It holds from its request until `expiresAt`, whatever becomes of it; whether it
 * was used is not in it.
 */
export type Approval = Readonly<{
  call: HeldCall;
  count: number;
  status: ApprovalStatus;
  decisions: readonly ApproverDecision[];
  requestedAt: string;
  expiresAt: string;
}>;

/** What a call uses: the section of its rule tells. */
export type CallKind = 'tool' | 'resource' | 'prompt';

/** What a held call uses, read from the pointer of the rule that holds it; a call without a rule is one of a tool. */
export const kindOf = ({ rule }: Pick<HeldCall, 'rule'>): CallKind =>
  rule?.startsWith('/resources/') ? 'resource' : rule?.startsWith('/prompts/') ? 'prompt' : 'tool';

/** The call that an approval was requested for. */
const heldCallOf = (event: HeldCall): HeldCall => ({
  grantId: event.grantId,
  identityId: event.identityId,
  serverId: event.serverId,
  tool: event.tool,
  argumentKeys: event.argumentKeys,
  argumentsDigest: event.argumentsDigest,
  definitionHash: event.definitionHash,
  policyId: event.policyId,
  policyVersion: event.policyVersion,
  rule: event.rule,
  reason: event.reason,
});

/** What an approval becomes by an event. */
export const evolveApproval = (state: Approval | undefined, event: ControlEvent & ApprovalBody): Approval => {
  if (event.type === 'approval.requested') {
    return {
      call: heldCallOf(event),
      count: event.count,
      status: 'pending',
      decisions: [],
      requestedAt: event.time,
      expiresAt: event.expiresAt,
    };
  }
  if (!state) throw new Error('an approval that was never requested');
  if (event.type === 'approval.expired') return { ...state, status: 'expired' };
  const { decision, memberId, comment, status } = event;
  return {
    ...state,
    status,
    decisions: [...state.decisions, { decision, memberId, by: event.actor, comment, time: event.time }],
  };
};

/** The request of an approval for a call. `expiresAt` is RFC 3339 UTC. */
export const decideApprovalRequest = (
  approvalId: string,
  _state: undefined,
  { call, count, expiresAt }: Readonly<{ call: HeldCall; count: number; expiresAt: string }>,
): readonly ApprovalBody[] => [{ type: 'approval.requested', approvalId, ...call, count, expiresAt }];

const existing = (state: Approval | undefined): Approval => {
  if (!state) throw notFound('approval');
  return state;
};

const about = (approvalId: string, { call: { grantId, identityId, serverId, tool } }: Approval) => ({
  approvalId,
  grantId,
  identityId,
  serverId,
  tool,
});

/** What somebody says of an approval. `parties` are the people who may not approve it. */
export type DecideApprovalCommand = Readonly<{
  decision: 'approved' | 'rejected';
  memberId: string;
  comment: string | null;
  now: Date;
  involvedMembers: readonly string[];
  /** On record, so that detections can tell an approval by the requester's own team. */
  teams?: Readonly<{ identityTeam: string | null; approverTeam: string | null }>;
}>;

/**
 * One person's decision. It is approved when as many people as it needs said so; one rejection rejects it. Saying the
 * same again changes nothing.
 * @throws Problem four_eyes, conflict once it is decided or expired
 */
export const decideApproval = (
  approvalId: string,
  before: Approval | undefined,
  { decision, memberId, comment, now, involvedMembers, teams }: DecideApprovalCommand,
): readonly ApprovalBody[] => {
  const state = existing(before);
  if (state.decisions.some((one) => one.memberId === memberId && one.decision === decision)) return [];
  if (state.status === 'expired' || Date.parse(state.expiresAt) <= now.getTime())
    throw new Problem('conflict', 'The approval has expired. The agent may ask again.');
  if (state.status !== 'pending') throw new Problem('conflict', `The approval is ${state.status} already.`);
  if (decision === 'approved' && involvedMembers.includes(memberId))
    throw new Problem(
      'four_eyes',
      'Neither who issued or rotated the grant nor the person it is for may approve its calls. Ask another approver.',
    );
  const approvals = state.decisions.filter((one) => one.decision === 'approved').length + 1;
  const status = decision === 'rejected' ? 'rejected' : approvals < state.count ? 'pending' : 'approved';
  return [{ type: 'approval.decided', ...about(approvalId, state), decision, status, memberId, comment, ...teams }];
};

/** The end of an approval that nobody decided in time; nothing for one that is not pending. */
export const decideApprovalExpiry = (approvalId: string, before: Approval | undefined): readonly ApprovalBody[] => {
  const state = existing(before);
  return state.status === 'pending' ? [{ type: 'approval.expired', ...about(approvalId, state) }] : [];
};
