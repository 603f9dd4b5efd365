import type { Check, Refusal } from './check.js';
import { planFor, type CompiledPolicy, type Plan } from './compile.js';
import { newWork } from './conditions/work.js';
import type { Decision, Facts, Reservation } from './facts.js';
import { shareAmounts } from './limits.js';
import { windowText } from './windows.js';

export type { Code, CompiledSchema, Decision, Facts, Reservation } from './facts.js';
export { limitRefusal } from './limits.js';

/** One rule as `decideWithTrace` met it, in the order of contract section 4. */
export type TraceStep = Readonly<{ rule: string; outcome: 'passed' | 'refused' | 'not_reached' | 'reserves'; detail?: string }>;

/** What came of the checks: those before `reached` passed; `refusal` is what the one at `reached` said. */
type Judgement = Readonly<{ reached: number; refusal?: Refusal; reservations: readonly Reservation[] }>;

const nothing: readonly Reservation[] = [];

/** The longest tool name that is judged, in UTF-16 units: it bounds the time of a decision over many patterns. */
export const longestToolName = 256;

/**
 * Decides one call: everything but the state of limits. The first rule that refuses is named. An allow lists what must be
 * reserved, all or none, before it holds; in monitor mode the caller reserves without a cap. The same input always gives the same decision.
 */
export function decide(policy: CompiledPolicy, facts: Facts): Decision {
  if (facts.tool.length > longestToolName) return tooLong;
  const plan = planFor(policy, facts.tool);
  return decisionOf(policy, facts, plan, judge(plan, facts));
}

/** `decide`, and every rule that it went or would have gone through. */
export function decideWithTrace(policy: CompiledPolicy, facts: Facts): Readonly<{ decision: Decision; trace: readonly TraceStep[] }> {
  if (facts.tool.length > longestToolName) return { decision: tooLong, trace: [] };
  const plan = planFor(policy, facts.tool);
  const judgement = judge(plan, facts);
  const trace = plan.checks.map((check, index) => step(check, index, judgement));
  return { decision: decisionOf(policy, facts, plan, judgement), trace };
}

/** Whether `tools/list` shows a tool. Denied tools stay, so that the agent can read why; hidden ones and, under `default: deny`, unlisted ones don't. */
export function isListed(policy: CompiledPolicy, tool: string): boolean {
  if (policy.mode === 'monitor') return true;
  if (tool.length > longestToolName) return false;
  const { hidden, entry } = planFor(policy, tool);
  return !hidden && entry.listed;
}

const tooLong: Decision = {
  effect: 'deny',
  code: 'malformed',
  rule: null,
  reason: `the tool name is longer than ${longestToolName} characters`,
  reservations: nothing,
};

function judge({ checks, entry }: Plan, facts: Facts): Judgement {
  const reservations: Reservation[] = [];
  const work = newWork();
  for (const [index, check] of checks.entries()) {
    const verdict = check.judge(facts, work);
    if (verdict.outcome === 'refused') return { reached: index, refusal: verdict, reservations: nothing };
    if (verdict.outcome === 'reserves') reservations.push(verdict.reservation);
  }
  return { reached: checks.length, reservations: entry.sharesCounters ? shareAmounts(reservations) : reservations };
}

// Object literals spelled out: a spread with more keys after it costs a microsecond, half of the budget of a decision.
function decisionOf(policy: CompiledPolicy, facts: Facts, plan: Plan, { reached, refusal, reservations }: Judgement): Decision {
  const entry = plan.entry.pointer;
  if (refusal === undefined) return { effect: 'allow', code: 'allowed', rule: entry, reason: `${facts.tool} is allowed by policy`, reservations };
  const { effect, code, reason } = refusal;
  const rule = plan.checks[reached]?.rule ?? null;
  if (policy.mode === 'enforce') return { effect, code, rule, reason, reservations };
  return { effect: 'allow', code: 'allowed', rule: entry, reason: monitorReason(reason), reservations, would: { effect, code, rule } };
}

/** What is said of a call that monitor mode lets pass although a rule refuses it. */
export function monitorReason(reason: string): string {
  return `monitor mode; enforced, it would be refused: ${reason}`;
}

function step({ rule }: Check, index: number, { reached, refusal, reservations }: Judgement): TraceStep {
  if (index > reached) return { rule, outcome: 'not_reached' };
  if (index === reached) return { rule, outcome: 'refused', detail: refusal?.reason };
  const reservation = reservations.find(({ pointer }) => pointer === rule);
  if (reservation === undefined) return { rule, outcome: 'passed' };
  const { amount, max, window, scope, counter } = reservation;
  return { rule, outcome: 'reserves', detail: `adds ${amount} to ${counter}, at most ${max} per ${windowText(window)} and ${scope}` };
}
