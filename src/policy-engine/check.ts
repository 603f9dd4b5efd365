import type { Within } from './conditions/condition.js';
import type { Work } from './conditions/work.js';
import type { Condition, LimitRule } from './document.js';
import type { ApprovalTerms, Code, Facts, Reservation } from './facts.js';

/**
 * `unkept`: judging asks for a value that a record does not keep, so that nobody knows whether the rule refused. It is
 * there for recorded calls only. Of a limit it has the reservation, with an infinite amount for one that is not known.
 */
export type Refusal = Readonly<{
  outcome: 'refused';
  effect: 'deny' | 'hold';
  code: Code;
  reason: string;
  approval?: ApprovalTerms;
  unkept?: Unkept;
}>;

export type Unkept = Readonly<{ reservation?: Reservation }>;

export type Verdict =
  Readonly<{ outcome: 'passed' }> | Refusal | Readonly<{ outcome: 'reserves'; reservation: Reservation }>;

/** What a check looks for in the arguments of a call. Checks with equal criteria judge every call alike. */
export type Criterion = Readonly<{ kind: Within | 'check_arguments'; conditions: readonly Condition[] }>;

/** One rule of a policy, ready to judge a call. `rule` is its JSON Pointer; `limit` what is counted. */
export type Check = Readonly<{
  rule: string;
  judge: (facts: Facts, work: Work) => Verdict;
  criterion?: Criterion;
  limit?: LimitRule;
}>;

const pass: Verdict = { outcome: 'passed' };

/** A check that always passes: it shows in a trace that the rule was looked at. */
export function passing(rule: string): Check {
  return { rule, judge: () => pass };
}

/** A check that refuses every call. */
export function denying(rule: string, code: Code, reason: (tool: string) => string): Check {
  return { rule, judge: ({ tool }) => deny(code, reason(tool)) };
}

/** A check that holds every call that was not approved. */
export function holding(rule: string, approval: ApprovalTerms, reason: (tool: string) => string): Check {
  return {
    rule,
    judge: ({ tool, approved }) =>
      approved === true
        ? pass
        : { outcome: 'refused', effect: 'hold', code: 'approval_required', reason: reason(tool), approval },
  };
}

/** A refusal that no approval can turn into a yes. */
export function deny(code: Code, reason: string): Refusal {
  return { outcome: 'refused', effect: 'deny', code, reason };
}
