import type { Decision, Facts } from '../../policy-engine/decide.js';
import { toApprovalRequest, awaiting, unaskable, unavailable, type Approvals } from './request-approval.js';
import type { GovernedCall, Judged } from './call.js';
import { CallFacts } from './call-facts.js';
import { judge } from './judge.js';
import { stale } from './refusals.js';
import { nothing, reserveLimits, type Reserved } from './reserve-limits.js';
import type { Reserve } from './reserve.js';

type ApprovalParts = Readonly<{
  reserve: Reserve;
  approvals: Approvals;
  isStale: () => boolean;
  now: () => number;
}>;

/** What people can be asked about. Neither a subscription nor each key of a completion is worth asking for. */
const HOLDABLE: ReadonlySet<string> = new Set(['tools/call', 'resources/read', 'prompts/get']);

const APPROVAL_TRIES = 3;

/** What judging a call anew takes. */
type Approving = Readonly<{ callId: string; inputSchema: Facts['inputSchema'] }>;

/**
 * What became of the approval that a held call needs. One that is approved is used, once, after the limits are
 * reserved: a call that they refuse doesn't use it. The call is judged anew with it. What gives back the limits gives
 * back the use too. Nothing but the append may take time after it is known that this process is not stale.
 */
export async function useApproval(
  parts: ApprovalParts,
  call: GovernedCall,
  held: Judged & Partial<Pick<Decision, 'approval'>>,
  { callId, inputSchema }: Approving,
): Promise<Reserved> {
  const { approvals } = parts;
  if (!HOLDABLE.has(call.method)) return { judged: unaskable(call, held), reservations: [], release: nothing };
  const asked = toApprovalRequest(call, held);
  for (let tries = 0; tries < APPROVAL_TRIES; tries += 1) {
    const standing = await approvals.request(asked);
    if (standing.status !== 'approved')
      return { judged: awaiting(call, asked, standing, parts.now()), reservations: [], release: nothing };
    const { approvalId } = standing;
    const again = judge(call, new CallFacts(call, parts.now(), inputSchema, true));
    if (again?.effect !== 'allow')
      return { judged: { ...(again ?? held), approvalId }, reservations: [], release: nothing };
    const reserved = await reserveLimits(parts.reserve, call, again);
    if (reserved.judged.effect !== 'allow') return { ...reserved, judged: { ...reserved.judged, approvalId } };
    const use = { organizationId: call.who.organization.id, approvalId, callId };
    const release = (): void => {
      reserved.release();
      approvals.giveBack(use);
    };
    const used = await approvals.use(use);
    if (used === true && !parts.isStale()) return { ...reserved, judged: { ...reserved.judged, approvalId }, release };
    if (used === true) {
      release();
      return { judged: { ...stale, approvalId }, reservations: [], release: nothing };
    }
    reserved.release();
    if (used === undefined) break;
    // Another call used it: this one asks anew.
  }
  return { judged: unavailable(call, held), reservations: [], release: nothing };
}
