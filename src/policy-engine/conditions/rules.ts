import { deny, type Check, type Unkept } from '../check.js';
import { compileCondition, type Finding, type Judge, type Within } from './condition.js';
import type { Work } from './work.js';
import type { Condition, Rule } from '../document.js';
import type { Facts } from '../facts.js';
import { pointerTo } from '../../platform/json/pointer.js';
import type { Sliced } from '../slices.js';

const MAX_PATHS_SHOWN = 3;

/**
 * The checks of a list of `require` or `deny_if` rules, in its order, compiled in slices; `pointer` is that of the
 * list. A rule's own `on_deny` goes before the entry's reason.
 */
export function* ruleChecks(
  within: Within,
  rules: readonly Rule[],
  pointer: string,
  entryReason?: string,
): Sliced<readonly Check[]> {
  const checks: Check[] = [];
  for (const [index, rule] of rules.entries())
    checks.push(yield* ruleCheck(within, rule, pointerTo(pointer, index), rule.on_deny ?? entryReason));
  return checks;
}

/** Parsing the path of a condition, and a value that it compares with. */
const STEPS_PER_CONDITION = 500;
const STEPS_PER_VALUE = 50;

/** The steps that compiling a condition takes. */
export const conditionSteps = ({ value }: Condition): number =>
  STEPS_PER_CONDITION + (Array.isArray(value) ? STEPS_PER_VALUE * value.length : 0);

/** The conditions of either form of a rule. */
export function conditionsOf(rule: Rule): readonly Condition[] {
  return 'conditions' in rule ? rule.conditions : [rule];
}

const noValue: Unkept = {};

/** Refuses arguments that the tool's input schema does not accept, and every call of a tool without a usable schema. */
export const argumentsCheck: Check = {
  rule: '/check_arguments',
  criterion: { kind: 'check_arguments', conditions: [] },
  judge: ({ tool, arguments: given, inputSchema, amounts }) => {
    // Only recorded calls have `amounts`; records hold neither their arguments nor the schema.
    if (amounts !== undefined)
      return { ...deny('arguments_invalid', `${tool}: its arguments are not kept`), unkept: noValue };
    if (inputSchema === undefined)
      return deny(
        'arguments_invalid',
        `${tool}: its input schema is not known or can't be checked, so its arguments can't be either`,
      );
    const wrong = inputSchema.validate(given ?? {});
    if (wrong.length === 0) return { outcome: 'passed' };
    return deny(
      'arguments_invalid',
      `${tool}: its input schema does not take these arguments; wrong: ${wrong.map((at) => at || '/').join(', ')}`,
    );
  },
};

// A reason names the paths of a rule, never a value of the call or of the policy.
function* ruleCheck(within: Within, rule: Rule, pointer: string, reason: string | undefined): Sliced<Check> {
  const conditions = conditionsOf(rule);
  const judges: Judge[] = [];
  for (const condition of conditions) {
    judges.push(compileCondition(condition, within));
    yield conditionSteps(condition);
  }
  const combine = within === 'require' ? all : noneFalse;
  const about = pathsOf(conditions);
  return {
    rule: pointer,
    criterion: { kind: within, conditions },
    judge: (facts, work) => {
      const truth = combine(judges, facts, work);
      if (truth === (within === 'require')) return { outcome: 'passed' };
      const refusal = deny('argument_rule', reason ?? usualReason(within, facts.tool, about, truth));
      if (truth === 'unkept') return { ...refusal, unkept: noValue };
      return truth === 'undecidable' ? { ...refusal, isUndecidable: true } : refusal;
    },
  };
}

/** Whether every condition holds. A condition that does not hold decides, also after one that is `unkept`. */
function all(judges: readonly Judge[], facts: Facts, work: Work): Finding {
  let truth: Finding = true;
  for (const judge of judges) {
    const one = judge(facts, work);
    if (one === 'unkept') truth = one;
    else if (one !== true) return one;
  }
  return truth;
}

/**
 * Whether no condition is false. A false condition decides, also after undecidable ones; an `unkept` one may be false.
 */
function noneFalse(judges: readonly Judge[], facts: Facts, work: Work): Finding {
  let truth: Finding = true;
  for (const judge of judges) {
    const one = judge(facts, work);
    if (one === false) return false;
    if (one !== true && truth !== 'unkept') truth = one;
  }
  return truth;
}

function usualReason(within: Within, tool: string, about: string, truth: Finding): string {
  if (truth === 'undecidable') return `${tool}: the policy has a rule on ${about} that can't be judged for this call`;
  return within === 'require'
    ? `${tool}: the policy requires something else of ${about}`
    : `${tool}: the policy refuses this because of ${about}`;
}

function pathsOf(conditions: readonly Condition[]): string {
  const paths = [...new Set(conditions.map(({ path }) => path))];
  if (paths.length === 0) return 'this tool';
  return paths.slice(0, MAX_PATHS_SHOWN).join(', ') + (paths.length > MAX_PATHS_SHOWN ? ' and others' : '');
}
