import type { Decision, Facts } from '../../policy-engine/decide.js';
import {
  toApprovalRequest,
  approvalsUnavailable,
  decisionFor,
  refuseUnholdable,
  waitFor,
} from './approval-decisions.js';
import type { BoundedApprovals } from './request-approval.js';
import type { GovernedCall } from './call.js';
import { CallFacts } from './call-facts.js';
import { judge } from './judge.js';
import { STALE_DIRECTORY } from './refusals.js';
import { reserveLimits, withoutReservations, type ReservedDecision } from './reserve-limits.js';
import type { Reserve } from './reserve.js';

type ApprovalDeps = Readonly<{
  reserve: Reserve;
  approvals: BoundedApprovals;
  isStale: () => boolean;
  now: () => number;
}>;

/** What people can be asked about. Neither a subscription nor each key of a completion is worth asking for. */
const HOLDABLE: ReadonlySet<string> = new Set(['tools/call', 'resources/read', 'prompts/get']);

const MAX_APPROVAL_TRIES = 3;

/** What judging a call anew takes. */
type Rejudging = Readonly<{ callId: string; inputSchema: Facts['inputSchema'] }>;

/**
 * Decides a held call by its approval: opens one, answers how it stands, or uses it when it is approved. What gives
 * back the limits gives back the use too.
 */
export async function useApproval(
  deps: ApprovalDeps,
  call: GovernedCall,
  held: Decision,
  rejudging: Rejudging,
): Promise<ReservedDecision> {
  if (!HOLDABLE.has(call.method)) return withoutReservations(refuseUnholdable(call, held));
  const request = toApprovalRequest(call, held);
  for (let tries = 0; tries < MAX_APPROVAL_TRIES; tries += 1) {
    const state = await deps.approvals.request(request);
    if (state.status !== 'approved') {
      const decision = decisionFor(call, request, state);
      return { ...withoutReservations(decision), wait: waitFor(request, state, deps.now()) };
    }
    const used = await useApproved(deps, call, { ...rejudging, approvalId: state.approvalId });
    if (used === 'unknown') break;
    if (used !== 'taken') return used;
    // Another call used the approval: this one asks anew.
  }
  return withoutReservations(approvalsUnavailable(call, held));
}

/**
 * Judges a call as approved, reserves its limits, and uses the approval last: a call that limits refuse does not use
 * it. Nothing but the append may take time after it is known that this process is not stale. `taken`: another call
 * used the approval. `unknown`: approvals are out of reach.
 */
async function useApproved(
  { reserve, approvals, isStale, now }: ApprovalDeps,
  call: GovernedCall,
  { approvalId, callId, inputSchema }: Rejudging & Readonly<{ approvalId: string }>,
): Promise<ReservedDecision | 'taken' | 'unknown'> {
  const judged = judge(call, new CallFacts(call, now(), inputSchema, true));
  if (judged.effect !== 'allow') return withoutReservations({ ...judged, approvalId });
  const reserved = await reserveLimits(reserve, call, judged);
  const decision = { ...reserved.decision, approvalId };
  if (decision.effect !== 'allow') return { ...reserved, decision };
  const use = { organizationId: call.who.organization.id, approvalId, callId };
  const used = await approvals.use(use);
  if (used !== 'used') {
    reserved.release();
    return used;
  }
  const release = (): void => {
    reserved.release();
    approvals.giveBack(use);
  };
  if (!isStale()) return { ...reserved, decision, release };
  release();
  return withoutReservations({ ...STALE_DIRECTORY, approvalId });
}
