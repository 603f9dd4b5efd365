import type { EventOf } from './envelope.js';
import type { MeaningLines } from './meaning.js';

declare module '../../../platform/crypto/ids.js' {
  interface IdPrefixes {
    apr: true;
  }
}

/**
 * The exact call that an approval is for. It is approved as a whole: another grant, tool, argument, definition or
 * policy version is another call.
 */
export type HeldCall = Readonly<{
  grantId: string;
  identityId: string;
  serverId: string;
  tool: string;
  argumentKeys: readonly string[];
  argumentsDigest: string;
  definitionHash: string | null;
  policyId: string;
  policyVersion: number;
  rule: string | null;
  reason: string;
}>;
export type ApprovalStatus = 'pending' | 'approved' | 'rejected' | 'expired';

/**
 * `status` is what the approval has become by one person's decision. `memberId` is that person; an API key counts as
 * the member who issued it.
 */
export type ApprovalBody =
  | EventOf<'approval.requested', HeldCall & { approvalId: string; count: number; expiresAt: string }>
  | EventOf<
      'approval.decided',
      {
        approvalId: string;
        grantId: string;
        identityId: string;
        serverId: string;
        tool: string;
        decision: 'approved' | 'rejected';
        status: ApprovalStatus;
        memberId: string;
        comment: string | null;
        /** The attribute `team` of the identity whose call it is, and that of the identity of who decided. */
        identityTeam?: string | null;
        approverTeam?: string | null;
      }
    >
  | EventOf<
      'approval.expired',
      { approvalId: string; grantId: string; identityId: string; serverId: string; tool: string }
    >;

/** What they mean. The compiler refuses this table when it misses one. */
export const approvalMeanings: MeaningLines<ApprovalBody> = {
  'approval.requested': ['Call held for approval', 'hold', 'find', 'low'],
  'approval.decided': ['Approval decided', 'hold', 'resolve', 'low'],
  'approval.expired': ['Approval expired', 'hold', 'resolve'],
};
