import { namesOf, planFor, type CompiledPolicy, type Plan } from '../compile.js';
import { newWork, type Work } from '../conditions/work.js';
import type { Code, Facts, Reservation } from '../facts.js';
import { shareAmounts } from '../limits.js';
import { MAX_PATTERN_STEPS } from '../pattern-index.js';
import { judgeSpellings, reservationsOfAll, resourceIn, strictestOf } from '../resource-entries.js';
import { Counters, type Added } from './counters.js';
import { knownFrom, type Known } from './known.js';
import { recordedArguments, type RecordedDecision } from './recorded-decision.js';

/**
 * What a policy says about a recorded decision. `sure` is whether the effect is certain; if not, `effect` is what it is
 * when the rules in `unkept` refuse nothing. `unkept` names the rules that could not be judged, values not being kept,
 * and that come before the one that decided.
 */
export type Replayed = Readonly<{
  sure: boolean;
  effect: 'allow' | 'deny' | 'hold';
  code: Code;
  rule: string | null;
  unkept: readonly string[];
}>;

type Judged = Omit<Replayed, 'sure'> & Readonly<{ reservations: readonly Reservation[] }>;

/**
 * Judges recorded decisions by a policy, in the order they are given, as enforcing it then would have: the same checks
 * in the same order, and limits by counters of its own that begin at 0. What depends on values that are not kept is
 * never guessed: such a call is told apart, and counters go on knowing the least and the most that they hold. Memory is
 * bounded by the counters in use and by the calls that wait for `givenBack`.
 */
export class Replay {
  readonly #policy: CompiledPolicy;
  readonly #counters = new Counters();
  readonly #doubtful = new Map<string, readonly Added[]>();

  constructor(policy: CompiledPolicy) {
    this.#policy = policy;
  }

  judge(decision: RecordedDecision): Replayed {
    const judged = judgeRules(this.#policy, decision);
    const { effect, code, rule, unkept, reservations } = judged;
    if (effect !== 'allow') return { sure: effect === 'deny' || unkept.length === 0, effect, code, rule, unkept };
    return reservations.length === 0 || decision.counts === 'never'
      ? { sure: unkept.length === 0, effect, code, rule, unkept }
      : this.#reserve(decision, judged);
  }

  /** What a call that counted `perhaps` had reserved is given back by now; until then it may still have counted. */
  givenBack(callId: string): void {
    this.#counters.giveBack(this.#doubtful.get(callId) ?? []);
    this.#doubtful.delete(callId);
  }

  #reserve(
    { callId, counts, facts }: RecordedDecision,
    { effect, code, rule, unkept, reservations }: Judged,
  ): Replayed {
    const fit = this.#counters.fit(reservations, facts.now);
    const doubtful = [...new Set([...unkept, ...fit.unsure.map(({ pointer }) => pointer)])];
    if (fit.refusedBy)
      return { sure: true, effect: 'deny', code: 'rate_limited', rule: fit.refusedBy.pointer, unkept: doubtful };
    const sure = doubtful.length === 0;
    const added = this.#counters.add(reservations, facts.now, sure && counts === 'surely');
    if (counts === 'perhaps') this.#doubtful.set(callId, added);
    return { sure, effect, code, rule, unkept: doubtful };
  }
}

const nothing: readonly Reservation[] = [];

/** Everything but the state of limits, in the way of `decide`. */
function judgeRules(policy: CompiledPolicy, decision: RecordedDecision): Judged {
  const known = knownFrom(decision);
  const facts: Facts = { ...decision.facts, arguments: recordedArguments(decision), amounts: known.amounts };
  const { kind = 'tool', tool } = facts;
  if (kind === 'resource') return judgeResource(policy, facts, known);
  const plan = planFor(namesOf(policy, kind), tool);
  return plan.steps > MAX_PATTERN_STEPS ? unjudged : judgePlan(plan, facts, known, newWork());
}

/** What enforcement refuses without asking the policy. */
const unjudged: Judged = { effect: 'deny', code: 'malformed', rule: null, unkept: [], reservations: nothing };

function judgeResource({ resources }: CompiledPolicy, facts: Facts, known: Known): Judged {
  const resource = resourceIn(resources, facts.tool);
  if (typeof resource === 'string') return unjudged;
  const work = newWork();
  const judged = judgeSpellings(resource, facts, (plan, given) => judgePlan(plan, given, known, work));
  const unkept = [...new Set(judged.flatMap((one) => one.unkept))];
  const strictest = strictestOf(judged, ({ effect }) => (effect === 'allow' ? undefined : { effect }));
  if (strictest !== undefined) return strictest.effect === 'deny' ? strictest : { ...strictest, unkept };
  return {
    effect: 'allow',
    code: 'allowed',
    rule: resource.entries[0]?.pointer ?? null,
    unkept,
    reservations: reservationsOfAll(judged),
  };
}

function judgePlan({ checks, entry }: Plan, facts: Facts, known: Known, work: Work): Judged {
  const unkept: string[] = [];
  const reservations: Reservation[] = [];
  for (const check of checks) {
    const verdict = check.judge(facts, work);
    if (verdict.outcome === 'passed') continue;
    if (verdict.outcome === 'reserves') {
      reservations.push(verdict.reservation);
      continue;
    }
    const passed = verdict.unkept && known.passed(check);
    if (passed) continue;
    if (verdict.unkept && passed === undefined) {
      unkept.push(check.rule);
      if (verdict.unkept.reservation) reservations.push(verdict.unkept.reservation);
      continue;
    }
    return { effect: verdict.effect, code: verdict.code, rule: check.rule, unkept, reservations: nothing };
  }
  return {
    effect: 'allow',
    code: 'allowed',
    rule: entry.pointer,
    unkept,
    reservations: entry.sharesCounters ? shareAmounts(reservations) : reservations,
  };
}
