import { inBackground, startTimer } from '../../platform/runtime/guard.js';
import type { HeldCall } from '../../record/event-log/events/index.js';
import { errorText, log } from '../../platform/runtime/log.js';
import { within } from '../../platform/runtime/within.js';

/**
 * Asks people to approve a held call. The reviewer sees `argumentsJson`, and `otherParamsJson` where the request says
 * more than its arguments.
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
 * The state of the approval that a held call needs. Only one caller gets `expired`; the next opens a new approval. A
 * rejection holds until the approval would have expired. `refused`: nobody will be asked.
 */
export type ApprovalResult =
  | Readonly<{ status: 'pending'; approvalId: string; expiresAtMs: number }>
  | Readonly<{ status: 'approved'; approvalId: string }>
  | Readonly<{ status: 'expired'; approvalId: string }>
  | Readonly<{ status: 'rejected'; approvalId: string; comment: string | null }>
  | Readonly<{ status: 'refused'; reason: string }>;

/** The status of an approval, and since when it has it. `withdrawn`: its caller cancelled the call. */
export type ApprovalProgress = Readonly<{
  status: 'pending' | 'approved' | 'used' | 'rejected' | 'expired' | 'withdrawn';
  since: Date;
  requestedAt: Date;
  expiresAt: Date;
}>;

type ApprovalKey = Readonly<{ organizationId: string; grantId: string; approvalId: string }>;

/** The approvals of held calls. The process binds them at its start, as another area keeps them. */
export type ApprovalRequests = Readonly<{
  /** Finds the approval that counts for this call, or opens one; an opened one is on record when this answers. */
  request: (request: ApprovalRequest) => Promise<ApprovalResult>;
  /** Uses an approval for this call: true for one caller only, and only while it is approved. */
  use: (organizationId: string, approvalId: string, callId: string) => Promise<boolean>;
  /** Undoes this call's use: the call was not made. */
  giveBack: (organizationId: string, approvalId: string, callId: string) => Promise<void>;
  /** Undefined when the grant has no such approval. */
  find: (key: ApprovalKey) => Promise<ApprovalProgress | undefined>;
  /** Ends an approval that was not used, so that nobody is asked about it any more. */
  withdraw: (key: ApprovalKey) => Promise<void>;
}>;

type ApprovalUse = Readonly<{ organizationId: string; approvalId: string; callId: string }>;

/**
 * The same functions, none of which fails or takes longer than a call may wait. `use` answers `taken` when another call
 * used the approval or it has ended, and `unknown` when the answer did not come in time.
 */
export type BoundedApprovals = Readonly<{
  request: (request: ApprovalRequest) => Promise<ApprovalResult | Readonly<{ status: 'unavailable' }>>;
  use: (use: ApprovalUse) => Promise<'used' | 'taken' | 'unknown'>;
  giveBack: (use: ApprovalUse) => void;
}>;

const GIVE_BACK_RETRY_DELAY_MS = 1000;
const MAX_GIVE_BACK_TRIES = 600;

/**
 * Bounds each question to `timeoutMs`; approvals out of reach refuse the call. A use whose answer came too late is
 * given back, which is tried for ten minutes.
 */
export const boundApprovals = (approvals: ApprovalRequests, timeoutMs: number): BoundedApprovals => {
  const giveBack = (use: ApprovalUse, triesLeft = MAX_GIVE_BACK_TRIES): void => {
    const { organizationId, approvalId, callId } = use;
    const givenBack = approvals.giveBack(organizationId, approvalId, callId).catch((error: unknown) => {
      log.warn('giving back an approval failed', { organizationId, triesLeft, error: errorText(error) });
      if (triesLeft > 0) startTimer('give_back', GIVE_BACK_RETRY_DELAY_MS, () => giveBack(use, triesLeft - 1)).unref();
    });
    inBackground('give_back', givenBack);
  };
  const use = async (one: ApprovalUse): Promise<'used' | 'taken' | 'unknown'> => {
    const answer = approvals.use(one.organizationId, one.approvalId, one.callId);
    const isUsed = await within(answer, timeoutMs);
    if (isUsed !== undefined) return isUsed ? 'used' : 'taken';
    // Without an answer in time the approval may have been used all the same.
    const late = answer.catch(() => true).then((isUsedLate) => void (isUsedLate && giveBack(one)));
    inBackground('give_back', late);
    return 'unknown';
  };
  return {
    request: async (request) => (await within(approvals.request(request), timeoutMs)) ?? { status: 'unavailable' },
    use,
    giveBack: (one) => giveBack(one),
  };
};
