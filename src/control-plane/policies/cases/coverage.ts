import { checksOf, type CompiledPolicy } from '../../../policy-engine/compile.js';
import type { TraceStep } from '../../../policy-engine/decide.js';

/** How many calls came to a rule, and how many of them it refused or held. */
export type CoveredRule = Readonly<{ rule: string; calls: number; refused: number }>;

/** Which rules of a document were exercised, and which never. */
export type CoverageReport = Readonly<{ rules: number; exercised: readonly CoveredRule[]; never: readonly string[] }>;

/** Every rule that some call can come to, once, in the order of the document. */
const rulesOf = (policy: CompiledPolicy): ReadonlySet<string> => {
  return new Set(
    [policy, policy.resources, policy.prompts].flatMap((names) => checksOf(names).map(({ rule }) => rule)),
  );
};

/** Adds up which rules calls came to. */
export class Coverage {
  readonly #rules: Map<string, { calls: number; refused: number }>;

  constructor(policy: CompiledPolicy) {
    this.#rules = new Map([...rulesOf(policy)].map((rule) => [rule, { calls: 0, refused: 0 }]));
  }

  /** One call: what it went through, and the limit that was used up, if that is what refused it. */
  note(trace: readonly TraceStep[], usedUp: string | undefined): void {
    for (const { rule, outcome } of trace) {
      const counted = this.#rules.get(rule);
      if (counted === undefined || outcome === 'not_reached') continue;
      counted.calls += 1;
      if (outcome === 'refused' || outcome === 'undecidable' || rule === usedUp) counted.refused += 1;
    }
  }

  report(): CoverageReport {
    const all = [...this.#rules].map(([rule, counts]) => ({ rule, ...counts }));
    return {
      rules: all.length,
      exercised: all.filter(({ calls }) => calls > 0),
      never: all.filter(({ calls }) => calls === 0).map(({ rule }) => rule),
    };
  }
}
