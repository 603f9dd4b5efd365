import type { Within } from './conditions/condition.js';
import type { Work } from './conditions/work.js';
import type { Condition, LimitRule } from './document.js';
import type { ApprovalTerms, Code, Facts, Reservation } from './facts.js';

/**
 * A rule refuses a call. `unkept` is there for recorded calls only: the rule needs a value that records do not hold, so
 * nobody knows whether it refused. For a limit it has the reservation, with an infinite amount when that is unknown.
 */
export type Refusal = Readonly<{
  outcome: 'refused';
  effect: 'deny' | 'hold';
  code: Code;
  reason: string;
  approval?: ApprovalTerms;
  unkept?: Unkept;
  /** The rule could not be judged for this call, and refuses for that. */
  isUndecidable?: true;
}>;

export type Unkept = Readonly<{ reservation?: Reservation }>;

export type Verdict =
  Readonly<{ outcome: 'passed' }> | Refusal | Readonly<{ outcome: 'reserves'; reservation: Reservation }>;

/** What a check looks for in the arguments of a call. Checks with equal criteria judge every call alike. */
export type Criterion = Readonly<{ kind: Within | 'check_arguments'; conditions: readonly Condition[] }>;

/** One compiled rule of a policy. `rule` is its JSON Pointer; `limit` is there when the rule is a limit. */
export type Check = Readonly<{
  rule: string;
  judge: (facts: Facts, work: Work) => Verdict;
  criterion?: Criterion;
  limit?: LimitRule;
}>;

const pass: Verdict = { outcome: 'passed' };

/** A check that always passes: it makes the rule appear in traces. */
export function passing(rule: string): Check {
  return { rule, judge: () => pass };
}

/** A check that refuses every call. */
export function denying(rule: string, code: Code, reason: (tool: string) => string): Check {
  return { rule, judge: ({ tool }) => deny(code, reason(tool)) };
}

/** A check that holds every call without an approval. */
export function holding(rule: string, approval: ApprovalTerms, reason: (tool: string) => string): Check {
  return {
    rule,
    judge: ({ tool, approved }) =>
      approved === true
        ? pass
        : { outcome: 'refused', effect: 'hold', code: 'approval_required', reason: reason(tool), approval },
  };
}

/** A refusal that no approval lifts. */
export function deny(code: Code, reason: string): Refusal {
  return { outcome: 'refused', effect: 'deny', code, reason };
}
