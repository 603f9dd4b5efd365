import { approvalTerms } from './approval.js';
import { denying, holding, passing, type Check } from './check.js';
import type { CompiledEntry } from './compiled-entry.js';
import type { Action, ApprovalRule, LimitRule, Rule, ToolEntry } from './document.js';
import { operators } from './conditions/operators.js';
import { conditionsOf, conditionSteps, ruleChecks } from './conditions/rules.js';
import { haveSharedCounter, limitCheck } from './limits.js';
import { privateCounter } from './limits-of.js';
import { pointerTo } from '../platform/json/pointer.js';
import type { Sliced } from './slices.js';

/**
 * The rules that an entry and `all_tools` both may have. In each group the entry's come before those of `all_tools`.
 */
type Rules = Readonly<{ require?: readonly Rule[]; deny_if?: readonly Rule[]; limits?: readonly LimitRule[] }>;

type CompiledRules = Readonly<{
  denyIf: readonly Check[];
  require: readonly Check[];
  limits: readonly Check[];
  counted: readonly LimitRule[];
}>;

/** What holds for every name of a kind. */
export type ForAll = CompiledRules & Readonly<{ schema: readonly Check[]; approval: ApprovalRule }>;

/**
 * The reason for a tool that is not listed. A hidden tool gets the same, so that the text does not reveal that it
 * exists.
 */
export function notAllowed(tool: string): string {
  return `${tool} is not allowed by this policy`;
}

/** Compiles one entry of a section, in slices; `pointer` is its place in the document. */
export function* compileEntry(pointer: string, entry: ToolEntry, forAll: ForAll): Sliced<CompiledEntry> {
  const { reason, rate_limit: rate } = entry;
  const own = yield* compileRules(entry, pointer, reason);
  const rateLimit =
    rate === undefined
      ? []
      : [limitCheck({ ...rate, counter: privateCounter(pointer) }, `${pointer}/rate_limit`, reason)];
  const denied =
    entry.action === 'deny'
      ? [denying(`${pointer}/action`, 'denied_by_rule', (tool) => reason ?? `${tool} is denied by policy`)]
      : [];
  const needs = (tool: string): string => reason ?? `${tool} needs a person's approval`;
  const held =
    entry.action === 'require_approval'
      ? [holding(`${pointer}/action`, approvalTerms({ ...forAll.approval, ...entry.approval }), needs)]
      : [];
  const checks = inOrder(
    [passing(pointer), ...denied],
    { ...own, limits: [...held, ...own.limits, ...rateLimit] },
    forAll,
  );
  return {
    pointer,
    listed: true,
    checks,
    sharesCounters: haveSharedCounter([...own.counted, ...forAll.counted]),
    expressions: expressionsIn(checks),
  };
}

/** Whether an entry has a rule with a regular expression. */
export function hasExpression({ require = [], deny_if: denyIf = [] }: ToolEntry): boolean {
  return [...require, ...denyIf].some((rule) => conditionsOf(rule).some(({ op }) => operators[op].isExpression));
}

/** The steps that compiling an entry takes. */
export function entrySteps({ require = [], deny_if: denyIf = [] }: ToolEntry): number {
  let steps = 0;
  for (const rule of [...require, ...denyIf])
    for (const condition of conditionsOf(rule)) steps += conditionSteps(condition);
  return steps;
}

/** The entry for the names of a kind that have no entry of their own. */
export function compileDefault(action: Action, forAll: ForAll): CompiledEntry {
  const pointer = '/default';
  const listed = action === 'allow';
  const first = listed ? passing(pointer) : denying(pointer, 'not_listed', notAllowed);
  const checks = inOrder([first], noRules, forAll);
  return {
    pointer,
    listed,
    checks,
    sharesCounters: haveSharedCounter(forAll.counted),
    expressions: expressionsIn(checks),
  };
}

function expressionsIn(checks: readonly Check[]): readonly string[] {
  const found = new Set<string>();
  for (const { criterion } of checks) {
    for (const { op, value } of criterion?.conditions ?? [])
      if (operators[op].isExpression && typeof value === 'string') found.add(value);
  }
  return [...found];
}

/**
 * The checks in the order in which a call meets them. The check that holds a call for approval comes first among the
 * limits.
 */
function inOrder(first: readonly Check[], own: CompiledRules, forAll: ForAll): readonly Check[] {
  return [
    ...first,
    ...own.denyIf,
    ...forAll.denyIf,
    ...own.require,
    ...forAll.require,
    ...forAll.schema,
    ...own.limits,
    ...forAll.limits,
  ];
}

const noRules: CompiledRules = { denyIf: [], require: [], limits: [], counted: [] };

/** `all_tools` and `check_arguments` are about tools. */
export const noRulesForAll: Omit<ForAll, 'approval'> = { ...noRules, schema: [] };

/** Compiles the rules of an entry or of `all_tools`, in slices. */
export function* compileRules(
  { require = [], deny_if: denyIf = [], limits = [] }: Rules,
  pointer: string,
  reason?: string,
): Sliced<CompiledRules> {
  return {
    denyIf: yield* ruleChecks('deny_if', denyIf, `${pointer}/deny_if`, reason),
    require: yield* ruleChecks('require', require, `${pointer}/require`, reason),
    limits: limits.map((limit, index) => limitCheck(limit, pointerTo(`${pointer}/limits`, index), reason)),
    counted: limits,
  };
}
