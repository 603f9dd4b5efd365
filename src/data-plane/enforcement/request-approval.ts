import { inBackground, startTimer } from '../../platform/runtime/guard.js';
import type { HeldCall } from '../../record/event-log/events/index.js';
import { errorText, log } from '../../platform/runtime/log.js';
import { within } from '../../platform/runtime/within.js';
import type { Decision } from '../../policy-engine/decide.js';
import { toolOf, type GovernedCall, type Judged } from './call.js';
import { coveredBy } from './covered.js';
import { argumentKeys, argumentsDigest } from './digest.js';

/**
 * A held call as an approval is asked for it. `argumentsJson` is what the reviewer will see, with `otherParamsJson`
 * where the request says more than its arguments.
 */
export type ApprovalRequest = Readonly<{
  organizationId: string;
  call: HeldCall;
  argumentsJson: string;
  otherParamsJson: string | undefined;
  count: number;
  waitMs: number;
  expiresInMs: number;
}>;

/**
 * What stands for a call that needs approval. `expired` is told to one asker; who asks after that opens a new approval.
 * A rejection stands until the approval would have expired. `refused`: nobody will be asked.
 */
export type ApprovalResult =
  | Readonly<{ status: 'pending'; approvalId: string; expiresAtMs: number }>
  | Readonly<{ status: 'approved'; approvalId: string }>
  | Readonly<{ status: 'expired'; approvalId: string }>
  | Readonly<{ status: 'rejected'; approvalId: string; comment: string | null }>
  | Readonly<{ status: 'refused'; reason: string }>;

/** Where an approval of a grant's call is by now, and since when. `withdrawn`: its caller wants it no more. */
export type ApprovalProgress = Readonly<{
  status: 'pending' | 'approved' | 'used' | 'rejected' | 'expired' | 'withdrawn';
  since: Date;
  requestedAt: Date;
  expiresAt: Date;
}>;

type ApprovalKey = Readonly<{ organizationId: string; grantId: string; approvalId: string }>;

/** The approvals of held calls; bound at the start, as they are another room. */
export type ApprovalRequests = Readonly<{
  /** Opens an approval when nothing stands; it is on record when this answers. */
  request: (asked: ApprovalRequest) => Promise<ApprovalResult>;
  /** Uses an approval for this call: true for one caller only, and only while it is approved. */
  use: (organizationId: string, approvalId: string, callId: string) => Promise<boolean>;
  /** Undoes this call's use: the call was not made. */
  giveBack: (organizationId: string, approvalId: string, callId: string) => Promise<void>;
  /** Undefined when the grant has no such approval. */
  find: (of: ApprovalKey) => Promise<ApprovalProgress | undefined>;
  /** Ends an approval that was not used, so that nobody is asked about it any more. */
  withdraw: (of: ApprovalKey) => Promise<void>;
}>;

type ApprovalUse = Readonly<{ organizationId: string; approvalId: string; callId: string }>;

/**
 * The same, none of which fails or takes longer than a call may wait. `use` answers undefined when it is not known
 * whether it was used.
 */
export type Approvals = Readonly<{
  request: (asked: ApprovalRequest) => Promise<ApprovalResult | Readonly<{ status: 'unavailable' }>>;
  use: (use: ApprovalUse) => Promise<boolean | undefined>;
  giveBack: (use: ApprovalUse) => void;
}>;

const GIVE_BACK_RETRY_DELAY_MS = 1000;
const MAX_GIVE_BACK_TRIES = 600;

/**
 * Approvals out of reach refuse. A use that is not known to be one within `timeoutMs` is given back once it is; giving
 * back is tried for ten minutes.
 */
export const makeApprovals = (heldCalls: ApprovalRequests, timeoutMs: number): Approvals => {
  const giveBack = ({ organizationId, approvalId, callId }: ApprovalUse, triesLeft = MAX_GIVE_BACK_TRIES): void => {
    const given = heldCalls.giveBack(organizationId, approvalId, callId).catch((error: unknown) => {
      log.warn('giving back an approval failed', { organizationId, triesLeft, error: errorText(error) });
      if (triesLeft > 0)
        startTimer('give_back', GIVE_BACK_RETRY_DELAY_MS, () =>
          giveBack({ organizationId, approvalId, callId }, triesLeft - 1),
        ).unref();
    });
    inBackground('give_back', given);
  };
  return {
    request: async (asked) => (await within(heldCalls.request(asked), timeoutMs)) ?? { status: 'unavailable' },
    use: async (use) => {
      const pending = heldCalls.use(use.organizationId, use.approvalId, use.callId);
      const used = await within(pending, timeoutMs);
      // Late or lost, it may have been used all the same.
      const late =
        used === undefined ? pending.catch(() => true).then((isUsed) => void (isUsed && giveBack(use))) : undefined;
      if (late) inBackground('give_back', late);
      return used;
    },
    giveBack: (use) => giveBack(use),
  };
};

/**
 * The question that a held call puts, about all that the request says. The policy decided, so there is one, and a tool
 * with it.
 */
export const toApprovalRequest = (
  call: GovernedCall,
  { rule, reason, approval }: Judged & Partial<Pick<Decision, 'approval'>>,
): ApprovalRequest => {
  const { grant, organization, identity, server, policy } = call.who;
  const tool = call.tool ?? '';
  const { digested, argumentsShown, othersShown } = coveredBy(call);
  const digest = argumentsDigest(organization.digestKey, digested);
  if (!policy || !approval || digest === null) throw new Error('a call is held by its policy only');
  const heldCall = {
    grantId: grant.id,
    identityId: identity.id,
    serverId: server.id,
    tool,
    argumentKeys: argumentKeys(call.arguments),
    argumentsDigest: digest,
    definitionHash: server.tools.get(toolOf(call) ?? '')?.definitionHash ?? null,
  };
  return {
    organizationId: organization.id,
    call: { ...heldCall, policyId: policy.id, policyVersion: policy.version, rule, reason },
    argumentsJson: JSON.stringify(argumentsShown),
    otherParamsJson: othersShown && JSON.stringify(othersShown),
    count: approval.count,
    waitMs: approval.waitSeconds * 1000,
    expiresInMs: approval.expiresInSeconds * 1000,
  };
};

/** The refusal of a call whose approvals are out of reach. */
export const unavailable = (call: GovernedCall, { rule }: Pick<Judged, 'rule'>): Judged => ({
  effect: 'deny',
  code: 'approval_required',
  rule,
  reason: `${call.tool} needs a person's approval, and approvals are out of reach; try again shortly`,
});

/** The refusal of a request that needs approval and can not ask for it. */
export const unaskable = (call: GovernedCall, { rule }: Pick<Judged, 'rule'>): Judged => ({
  effect: 'deny',
  code: 'approval_required',
  rule,
  reason: `${call.tool} needs a person's approval, which ${call.method} can't ask for`,
});

const pending = (
  { call: { rule, reason }, waitMs }: ApprovalRequest,
  { approvalId, expiresAtMs }: Extract<ApprovalResult, { status: 'pending' }>,
  nowMs: number,
): Judged => ({
  effect: 'hold',
  code: 'approval_required',
  rule,
  reason,
  approvalId,
  waiting: { approvalId, waitMs, expiresInMs: expiresAtMs - nowMs },
});

/** How a held call is answered by what stands for it, as long as that is no approval. */
export const awaiting = (
  call: GovernedCall,
  asked: ApprovalRequest,
  standing: Exclude<Awaited<ReturnType<Approvals['request']>>, { status: 'approved' }>,
  nowMs: number,
): Judged => {
  const { rule } = asked.call;
  const deny = { effect: 'deny', rule } as const;
  switch (standing.status) {
    case 'pending':
      return pending(asked, standing, nowMs);
    case 'rejected':
      return {
        ...deny,
        code: 'approval_rejected',
        reason:
          `${call.tool}: a reviewer rejected this call` + (standing.comment === null ? '' : `: ${standing.comment}`),
        approvalId: standing.approvalId,
      };
    case 'expired':
      return {
        ...deny,
        code: 'approval_expired',
        reason: `${call.tool}: the approval of this call has expired; repeat the call to ask again`,
        approvalId: standing.approvalId,
      };
    case 'refused':
      return { ...deny, code: 'approval_required', reason: standing.reason };
    case 'unavailable':
      return unavailable(call, asked.call);
  }
};

/** What the agent reads: of a held call, also what is pending and how to go on. */
export const told = (call: GovernedCall, judged: Judged): Judged =>
  judged.effect === 'hold' && judged.approvalId !== undefined
    ? {
        ...judged,
        reason:
          `${judged.reason.replace(/\.$/, '')}. This call of ${call.tool} is pending as approval ` +
          `${judged.approvalId}; once it is approved, repeating the same call with the same arguments runs ` +
          'it',
      }
    : judged;
