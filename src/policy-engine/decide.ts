import { deny, type Check, type Refusal } from './check.js';
import { namesOf, PIN_RULE, planFor, type CompiledPolicy, type Plan } from './compile.js';
import { newWork, type Work } from './conditions/work.js';
import { MAX_NAME_LENGTH, type Decision, type Facts, type Kind, type Reservation } from './facts.js';
import { shareAmounts } from './limits.js';
import type { Pins } from './pins.js';
import { MAX_PATTERN_STEPS } from './pattern-index.js';
import {
  isResourceListed,
  judgeSpellings,
  planOf,
  planOfAll,
  reservationsOfAll,
  resourceIn,
  strictestOf,
  type Resource,
} from './resource-entries.js';
import { windowText } from './windows.js';

export type { ApprovalTerms, Code, CompiledSchema, Decision, Facts, Kind, Reservation } from './facts.js';
export { limitRefusal } from './limits.js';

/**
 * What one rule did to a call; `undecidable`: it refused because it could not be judged. `decideWithTrace`
 * lists the rules in the order in which a call meets them.
 */
export type TraceStep = Readonly<{
  rule: string;
  outcome: 'passed' | 'refused' | 'undecidable' | 'not_reached' | 'reserves';
  detail?: string;
}>;

/**
 * The result of the checks of a call. Those before `reached` passed; the one at `reached` made the `refusal`. A refusal
 * before all checks has `reached: unreached`.
 */
type Judgement = Readonly<{ reached: number; refusal?: Refusal; reservations: readonly Reservation[] }>;

const nothing: readonly Reservation[] = [];
const unreached = -1;

/**
 * Decides one call, but for the state of limits. A refusal names the first rule that refuses. An allow lists the
 * reservations that the caller must make, all or none, before it holds; in monitor mode the caller reserves without a
 * cap. `pins` are those of the policy's version; without them no definition counts as changed. The same input always
 * gives the same decision.
 */
export function decide(policy: CompiledPolicy, facts: Facts, pins?: Pins): Decision {
  const unreadable = refuseUnreadable(facts);
  if (unreadable) return unreadable;
  if (facts.kind === 'resource') return decideResource(policy, facts).decision;
  const plan = planFor(facts.kind === 'prompt' ? policy.prompts : policy, facts.tool);
  if (plan.steps > MAX_PATTERN_STEPS) return tooCostly(facts);
  return decisionOf(policy, facts, plan, isPinBroken(policy, facts, pins) ? pinBroken(facts.tool) : judge(plan, facts));
}

/** Decides like `decide`, and lists every rule for this call, also those after the refusal. */
export function decideWithTrace(
  policy: CompiledPolicy,
  facts: Facts,
  pins?: Pins,
): Readonly<{ decision: Decision; trace: readonly TraceStep[] }> {
  const unreadable = refuseUnreadable(facts);
  if (unreadable) return { decision: unreadable, trace: [] };
  const decided = facts.kind === 'resource' ? decideResource(policy, facts) : decideName(policy, facts, pins);
  const { plan, judgement, decision } = decided;
  if (decision.code === 'malformed') return { decision, trace: [] };
  const steps = plan.checks.map((check, index) => step(check, index, judgement));
  return {
    decision,
    trace: judgement.reached === unreached ? [step({ rule: PIN_RULE }, unreached, judgement), ...steps] : steps,
  };
}

/**
 * Whether a list shows this name. Denied names stay, so that the agent can read the reason. Hidden names, names that
 * patterns can't judge within their steps and, under `default: deny`, unlisted names do not. The steps of the patterns
 * are taken from `work`.
 */
export function isListed(policy: CompiledPolicy, name: string, kind: Kind = 'tool', work?: Work): boolean {
  if (policy.mode === 'monitor') return true;
  if (name.length > MAX_NAME_LENGTH[kind]) return false;
  if (kind === 'resource') return isResourceListed(policy.resources, name, work);
  const { hidden, entry, steps } = planFor(namesOf(policy, kind), name);
  if (work) work.left -= steps;
  return !hidden && entry.listed;
}

/** The decision for a call that no policy can judge; undefined for every other call. */
function refuseUnreadable({ kind = 'tool', tool }: Facts): Decision | undefined {
  return tool.length > MAX_NAME_LENGTH[kind]
    ? malformed(`the name of the ${kind} is longer than ${MAX_NAME_LENGTH[kind]} characters`)
    : undefined;
}

const tooCostly = ({ kind = 'tool' }: Facts): Decision =>
  malformed(
    `judging the name of this ${kind} by the patterns of the policy takes more than ${MAX_PATTERN_STEPS} steps`,
  );

const malformed = (reason: string): Decision => ({
  effect: 'deny',
  code: 'malformed',
  rule: null,
  reason,
  reservations: nothing,
});

const undecided: Judgement = { reached: unreached, reservations: nothing };

const ambiguousUri = malformed(
  'the URI of the resource can be read in more than one way (steps . or .., control characters, ' +
    'escapes of escapes or of what is not UTF-8)',
);

type Decided = Readonly<{ plan: Plan; judgement: Judgement; decision: Decision }>;

function decideName(policy: CompiledPolicy, facts: Facts, pins?: Pins): Decided {
  const plan = planFor(namesOf(policy, facts.kind ?? 'tool'), facts.tool);
  if (plan.steps > MAX_PATTERN_STEPS) return { plan, judgement: undecided, decision: tooCostly(facts) };
  const judgement = isPinBroken(policy, facts, pins) ? pinBroken(facts.tool) : judge(plan, facts);
  return { plan, judgement, decision: decisionOf(policy, facts, plan, judgement) };
}

/**
 * Servers may read several spellings of a URI as the same resource. So every entry for one of the spellings must pass
 * each of them, the strictest refusal counts, and the limits of all these entries are reserved.
 */
function decideResource(policy: CompiledPolicy, facts: Facts): Decided {
  const resource = resourceIn(policy.resources, facts.tool);
  if (typeof resource === 'string') {
    const decision = resource === 'ambiguous' ? ambiguousUri : tooCostly(facts);
    return { plan: planOf(policy.resources.fallback), judgement: undecided, decision };
  }
  const work = newWork();
  const judged = judgeSpellings(resource, facts, (plan, given) => ({ plan, judgement: judge(plan, given, work) }));
  const refused = strictestOf(judged, ({ judgement: { refusal } }) => refusal);
  const { plan, judgement } =
    refused ??
    passingAll(
      resource,
      judged.map((one) => one.judgement),
    );
  return { plan, judgement, decision: decisionOf(policy, facts, plan, judgement) };
}

function passingAll(resource: Resource, judged: readonly Judgement[]): Pick<Decided, 'plan' | 'judgement'> {
  const plan = planOfAll(resource);
  return { plan, judgement: { reached: plan.checks.length, reservations: reservationsOfAll(judged) } };
}

function isPinBroken(
  { pinTools }: CompiledPolicy,
  { kind = 'tool', definition }: Facts,
  pins: Pins | undefined,
): boolean {
  return (
    pinTools && pins !== undefined && definition !== undefined && kind === 'tool' && definition.isChangedFrom(pins)
  );
}

function pinBroken(tool: string): Judgement {
  const reason =
    `the definition of ${tool} has changed since this policy was published; a policy manager can look ` +
    'at it and accept it';
  return { reached: unreached, refusal: deny('tool_changed', reason), reservations: nothing };
}

function judge({ checks, entry }: Plan, facts: Facts, work: Work = newWork()): Judgement {
  const reservations: Reservation[] = [];
  for (const [index, check] of checks.entries()) {
    const verdict = check.judge(facts, work);
    if (verdict.outcome === 'refused') return { reached: index, refusal: verdict, reservations: nothing };
    if (verdict.outcome === 'reserves') reservations.push(verdict.reservation);
  }
  return { reached: checks.length, reservations: entry.sharesCounters ? shareAmounts(reservations) : reservations };
}

// Object literals spelled out: a spread with more keys after it costs a microsecond, half of the budget of a decision.
function decisionOf(
  policy: CompiledPolicy,
  facts: Facts,
  plan: Plan,
  { reached, refusal, reservations }: Judgement,
): Decision {
  const entry = plan.entry.pointer;
  if (refusal === undefined)
    return {
      effect: 'allow',
      code: 'allowed',
      rule: entry,
      reason: `${facts.tool} is allowed by policy`,
      reservations,
    };
  const { effect, code, reason } = refusal;
  const rule = reached === unreached ? policy.pinRule : (plan.checks[reached]?.rule ?? null);
  if (policy.mode === 'enforce')
    return refusal.approval === undefined
      ? { effect, code, rule, reason, reservations }
      : { effect, code, rule, reason, reservations, approval: refusal.approval };
  return {
    effect: 'allow',
    code: 'allowed',
    rule: entry,
    reason: monitorReason(reason),
    reservations,
    would: { effect, code, rule },
  };
}

/** The reason for a call that monitor mode allows although a rule refuses it. */
export function monitorReason(reason: string): string {
  return `monitor mode; enforced, it would be refused: ${reason}`;
}

function step({ rule }: Pick<Check, 'rule'>, index: number, { reached, refusal, reservations }: Judgement): TraceStep {
  if (index > reached) return { rule, outcome: 'not_reached' };
  if (index === reached)
    return { rule, outcome: refusal?.isUndecidable ? 'undecidable' : 'refused', detail: refusal?.reason };
  const reservation = reservations.find(({ pointer }) => pointer === rule);
  if (reservation === undefined) return { rule, outcome: 'passed' };
  const { amount, max, window, scope, counter } = reservation;
  return {
    rule,
    outcome: 'reserves',
    detail: `adds ${amount} to ${counter}, at most ${max} per ${windowText(window)} and ${scope}`,
  };
}
