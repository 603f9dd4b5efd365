import type { Work } from './conditions/work.js';
import type { ApprovalTerms, Code, Facts, Reservation } from './facts.js';

export type Refusal = Readonly<{ outcome: 'refused'; effect: 'deny' | 'hold'; code: Code; reason: string; approval?: ApprovalTerms }>;

export type Verdict = Readonly<{ outcome: 'passed' }> | Refusal | Readonly<{ outcome: 'reserves'; reservation: Reservation }>;

/** One rule of a policy, ready to judge a call. `rule` is its JSON Pointer. */
export type Check = Readonly<{ rule: string; judge: (facts: Facts, work: Work) => Verdict }>;

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
  return { rule, judge: ({ tool, approved }) => (approved === true ? pass : { outcome: 'refused', effect: 'hold', code: 'approval_required', reason: reason(tool), approval }) };
}

export function deny(code: Code, reason: string): Refusal {
  return { outcome: 'refused', effect: 'deny', code, reason };
}
