import type { Criterion, Check } from '../check.js';
import { namesOf, planFor, type CompiledPolicy, type Plan } from '../compile.js';
import type { LimitRule } from '../document.js';
import { counterKey } from '../limits.js';
import { resourceIn } from '../resource-entries.js';
import type { RecordedDecision } from './recorded-decision.js';

/**
 * The criteria of a plan: the place of each rule by its criterion, and for each counter the one argument that is spent
 * on it.
 */
type PlanCriteria = Readonly<{ rules: ReadonlyMap<string, number>; spent: ReadonlyMap<string, string | undefined> }>;

const criteriaCache = new WeakMap<Plan, PlanCriteria>();

/**
 * What a recorded decision tells of rules and amounts beyond the record's own fields, when the version that decided is
 * known: a rule that stood in that version too was passed, or refused, and what was counted is what an argument said.
 */
export type Known = Readonly<{ passed: (check: Check) => boolean | undefined; amounts: ReadonlyMap<string, number> }>;

const nothing: Known = { passed: () => undefined, amounts: new Map() };

/**
 * What a recorded decision tells of rules and amounts; nothing when the version that decided is not known, or when it
 * may have read the name of a resource in several ways.
 */
export function knownFrom({ under, facts, reserved }: RecordedDecision): Known {
  if (under === undefined || (facts.kind === 'resource' && hasSeveralReadings(under.policy, facts.tool)))
    return nothing;
  const plan = planFor(namesOf(under.policy, facts.kind ?? 'tool'), facts.tool);
  const decidedAt =
    under.refusedBy === null ? plan.checks.length : plan.checks.findIndex(({ rule }) => rule === under.refusedBy);
  if (decidedAt < 0) return nothing;
  const { rules, spent } = criteriaOf(plan);
  const amounts = new Map<string, number>();
  for (const one of reserved) {
    const source = spent.get(counterKey(one));
    if (source !== undefined) amounts.set(source, one.amount);
  }
  return { passed: (check) => passedAt(rules.get(contentOf(check) ?? ''), decidedAt), amounts };
}

/** Which entry, and which of its spellings, decided about a resource is not on record. */
function hasSeveralReadings({ resources }: CompiledPolicy, uri: string): boolean {
  const resource = resourceIn(resources, uri);
  return (
    typeof resource === 'string' || resource.entries.length > 1 || resource.texts.length + resource.encoded.length > 1
  );
}

function passedAt(at: number | undefined, decidedAt: number): boolean | undefined {
  return at === undefined || at > decidedAt ? undefined : at < decidedAt;
}

function criteriaOf(plan: Plan): PlanCriteria {
  const known = criteriaCache.get(plan);
  if (known !== undefined) return known;
  const rules = new Map<string, number>();
  for (const [index, check] of plan.checks.entries()) {
    const content = contentOf(check);
    // Of two alike the first decides.
    if (content !== undefined && !rules.has(content)) rules.set(content, index);
  }
  const made = { rules, spent: spentAlone(plan.checks.flatMap(({ limit }) => limit ?? [])) };
  criteriaCache.set(plan, made);
  return made;
}

/** The counters to which one argument alone is added, and that argument's path. */
function spentAlone(limits: readonly LimitRule[]): ReadonlyMap<string, string | undefined> {
  const sources = new Map<string, Set<string | undefined>>();
  for (const limit of limits)
    sources.set(counterKey(limit), (sources.get(counterKey(limit)) ?? new Set()).add(limit.increment_from));
  return new Map(
    [...sources].flatMap(([key, of]) => (of.size === 1 ? [...of].map((source) => [key, source] as const) : [])),
  );
}

const contents = new WeakMap<Criterion, string>();

/** The criterion of a check as text; undefined when it has none. */
function contentOf({ criterion }: Check): string | undefined {
  if (criterion === undefined) return undefined;
  const known = contents.get(criterion);
  if (known !== undefined) return known;
  const text = JSON.stringify([criterion.kind, criterion.conditions.map(({ path, op, value }) => [path, op, value])]);
  contents.set(criterion, text);
  return text;
}
